"""Route: whether whole rows are multiplied, or rated cells alone, and how."""

from benchbox import FitContext
from benchbox_autoencoders.fused import FusedSteps
from benchbox_autoencoders.network import DENSE_FROM, Network
from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.steps import Steps


def choose_route(rows: Rows, options: AutoencoderOptions) -> Route:
    """Return how to train on *rows*: the way asked for, else the faster one."""
    if options.route != "auto":
        return options.route
    is_dense = len(rows.values) >= DENSE_FROM * len(rows) * rows.n_columns
    return "dense" if is_dense else "sparse"


def make_steps(
    network: Network, options: AutoencoderOptions, context: FitContext
) -> Steps | FusedSteps:
    """Return what trains *network* along its route, the fastest there is."""
    if network.route == "sparse" and context.device == "cpu":
        return FusedSteps(network, options, context.n_threads, context.precision)
    return Steps(network, options, context.precision)

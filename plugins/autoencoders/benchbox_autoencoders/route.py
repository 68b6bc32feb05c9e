"""Route: whether whole rows are multiplied, or rated cells alone, and how."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchbox import FitContext
from benchbox.models import Precision
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.steps import Steps

if TYPE_CHECKING:
    from benchbox_autoencoders.fused import FusedSteps

# Share of rated cells from which multiplying whole rows is faster. On the CPU it was
# measured, on two cores; elsewhere it follows from an H200's data sheet. Constants, not
# a stopwatch: the same options give the same bytes.
DENSE_FROM: Mapping[str, Mapping[Precision, float]] = {
    "cpu": {"float32": 0.4, "tf32": 0.2, "bfloat16": 0.2},
    "cuda": {"float32": 0.05, "tf32": 0.02, "bfloat16": 0.01},
}


def choose_route(rows: Rows, options: AutoencoderOptions, context: FitContext) -> Route:
    """Return how to train on *rows*: the way asked for, else the faster one."""
    if options.route != "auto":
        return options.route
    kind = context.device.partition(":")[0]
    edge = DENSE_FROM.get(kind, DENSE_FROM["cuda"])[context.precision]
    is_dense = len(rows.values) >= edge * len(rows) * rows.n_columns
    return "dense" if is_dense else "sparse"


def make_steps(
    network: Network, options: AutoencoderOptions, context: FitContext
) -> "Steps | FusedSteps":
    """Return what trains *network* along its route, the fastest there is."""
    if network.route == "sparse" and context.device == "cpu":
        from benchbox_autoencoders.fused import FusedSteps

        return FusedSteps(network, options, context.n_threads, context.precision)
    return Steps(network, options, context.precision)

"""The choice of a route: multiply whole rows, or only rated cells."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from benchbox import FitContext
from benchbox.models import Precision, is_accelerator
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Rows

if TYPE_CHECKING:
    from benchbox_autoencoders.steps import Steps

# Share of rated cells from which on multiplying whole rows is faster: on the CPU as
# measured on two cores, elsewhere as computed from the data sheet of an H200. These are
# constants, not measured in each run, so that the same options give the same bytes.
DENSE_FROM: Mapping[str, Mapping[Precision, float]] = {
    "cpu": {"float32": 0.25, "tf32": 0.25, "bfloat16": 0.18},
    "cpu, few rows": {"float32": 0.35, "tf32": 0.35, "bfloat16": 0.3},
    "accelerator": {"float32": 0.05, "tf32": 0.02, "bfloat16": 0.01},
}

# Up to this number of rows per batch, hidden units usually fit into the CPU cache, and
# products of whole rows do not reach full speed.
_FEW_ROWS = 128


def choose_route(rows: Rows, options: AutoencoderOptions, context: FitContext) -> Route:
    """Return the route asked for or, by default, the faster one for *rows*."""
    if options.route != "auto":
        return options.route
    kind = "cpu, few rows" if options.batch_size <= _FEW_ROWS else "cpu"
    if is_accelerator(context.device):
        kind = "accelerator"
    edge = DENSE_FROM[kind][context.precision]
    is_dense = len(rows.values) >= edge * len(rows) * rows.n_columns
    return "dense" if is_dense else "sparse"


def make_steps(
    network: Network, options: AutoencoderOptions, context: FitContext
) -> "Steps[Any]":
    """Return the fastest steps for the device and the route of *network*."""
    if is_accelerator(context.device):
        from benchbox_autoencoders.device import DeviceCells, DeviceRows

        kind = DeviceCells if network.route == "sparse" else DeviceRows
        return kind(network, options, context.precision)
    if network.route == "sparse":
        from benchbox_autoencoders.fused_cells import FusedCells

        return FusedCells(network, options, context.n_threads, context.precision)
    from benchbox_autoencoders.fused_rows import FusedRows

    return FusedRows(network, options, context.n_threads, context.precision)


def warm_up(asked: AutoencoderOptions) -> None:
    """Load the kernels that a fit on the CPU may need, or compile them.

    Args:
        asked: Options of the fit; its route may not be chosen yet.
    """
    options = AutoencoderOptions(hidden_units=(1,), batch_size=1)
    rows = Rows(
        counts=torch.tensor([1]),
        offsets=torch.tensor([0, 1]),
        columns=torch.tensor([0], dtype=torch.int32),
        values=torch.ones(1),
        n_columns=1,
    )
    generator = torch.Generator().manual_seed(0)
    network = Network(rows, options, generator)
    network.seed(generator)
    routes: tuple[Route, ...] = ("sparse", "dense")
    for route in routes if asked.route == "auto" else (asked.route,):
        network.route = route
        make_steps(network, options, FitContext()).epoch(rows, torch.tensor([0]))

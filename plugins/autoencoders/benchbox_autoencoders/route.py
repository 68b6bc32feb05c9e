"""Route: whether whole rows are multiplied, or rated cells alone."""

from benchbox.errors import ModelError
from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Rows

# Share of rated cells from which multiplying whole rows is faster. Measured once on two
# cores at 50 to 500 units, against hand-written dense steps at torch's fastest setting
# for float32. It is a constant, not a stopwatch: the same options give the same bytes.
_DENSE_FROM = 0.2

_SPARSE_OPTIMIZERS = ("adam", "adamw")


def choose_route(rows: Rows, options: AutoencoderOptions, device: str) -> Route:
    """Return how to train on *rows*: the way asked for, else the faster one.

    The sparse kernels are for processors, and take the steps of Adam alone.
    """
    if options.route != "auto":
        return options.route
    cells = len(rows) * rows.n_columns
    is_dense = len(rows.values) >= _DENSE_FROM * cells
    if device != "cpu" or is_dense or options.optimizer not in _SPARSE_OPTIMIZERS:
        return "dense"
    return "sparse"


def check_route(options: AutoencoderOptions, device: str) -> None:
    """Refuse a sparse route that is asked for where there is none.

    Raises:
        ModelError: The device or the optimizer has no sparse steps.
    """
    if options.route != "sparse":
        return
    if device != "cpu":
        raise ModelError(f"route=sparse runs on the cpu, not on {device}. Use auto.")
    if options.optimizer not in _SPARSE_OPTIMIZERS:
        raise ModelError(
            f"route=sparse trains by adam or adamw, not by {options.optimizer}; "
            f"use route=auto."
        )

"""Work: the arithmetic and the traffic a training step needs, and what a machine can.

With *n* rated cells in a batch of *B* rows, hidden layers of h_1 … h_L units and *P*
parameters, a step by Adam needs at least

- ``2 n h`` operations per product at rated cells: encoding and the first weights'
  gradient (h = h_1); the output, the gradient of the hidden units and that of the last
  weights (h = h_L);
- ``6 B h_i h_(i+1)`` per pair of layers between: forward, and both gradients;
- about ``12 P`` for Adam, 8 P for RMSprop;
- ``24 P`` bytes, since every weight and both its moments are read and written once in
  four bytes each (RMSprop has one: ``16 P``), plus ``4 n_columns (h_1 + h_L)`` for the
  first and last weights, read once more on the way forward.

A pass that is re-fed encodes a whole reconstruction in place of rated cells: ``4 h_1
h_L`` per column and per row of the batch where that is never written down, else ``2 B
n_columns (2 h_1 + h_L)``; the rest is as above, Adam and traffic included.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.refeeding import is_factored
from benchbox_autoencoders.rows import Rows

from tests.benchmarks.clocks import in_turn, two_threads

_FLOPS_PER_PARAMETER = {"adam": 12, "rmsprop": 8}
_BYTES_PER_PARAMETER = {"adam": 24, "rmsprop": 16}

_STREAM_LENGTH = 13_350_000


@dataclass(frozen=True, slots=True)
class Work:
    """Floating-point operations, and bytes that move between memory and chip."""

    flops: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Peaks:
    """What a device reaches, in units a second.

    Attributes:
        flops: Of a product of large float32 matrices, by torch's precision of it.
        bytes: Of reading and writing three arrays of 53 MB.
    """

    flops: dict[str, float]
    bytes: float


def least_work(options: AutoencoderOptions, rows: Rows) -> Work:
    """Return what one step on *rows*, which make one batch, needs at least."""
    first, last = options.hidden_units[0], options.hidden_units[-1]
    pairs = sum(map(prod, pairwise(options.hidden_units)))
    ends = rows.n_columns * (first if options.tied else first + last)
    n_parameters = ends + pairs + sum(options.hidden_units) + rows.n_columns
    n_cells, n_passes = len(rows.values), 1 + options.refeeding
    flops = n_passes * (
        6 * n_cells * last
        + 6 * len(rows) * pairs
        + _FLOPS_PER_PARAMETER[options.optimizer] * n_parameters
    )
    flops += 4 * n_cells * first + options.refeeding * _refed_flops(options, rows)
    traffic = _BYTES_PER_PARAMETER[options.optimizer] * n_parameters
    traffic += 4 * rows.n_columns * (first + last)
    return Work(flops=flops, bytes=n_passes * traffic)


def _refed_flops(options: AutoencoderOptions, rows: Rows) -> int:
    first, last = options.hidden_units[0], options.hidden_units[-1]
    if is_factored(len(rows), options):
        return 4 * first * last * (len(rows) + rows.n_columns)
    return 2 * len(rows) * rows.n_columns * (2 * first + last)


def measure_peaks(device: str) -> Peaks:
    """Return what *device* reaches, two threads on a processor: medians of five."""
    # An accelerator is so fast that starting its work would count.
    width, n_streams = (3072, 1) if device == "cpu" else (12_288, 20)
    one = torch.randn(width, width, device=device)
    out = torch.empty_like(one)
    arrays = [torch.ones(_STREAM_LENGTH, device=device) for _ in range(3)]

    def multiply(precision: str) -> None:
        torch.set_float32_matmul_precision(precision)
        torch.mm(one, one, out=out)

    works = {
        "highest": lambda: multiply("highest"),
        "medium": lambda: multiply("medium"),
        "stream": lambda: [array.neg_() for array in n_streams * arrays],
    }
    with two_threads():
        taken = in_turn(works, device)
    moved = 2 * n_streams * sum(array.nbytes for array in arrays)
    return Peaks(
        flops={name: 2 * width**3 / taken[name] for name in ("highest", "medium")},
        bytes=moved / taken["stream"],
    )

"""The sparse route on the CPU: gradient and update in one pass over rated cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.column_kernels import (
    MOST_AHEAD,
    rated_by,
    sort_by_column,
)
from benchbox_autoencoders.fused import Array, FusedSteps, aligned_zeros, whole_lines
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows

# Up to this number of hidden units per batch, torch computes them with one thread.
_SMALL = 1 << 18

# Batches that a thread sorts before the first of them is used: enough that starting
# takes no time, few enough to take little memory.
_SORTED_PER_THREAD = 4


class FusedCells(FusedSteps["ColumnBatch"]):
    """Multiplies only rated cells, column by column."""

    def __init__(
        self,
        network: Network,
        options: AutoencoderOptions,
        n_threads: int,
        precision: str = "float32",
    ) -> None:
        super().__init__(network, options, n_threads, precision)
        self._first = self._last = self._layer_of(network.first)
        if not options.tied:
            self._last = self._layer_of(network.last)
        self._offsets = _with_moments(network.offsets[-1].data[:, None], 1)
        network.offsets[-1].data = torch.from_numpy(self._offsets)[:, 0, 0]
        self._first_width, self._last_width = (
            whole_lines(weights.shape[1], self._dtype)
            for weights in (network.first, network.last)
        )
        # Reused arrays, by name and width of a row.
        self._buffers: dict[tuple[str, int], Array] = {}
        # Constants of the steps of batches that come together, by weight decay.
        self._rates_ahead: dict[float, Array] = {}

    @property
    def _n_torch_threads(self) -> int:
        return 1 if _is_small(self._options) else self._n_threads

    def _layer_of(self, weights: Tensor) -> Array:
        """Move *weights* next to their moments, as `kernels` expects a layer."""
        n_units = weights.shape[1]
        # Not a multiple of the size of a page, which would make the CPU take the
        # weights, which it writes, for the moments that it reads next.
        layer = _with_moments(weights, whole_lines(n_units, self._dtype, odd=True))
        weights.data = torch.from_numpy(layer)[:, 0, :n_units]
        return layer

    def _batches(self, rows: Rows, order: Tensor) -> Iterator["ColumnBatch"]:
        size = self._options.batch_size
        # A pass over a re-fed output has a gradient for every column.
        ahead = 1 if self._options.refeeding else MOST_AHEAD
        for several in torch.split(order, ahead * size):
            yield from Together(rows, several, size).batches(self._n_threads)

    def _encode(self, batch: "ColumnBatch") -> tuple[Array, Tensor]:
        given = self._network.corrupt(torch.from_numpy(batch.targets)).numpy()
        parts, product = self._sums_for(batch, "product", self._first_width)
        kernels.encode(
            batch.bounds,
            batch.columns,
            batch.starts,
            batch.places,
            given,
            self._first,
            self._first_width,
            parts,
            product,
        )
        return given, _units_of(product, self._network.first.shape[1])

    def _step_output(
        self, batch: "ColumnBatch", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        is_tied = self._options.tied
        slopes = np.empty_like(batch.targets)
        parts, back = self._sums_for(batch, "slope", self._last_width)
        losses = np.zeros(self._n_threads)
        kernels.step_output(
            batch.bounds,
            batch.columns,
            batch.steps,
            batch.starts,
            batch.places,
            batch.targets,
            self._aligned("hidden", hidden),
            self._last,
            self._offsets,
            self._scale(batch),
            self._activation,
            self._rates_of(batch, self._options.weight_decay),
            self._rates_of(batch, 0.0),
            self._last_width,
            parts,
            back,
            losses,
            slopes,
            is_tied,
        )
        needed = slopes if is_tied else slopes[:0]
        return float(losses.sum()), needed, _units_of(back, self._network.last.shape[1])

    def _step_input(
        self,
        batch: "ColumnBatch",
        given: Array,
        back: Tensor,
        slopes: Array,
        hidden: Tensor,
    ) -> None:
        units, none = self._aligned("back", back), np.empty((0, 0), self._dtype)
        self._step_first(batch, given, units, slopes, hidden, none)

    def _step_refed(
        self, batch: "ColumnBatch", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        none, nowhere = np.empty(0, self._dtype), np.empty((0, 0), self._dtype)
        self._step_first(batch, none, nowhere, slopes, hidden, gradient.numpy())

    def _step_first(
        self,
        batch: "ColumnBatch",
        given: Array,
        back: Array,
        slopes: Array,
        hidden: Tensor,
        whole: Array,
    ) -> None:
        is_tied = self._options.tied
        nowhere = np.empty((0, 0), self._dtype)
        kernels.step_input(
            batch.bounds,
            batch.columns,
            batch.steps,
            batch.starts,
            batch.places,
            given,
            back,
            slopes,
            self._aligned("hidden", hidden) if is_tied else nowhere,
            whole,
            self._first,
            self._first_width,
            self._rates_of(batch, self._options.weight_decay),
        )

    def _rates_of(self, batch: "ColumnBatch", weight_decay: float) -> Array:
        """Return the constants of the steps of all batches that come with *batch*."""
        if batch.number == 0:
            rates = self.optimizer.rates_ahead(weight_decay, batch.n_together)
            self._rates_ahead[weight_decay] = rates.astype(self._dtype)
        return self._rates_ahead[weight_decay]

    def _sums_for(
        self, batch: "ColumnBatch", name: str, width: int
    ) -> tuple[Array, Array]:
        """Return a buffer for the sums of each thread, and one for their total.

        Their shapes are ``(n_threads, n_rows, width)`` and ``(n_rows, width)``, or
        wider. The total is valid until the next one of that *name*.
        """
        size, n_threads = self._options.batch_size, self._n_threads
        parts = self._buffer("parts", n_threads * size, width)
        parts = parts[: n_threads * batch.n_rows].reshape(n_threads, batch.n_rows, -1)
        return parts, self._buffer(name, size, width)[: batch.n_rows]

    def _aligned(self, name: str, units: Tensor) -> Array:
        """Return a copy of *units* whose rows start at a cache line, padded with 0.

        Reading a row then takes a tenth less time, as no SIMD vector spans two lines.
        """
        n_rows, n_units = units.shape
        width = whole_lines(n_units, self._dtype)
        buffer = self._buffer(name, self._options.batch_size, width)[:n_rows]
        buffer[:, :n_units] = units.numpy()
        return buffer

    def _buffer(self, name: str, n_rows: int, width: int) -> Array:
        if (name, width) not in self._buffers:
            shape = n_rows, whole_lines(width, self._dtype, odd=True)
            self._buffers[name, width] = aligned_zeros(shape, self._dtype)
        return self._buffers[name, width]


def _with_moments(weights: Tensor, width: int) -> Array:
    """Return *weights* and moments of 0, shape ``(n_columns, 3, width)``."""
    own = weights.detach().numpy()
    layer = aligned_zeros((len(own), 3, width), own.dtype)
    layer[:, 0, : own.shape[1]] = own
    return layer


def _units_of(rows: Array, n_units: int) -> Tensor:
    return torch.from_numpy(rows)[:, :n_units]


class Together:
    """Batches whose steps are planned together.

    Args:
        rows: Rows of the data set.
        order: Row indexes of up to `MOST_AHEAD` batches.
        batch_size: Rows per batch; the last one may have fewer.
    """

    def __init__(self, rows: Rows, order: Tensor, batch_size: int) -> None:
        self._rows, self._order, self._size = rows, order, batch_size
        self._n_batches = -(-len(order) // batch_size)
        self._counts = np.add.reduceat(
            rows.counts.numpy()[order.numpy()], range(0, len(order), batch_size)
        )
        self._rated = np.empty(rows.n_columns, np.uint64)
        if self._n_batches == 1:
            self._rated[:] = 1
        else:
            columns = rows.offsets.numpy(), rows.columns.numpy()
            rated_by(*columns, order.numpy(), batch_size, self._rated)

    def batches(self, n_threads: int) -> Iterator["ColumnBatch"]:
        """Yield the batches; a few per thread are sorted at once.

        Args:
            n_threads: Number of threads, which also share the columns of a batch.
        """
        at_once = _SORTED_PER_THREAD * n_threads
        for first in range(0, self._n_batches, at_once):
            yield from self._several(slice(first, first + at_once), n_threads)

    def _several(self, some: slice, n_threads: int) -> Iterator["ColumnBatch"]:
        rows, first = self._rows, some.start
        order = self._order[first * self._size : some.stop * self._size]
        counts = self._counts[some]
        ends = np.concatenate([[0], np.cumsum(counts)])
        n, n_columns, n_cells = len(counts), rows.n_columns, ends[-1]
        columns = np.empty((n, n_columns), np.int32)
        steps = np.empty((n, 2, n_columns), np.int32)
        starts = np.empty((n, n_columns + 1), np.int64)
        places = np.empty(n_cells, np.int32)
        targets = np.empty(n_cells, rows.values.numpy().dtype)
        bounds = np.empty((n, n_threads + 1), np.int64)
        sort_by_column(
            rows.offsets.numpy(),
            rows.columns.numpy(),
            rows.values.numpy(),
            order.numpy(),
            self._size,
            self._rated,
            first,
            self._n_batches,
            ends,
            columns,
            steps,
            starts,
            places,
            targets,
            bounds,
        )
        for b, part in enumerate(torch.split(order, self._size)):
            cells = slice(ends[b], ends[b + 1])
            yield ColumnBatch(
                number=first + b,
                n_together=self._n_batches,
                n_rows=len(part),
                n_cells=int(counts[b]),
                side=rows.side_of(part),
                columns=columns[b],
                steps=steps[b],
                starts=starts[b],
                places=places[cells],
                targets=targets[cells],
                bounds=bounds[b],
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class ColumnBatch:
    """The rated cells of some rows, sorted by column and divided among threads.

    Attributes:
        number: Number of this batch among those it comes with, from 0.
        n_together: Number of batches that come together.
        n_rows: Number of rows.
        n_cells: Number of cells of all rows together.
        side: Side inputs per row, shape ``(n_rows, d)``, if any.
        columns: Columns that take steps with this batch, in ascending order, the first
            ``bounds[-1]`` of an array of shape ``(n_columns,)``.
        steps: The column ``columns[i]`` takes steps ``steps[0, i]:steps[1, i]`` of
            those of the batches that come together.
        starts: The column ``columns[i]`` has cells ``starts[i]:starts[i + 1]``.
        places: Row in the batch per cell, shape ``(n_cells,)``.
        targets: Centred rating per cell, shape ``(n_cells,)``.
        bounds: Thread *t* processes ``columns[bounds[t]:bounds[t + 1]]``.
    """

    number: int
    n_together: int
    n_rows: int
    n_cells: int
    side: Tensor | None
    columns: Array
    steps: Array
    starts: Array
    places: Array
    targets: Array
    bounds: Array


def _is_small(options: AutoencoderOptions) -> bool:
    """Return whether torch's part of a step is fastest with one thread.

    That part is the hidden units and the matrix products between them. One term of a
    product takes about 1/32 of the time of a unit (measured). A re-fed output is a
    product with whole layers, and never small.
    """
    if options.refeeding:
        return False
    units = options.hidden_units
    terms = sum(before * after for before, after in pairwise(units))
    return options.batch_size * (sum(units) + terms // 32) <= _SMALL

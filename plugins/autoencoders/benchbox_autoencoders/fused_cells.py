"""The sparse route on the CPU: gradient and update in one pass over rated cells."""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.column_kernels import (
    MOST_AHEAD,
    by_column,
    rated_by,
    steps_of,
)
from benchbox_autoencoders.fused import Array, FusedSteps, whole_lines
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows

# Up to this number of hidden units per batch, torch computes them with one thread.
_SMALL = 1 << 17


class FusedCells(FusedSteps["ColumnBatch"]):
    """Multiplies only rated cells, column by column."""

    @cached_property
    def _buffers(self) -> dict[tuple[str, int], Array]:
        """Reused arrays, by name and number of units per row."""
        return {}

    @cached_property
    def _rates_ahead(self) -> dict[float, Array]:
        """Constants of the steps of batches that come together, by weight decay."""
        return {}

    @property
    def _n_torch_threads(self) -> int:
        return 1 if _is_small(self._options) else self._n_threads

    def _batches(self, rows: Rows, order: Tensor) -> Iterator["ColumnBatch"]:
        size = self._options.batch_size
        # A pass over a re-fed output has a gradient for every column.
        ahead = 1 if self._options.refeeding else MOST_AHEAD
        for several in torch.split(order, ahead * size):
            together = Together(rows, several, size)
            for t in range(len(together.parts)):
                yield ColumnBatch(together, t, self._n_threads)

    def _encode(self, batch: "ColumnBatch") -> tuple[Array, Tensor]:
        given = self._network.corrupt(torch.from_numpy(batch.targets)).numpy()
        parts, product = self._sums_for(batch, self._first)
        kernels.encode(
            batch.bounds,
            batch.steps,
            batch.starts,
            batch.places,
            given,
            self._first,
            parts,
            product,
        )
        return given, torch.from_numpy(product)

    def _step_output(
        self, batch: "ColumnBatch", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        is_tied = self._options.tied
        slopes = np.empty_like(batch.targets)
        parts, back = self._sums_for(batch, self._last)
        losses = np.zeros(self._n_threads)
        kernels.step_output(
            batch.bounds,
            batch.steps,
            batch.starts,
            batch.places,
            batch.targets,
            self._aligned("hidden", hidden),
            self._last,
            self._last_offsets,
            self._last_moments,
            self._offset_moments,
            self._scale(batch),
            self._activation,
            self._rates_of(batch, self._options.weight_decay),
            self._rates_of(batch, 0.0),
            parts,
            back,
            losses,
            slopes,
            is_tied,
        )
        needed = slopes if is_tied else self._first[:0, 0]
        return float(losses.sum()), needed, torch.from_numpy(back)

    def _step_input(
        self,
        batch: "ColumnBatch",
        given: Array,
        back: Tensor,
        slopes: Array,
        hidden: Tensor,
    ) -> None:
        units = self._aligned("back", back)
        self._step_first(batch, given, units, slopes, hidden, self._first[:0])

    def _step_refed(
        self, batch: "ColumnBatch", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        none, nowhere = self._first[:0, 0], self._first[:0]
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
        kernels.step_input(
            batch.bounds,
            batch.steps,
            batch.starts,
            batch.places,
            given,
            back,
            slopes,
            self._aligned("hidden", hidden) if self._options.tied else self._first[:0],
            whole,
            self._first,
            self._first_moments,
            self._rates_of(batch, self._options.weight_decay),
        )

    def _rates_of(self, batch: "ColumnBatch", weight_decay: float) -> Array:
        """Return the constants of the steps of all batches that come with *batch*."""
        if batch.number == 0:
            rates = self.optimizer.rates_ahead(weight_decay, batch.n_together)
            self._rates_ahead[weight_decay] = rates.astype(self._first.dtype)
        return self._rates_ahead[weight_decay]

    def _sums_for(self, batch: "ColumnBatch", weights: Array) -> tuple[Array, Array]:
        """Return a buffer for the sums of each thread, and an array for their total.

        Their shapes are ``(n_threads, n_rows, h)``, or wider, and ``(n_rows, h)``.
        """
        n_units, n_threads = weights.shape[1], self._n_threads
        parts = self._buffer("parts", n_threads * self._options.batch_size, n_units)
        parts = parts[: n_threads * batch.n_rows].reshape(n_threads, batch.n_rows, -1)
        return parts, np.empty((batch.n_rows, n_units), weights.dtype)

    def _aligned(self, name: str, units: Tensor) -> Array:
        """Return a copy of *units* whose rows start at a cache line.

        Reading a row then takes a tenth less time, as no SIMD vector spans two lines.
        """
        n_rows, n_units = units.shape
        buffer = self._buffer(name, self._options.batch_size, n_units)[:n_rows]
        buffer[:, :n_units] = units.numpy()
        return buffer

    def _buffer(self, name: str, n_rows: int, n_units: int) -> Array:
        if (name, n_units) not in self._buffers:
            first = self._network.first.detach()
            width = whole_lines(n_units, first.dtype)
            # Allocated by torch, which aligns arrays with cache lines.
            self._buffers[name, n_units] = first.new_empty(n_rows, width).numpy()
        return self._buffers[name, n_units]


class Together:
    """Batches whose steps are planned together.

    Attributes:
        rows: Rows of the data set.
        parts: Row indexes per batch.
        rated: Batches that rate each column, from `rated_by`, shape ``(n_columns,)``.
    """

    def __init__(self, rows: Rows, order: Tensor, batch_size: int) -> None:
        self.rows, self.parts = rows, torch.split(order, batch_size)
        self.rated = np.empty(rows.n_columns, np.uint64)
        if len(self.parts) == 1:
            self.rated[:] = 1
        else:
            columns = rows.offsets.numpy(), rows.columns.numpy()
            rated_by(*columns, order.numpy(), batch_size, self.rated)


class ColumnBatch:
    """The rated cells of some rows, sorted by column and divided among threads.

    Attributes:
        number: Number of this batch among those it comes with, from 0.
        n_together: Number of batches that come together.
        n_rows: Number of rows.
        n_cells: Number of cells of all rows together.
        side: Side inputs per row, shape ``(n_rows, d)``, if any.
        steps: Column *c* takes steps ``steps[0, c]:steps[1, c]`` of those of the
            batches that come together, shape ``(2, n_columns)``.
        starts: Column *c* has cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell, shape ``(n_cells,)``.
        targets: Centred rating per cell, shape ``(n_cells,)``.
        bounds: Thread *t* processes columns ``bounds[t]:bounds[t + 1]``.
    """

    def __init__(self, together: Together, number: int, n_threads: int) -> None:
        rows, index = together.rows, together.parts[number]
        self.number, self.n_together = number, len(together.parts)
        self.n_rows = len(index)
        self.side = rows.side_of(index)
        self.steps = steps_of(together.rated, number, self.n_together)
        self.starts, self.places, self.targets, self.bounds = by_column(
            rows.offsets.numpy(),
            rows.columns.numpy(),
            rows.values.numpy(),
            index.numpy(),
            self.steps,
            n_threads,
        )
        self.n_cells = len(self.targets)


def _is_small(options: AutoencoderOptions) -> bool:
    """Return whether torch's part of a step is fastest with one thread.

    That part is the hidden units and the matrix products between them. One term of a
    product takes about 1/32 of the time of a unit (measured).
    """
    units = options.hidden_units
    terms = sum(before * after for before, after in pairwise(units))
    return options.batch_size * (sum(units) + terms // 32) <= _SMALL

"""Fused cells: the sparse route on processors, gradient and step in one pass."""

from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.fused import Array, FusedSteps, whole_lines
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows

# Hidden units of a batch up to which one thread is enough for them.
_SMALL = 1 << 17


class FusedCells(FusedSteps["ColumnCut"]):
    """Multiplies rated cells alone, column by column."""

    @cached_property
    def _buffers(self) -> dict[tuple[str, int], Array]:
        """Arrays by what they hold and units in a row: pages that are in use."""
        return {}

    @property
    def _n_torch_threads(self) -> int:
        return 1 if _is_small(self._options) else self._n_threads

    def _cut(self, rows: Rows, index: Tensor) -> "ColumnCut":
        return ColumnCut(rows, index, self._n_threads)

    def _encode(self, cut: "ColumnCut") -> tuple[Array, Tensor]:
        given = self._network.corrupt(torch.from_numpy(cut.targets)).numpy()
        parts, product = self._sums_for(cut, self._first)
        kernels.encode(
            cut.bounds, cut.starts, cut.places, given, self._first, parts, product
        )
        return given, torch.from_numpy(product)

    def _step_output(
        self, cut: "ColumnCut", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        is_tied = self._options.tied
        slopes = np.empty_like(cut.targets)
        parts, back = self._sums_for(cut, self._last)
        losses = np.zeros(self._n_threads)
        kernels.step_output(
            cut.bounds,
            cut.starts,
            cut.places,
            cut.targets,
            self._aligned("hidden", hidden),
            self._last,
            self._last_offsets,
            self._last_moments,
            self._offset_moments,
            self._scale(cut),
            self._activation,
            self._rates(self._options.weight_decay),
            self._rates(0.0),
            parts,
            back,
            losses,
            slopes,
            is_tied,
        )
        kept = slopes if is_tied else self._first[:0, 0]
        return float(losses.sum()), kept, torch.from_numpy(back)

    def _step_input(
        self,
        cut: "ColumnCut",
        given: Array,
        back: Tensor,
        slopes: Array,
        hidden: Tensor,
    ) -> None:
        units = self._aligned("back", back)
        self._step_first(cut, given, units, slopes, hidden, self._first[:0])

    def _step_refed(
        self, cut: "ColumnCut", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        none, nowhere = self._first[:0, 0], self._first[:0]
        self._step_first(cut, none, nowhere, slopes, hidden, gradient.numpy())

    def _step_first(
        self,
        cut: "ColumnCut",
        given: Array,
        back: Array,
        slopes: Array,
        hidden: Tensor,
        whole: Array,
    ) -> None:
        kernels.step_input(
            cut.bounds,
            cut.starts,
            cut.places,
            given,
            back,
            slopes,
            self._aligned("hidden", hidden) if self._options.tied else self._first[:0],
            whole,
            self._first,
            self._first_moments,
            self._rates(self._options.weight_decay),
        )

    def _sums_for(self, cut: "ColumnCut", weights: Array) -> tuple[Array, Array]:
        """Return what threads add to, and what becomes of it."""
        n_units, n_threads = weights.shape[1], self._n_threads
        parts = self._buffer("parts", n_threads * self._options.batch_size, n_units)
        parts = parts[: n_threads * cut.n_rows].reshape(n_threads, cut.n_rows, -1)
        return parts, np.empty((cut.n_rows, n_units), weights.dtype)

    def _aligned(self, name: str, units: Tensor) -> Array:
        """Return a copy of *units* whose rows begin with a line of cache.

        Reading one then takes a tenth less time: no vector of it lies in two lines.
        """
        n_rows, n_units = units.shape
        buffer = self._buffer(name, self._options.batch_size, n_units)[:n_rows]
        buffer[:, :n_units] = units.numpy()
        return buffer

    def _buffer(self, name: str, n_rows: int, n_units: int) -> Array:
        if (name, n_units) not in self._buffers:
            first = self._network.first.detach()
            width = whole_lines(n_units, first.dtype)
            # By torch, which lets an array begin with a line.
            self._buffers[name, n_units] = first.new_empty(n_rows, width).numpy()
        return self._buffers[name, n_units]


class ColumnCut:
    """The cells of some rows, column by column, and which thread owns which.

    Attributes:
        n_rows: How many rows.
        n_cells: How many cells they have together.
        side: Side inputs per row; there may be none.
        starts: Column *c* has the cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell.
        targets: Centred rating per cell.
        bounds: Thread *t* owns the columns ``bounds[t]:bounds[t + 1]``.
    """

    def __init__(self, rows: Rows, index: Tensor, n_threads: int) -> None:
        self.n_rows = len(index)
        self.side = rows.side_of(index)
        self.starts, self.places, self.targets, self.bounds = kernels.by_column(
            rows.offsets.numpy(),
            rows.columns.numpy(),
            rows.values.numpy(),
            index.numpy(),
            rows.n_columns,
            n_threads,
        )
        self.n_cells = len(self.targets)


def _is_small(options: AutoencoderOptions) -> bool:
    """Return whether torch's part of a step is done soonest by one thread.

    That part is hidden units, and products between them; a product's terms are some 32
    times faster than units (measured).
    """
    units = options.hidden_units
    terms = sum(before * after for before, after in pairwise(units))
    return options.batch_size * (sum(units) + terms // 32) <= _SMALL

"""Fused rows: the dense route on processors, products by torch, all else by kernels."""

from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.fused import Array, FusedSteps, whole_lines
from benchbox_autoencoders.rows import Rows

# What torch's compiler calls for linear layers: oneDNN, in all of float32's digits, on
# some processors at up to twice the speed of what torch's products call by themselves.
_LINEAR = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class FusedRows(FusedSteps["RowCut"]):
    """Multiplies whole rows, which pays where many of their cells are rated.

    Weights and their moments lie column after column of a unit, as rows do: every
    product then reads them, and a batch, in place. Rows are an odd number of lines
    long, so that the cells of a column lie in all sets of the cache, not in the same
    few; what makes them wider stays 0.
    """

    @cached_property
    def _inputs(self) -> Tensor:
        """A batch: pages that are in use."""
        shape = self._options.batch_size, self._first.shape[1]
        return self._network.first.new_empty(shape)

    def _laid_out(self, weights: Tensor) -> Array:
        n_columns, n_units = weights.shape
        width = whole_lines(n_columns, weights.dtype, odd=True)
        wide = weights.new_zeros(n_units, width)
        wide[:, :n_columns] = weights.detach().T
        weights.data = wide[:, :n_columns].T
        return wide.numpy()

    def _cut(self, rows: Rows, index: Tensor) -> "RowCut":
        return RowCut(rows, index)

    def _encode(self, cut: "RowCut") -> tuple[Array, Tensor]:
        inputs = self._inputs[: cut.n_rows]
        values, starts = cut.targets, cut.firsts
        if self._network.corrupts:
            values = self._network.corrupt(torch.from_numpy(cut.packed())).numpy()
            starts = np.cumsum(cut.counts) - cut.counts
        kernels.fill_rows(
            cut.firsts, cut.counts, cut.columns, values, starts, inputs.numpy()
        )
        return inputs.numpy(), self._product(inputs, torch.from_numpy(self._first))

    def _step_output(
        self, cut: "RowCut", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        last = torch.from_numpy(self._last)
        outputs = self._product(hidden, last.T)
        losses = np.empty(cut.n_rows)
        kernels.outputs_to_slopes(
            cut.firsts,
            cut.counts,
            cut.columns,
            cut.targets,
            self._last_offsets,
            self._scale(cut),
            self._activation,
            outputs.numpy(),
            losses,
        )
        back = self._product(outputs, last)
        if not self._options.tied:
            gradient = self._gradient(outputs, hidden)
            self._step(self._last, gradient, self._last_moments)
        kernels.step(
            1,
            self._last_offsets,
            outputs.sum(0).numpy()[: len(self._last_offsets)],
            self._offset_moments,
            self._rates(0.0),
        )
        kept = outputs if self._options.tied else outputs[:0]
        return float(losses.sum()), kept.numpy(), back

    def _step_input(
        self, cut: "RowCut", given: Array, back: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        gradient = self._gradient(torch.from_numpy(given), back)
        self._step_first(gradient, slopes, hidden)

    def _step_refed(
        self, cut: "RowCut", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        wide = gradient.new_zeros(self._first.shape)
        wide[:, : len(gradient)] = gradient.T
        self._step_first(wide, slopes, hidden)

    def _step_first(self, gradient: Tensor, slopes: Array, hidden: Tensor) -> None:
        if len(slopes):
            gradient += self._gradient(torch.from_numpy(slopes), hidden)
        self._step(self._first, gradient, self._first_moments)

    def _gradient(self, whole: Tensor, units: Tensor) -> Tensor:
        """Return ``units.T @ whole``, which lies as weights do."""
        return self._product(units.T, whole.T)

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        """Return ``one @ other.T``.

        Args:
            one: A matrix; unless it is contiguous, it is copied.
            other: A matrix, or the transpose of one. A part of a wider matrix would
                take oneDNN a thousand times as long.
        """
        if self._in_bfloat16:
            return F.linear(one.bfloat16(), other.bfloat16()).to(one.dtype)
        if _LINEAR is None or one.dtype != torch.float32:
            return F.linear(one, other)
        product: Tensor = _LINEAR(one, other, None, "none", [], "")
        return product

    def _step(self, weights: Array, gradient: Tensor, moments: Array) -> None:
        kernels.step(
            self._n_threads,
            weights.reshape(-1),
            gradient.view(-1).numpy(),
            moments.reshape(2, -1),
            self._rates(self._options.weight_decay),
        )


class RowCut:
    """The cells of some rows, read in place.

    Attributes:
        n_rows: How many rows.
        n_cells: How many cells they have together.
        side: Side inputs per row; there may be none.
        firsts: Where each row begins among all cells.
        counts: How many cells each row has.
        columns: Column per cell of all rows there are.
        targets: Centred rating per cell of all rows there are.
    """

    def __init__(self, rows: Rows, index: Tensor) -> None:
        self.n_rows = len(index)
        self.side = rows.side_of(index)
        self.firsts = rows.offsets[index].numpy()
        self.counts = rows.counts[index].numpy()
        self.n_cells = int(self.counts.sum())
        self.columns, self.targets = rows.columns.numpy(), rows.values.numpy()

    def packed(self) -> Array:
        """Return the centred ratings of these rows alone, row after row."""
        ends = self.firsts + self.counts
        pieces = zip(self.firsts, ends, strict=True)
        return np.concatenate([self.targets[at:end] for at, end in pieces])

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


class FusedRows(FusedSteps["ByRow"]):
    """Multiplies whole rows, which pays where many of their cells are rated."""

    @cached_property
    def _buffers(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, outputs, and either of them by column: pages that are in use.

        Rows are an odd number of lines long, so that the cells of a column lie in all
        sets of the cache, not in the same few.
        """
        n_rows, n_columns = self._options.batch_size, len(self._first)
        first = self._network.first.detach()
        width = whole_lines(n_columns, first.dtype, odd=True)
        inputs, outputs = first.new_empty(2, n_rows, width)
        return inputs, outputs, first.new_empty(n_columns * n_rows)

    def _cut(self, rows: Rows, index: Tensor) -> "ByRow":
        return ByRow(rows, index)

    def _encode(self, cut: "ByRow", values: Tensor) -> tuple[Array, Tensor]:
        inputs = self._buffers[0][: cut.n_rows]
        kernels.fill_rows(
            cut.firsts, cut.starts, cut.columns, values.numpy(), inputs.numpy()
        )
        product = self._product(self._narrow(inputs), self._network.first.T)
        return inputs.numpy(), product

    @torch.no_grad()
    def _step_output(self, cut: "ByRow", hidden: Tensor) -> tuple[float, Array, Tensor]:
        outputs, last = self._buffers[1][: cut.n_rows], self._network.last
        losses = np.empty(cut.n_rows)
        kernels.outputs_to_slopes(
            cut.firsts,
            cut.starts,
            cut.columns,
            cut.targets,
            self._last_offsets,
            self._scale(cut),
            self._activation,
            self._product(hidden, last).numpy(),
            outputs.numpy(),
            losses,
        )
        whole = self._narrow(outputs)
        back = self._product(whole, last.T)
        if not self._options.tied:
            gradient = self._gradient(outputs.numpy(), hidden)
            self._step(self._last, gradient, self._last_moments)
        kernels.step(
            1,
            self._last_offsets,
            whole.sum(0).numpy(),
            self._offset_moments,
            self._rates(0.0),
        )
        kept = outputs if self._options.tied else outputs[:0]
        return float(losses.sum()), kept.numpy(), back

    @torch.no_grad()
    def _step_input(
        self, cut: "ByRow", given: Array, back: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        self._step_refed(cut, self._gradient(given, back), slopes, hidden)

    @torch.no_grad()
    def _step_refed(
        self, cut: "ByRow", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        if len(slopes):
            gradient += self._gradient(slopes, hidden)
        self._step(self._first, gradient, self._first_moments)

    def _narrow(self, rows: Tensor) -> Tensor:
        return rows[:, : len(self._first)]

    def _gradient(self, whole: Array, units: Tensor) -> Tensor:
        """Return ``whole.T @ units``, without what makes the rows wider."""
        rows = self._narrow(torch.from_numpy(whole))
        columns = self._buffers[2][: rows.numel()].view(rows.shape[::-1])
        return self._product(columns.copy_(rows.T), units.T)

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        """Return ``one @ other.T``."""
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


class ByRow:
    """The cells of some rows, row by row.

    Attributes:
        n_rows: How many rows.
        firsts: Row *r* begins at ``columns[firsts[r]]``.
        starts: Row *r* has the cells ``starts[r]:starts[r + 1]``.
        columns: Column per cell of all rows there are.
        targets: Centred rating per cell.
    """

    def __init__(self, rows: Rows, index: Tensor) -> None:
        self.n_rows = len(index)
        self.columns = rows.columns.numpy()
        self.firsts, self.starts, self.targets = kernels.by_row(
            rows.offsets.numpy(), rows.values.numpy(), index.numpy()
        )

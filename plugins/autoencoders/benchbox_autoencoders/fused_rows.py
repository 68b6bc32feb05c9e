"""Fused rows: the dense route on processors, products by torch, all else by kernels."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.fused import Array, FusedSteps
from benchbox_autoencoders.rows import Rows


class FusedRows(FusedSteps["ByRow"]):
    """Multiplies whole rows, which pays where many of their cells are rated."""

    @cached_property
    def _buffers(self) -> tuple[Array, Array]:
        """What rows are given, and what becomes of them: pages that are in use."""
        shape = (self._options.batch_size, len(self._first))
        return np.empty(shape, self._first.dtype), np.empty(shape, self._first.dtype)

    @cached_property
    def _gradients(self) -> dict[tuple[int, ...], Array]:
        """Gradients of the first layer and the last, by shape."""
        return {w.shape: np.empty_like(w) for w in (self._first, self._last)}

    def _cut(self, rows: Rows, index: Tensor) -> "ByRow":
        return ByRow(rows, index)

    def _encode(self, cut: "ByRow", values: Tensor) -> tuple[Array, Tensor]:
        given = self._buffers[0][: cut.n_rows]
        kernels.fill_rows(cut.starts, cut.columns, values.numpy(), given)
        return given, self._product(torch.from_numpy(given), self._network.first)

    @torch.no_grad()
    def _step_output(self, cut: "ByRow", hidden: Tensor) -> tuple[float, Array, Tensor]:
        outputs = self._buffers[1][: cut.n_rows]
        whole, last = torch.from_numpy(outputs), self._network.last
        self._product(hidden, last.T, out=whole)
        losses = np.empty(cut.n_rows)
        kernels.outputs_to_slopes(
            cut.starts,
            cut.columns,
            cut.targets,
            self._last_offsets,
            self._scale(cut),
            self._activation,
            outputs,
            losses,
        )
        back = self._product(whole, last)
        if not self._options.tied:
            gradient = self._gradients[self._last.shape]
            self._product(whole.T, hidden, out=torch.from_numpy(gradient))
            self._step(self._last, gradient, self._last_moments)
        kernels.step(
            1,
            self._last_offsets,
            whole.sum(0).numpy(),
            self._offset_moments,
            self._rates(0.0),
        )
        kept = outputs if self._options.tied else outputs[:0]
        return float(losses.sum()), kept, back

    @torch.no_grad()
    def _step_input(
        self, cut: "ByRow", given: Array, back: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        gradient = torch.from_numpy(self._gradients[self._first.shape])
        self._product(torch.from_numpy(given).T, back, out=gradient)
        self._step_refed(cut, gradient, slopes, hidden)

    @torch.no_grad()
    def _step_refed(
        self, cut: "ByRow", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        if len(slopes):
            gradient += self._product(torch.from_numpy(slopes).T, hidden)
        self._step(self._first, gradient.numpy(), self._first_moments)

    def _product(self, one: Tensor, other: Tensor, out: Tensor | None = None) -> Tensor:
        if not self._in_bfloat16:
            return torch.mm(one, other, out=out)
        rounded = one.bfloat16() @ other.bfloat16()
        return rounded.to(one.dtype) if out is None else out.copy_(rounded)

    def _step(self, weights: Array, gradient: Array, moments: Array) -> None:
        kernels.step(
            self._n_threads,
            weights.reshape(-1),
            gradient.reshape(-1),
            moments.reshape(2, -1),
            self._rates(self._options.weight_decay),
        )


class ByRow:
    """The cells of some rows, row by row.

    Attributes:
        n_rows: How many rows.
        starts: Row *r* has the cells ``starts[r]:starts[r + 1]``.
        columns: Column per cell.
        targets: Centred rating per cell.
    """

    def __init__(self, rows: Rows, index: Tensor) -> None:
        self.n_rows = len(index)
        self.starts, self.columns, self.targets = kernels.by_row(
            rows.offsets.numpy(),
            rows.columns.numpy(),
            rows.values.numpy(),
            index.numpy(),
        )

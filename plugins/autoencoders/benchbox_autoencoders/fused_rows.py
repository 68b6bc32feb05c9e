"""The dense route on the CPU: matrix products by torch, all else by our kernels."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders import kernels, row_kernels
from benchbox_autoencoders.fused import Array, FusedSteps, moments_of, whole_lines
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows

# The oneDNN operator that torch's compiler uses for linear layers. It has full float32
# precision, and on some CPUs up to twice the speed of torch's ordinary products.
_LINEAR = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class FusedRows(FusedSteps["RowBatch"]):
    """Multiplies whole rows, which is faster if many of their cells are rated.

    Weights and their moments are stored with the columns of a unit next to each other,
    as in the rows of a batch, so that every product reads both in place. Rows are
    padded with zeros to an odd number of cache lines. So the cells of a column are
    spread over all sets of the cache, and do not compete for a few of them.
    """

    def __init__(
        self,
        network: Network,
        options: AutoencoderOptions,
        n_threads: int,
        precision: str = "float32",
    ) -> None:
        super().__init__(network, options, n_threads, precision)
        self._first = self._memory_of(network.first)
        self._first_moments = moments_of(self._first)
        # Tied weights are updated only once, as the first layer.
        self._last, self._last_moments = self._first, self._first_moments[:, :0]
        if not options.tied:
            self._last = self._memory_of(network.last)
            self._last_moments = moments_of(self._last)
        self._last_offsets = network.offsets[-1].detach().numpy()
        self._offset_moments = moments_of(self._last_offsets)

    @cached_property
    def _inputs(self) -> Tensor:
        """A reused array for the inputs of a batch, ``(batch_size, n_columns)``."""
        shape = self._options.batch_size, self._first.shape[1]
        return self._network.first.new_empty(shape)

    def _memory_of(self, weights: Tensor) -> Array:
        n_columns, n_units = weights.shape
        width = whole_lines(n_columns, self._dtype, odd=True)
        wide = weights.new_zeros(n_units, width)
        wide[:, :n_columns] = weights.detach().T
        weights.data = wide[:, :n_columns].T
        return wide.numpy()

    def _batches(self, rows: Rows, order: Tensor) -> Iterator["RowBatch"]:
        for index in torch.split(order, self._options.batch_size):
            yield RowBatch(rows, index)

    def _encode(self, batch: "RowBatch") -> tuple[Array, Tensor]:
        inputs = self._inputs[: batch.n_rows]
        values, starts = batch.targets, batch.firsts
        if self._network.corrupts:
            values = self._network.corrupt(torch.from_numpy(batch.packed())).numpy()
            starts = np.cumsum(batch.counts) - batch.counts
        row_kernels.fill_rows(
            batch.firsts, batch.counts, batch.columns, values, starts, inputs.numpy()
        )
        return inputs.numpy(), self._product(inputs, torch.from_numpy(self._first))

    def _step_output(
        self, batch: "RowBatch", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        last = torch.from_numpy(self._last)
        outputs = self._product(hidden, last.T)
        losses = np.empty(batch.n_rows)
        row_kernels.outputs_to_slopes(
            batch.firsts,
            batch.counts,
            batch.columns,
            batch.targets,
            self._last_offsets,
            self._scale(batch),
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
        needed = outputs if self._options.tied else outputs[:0]
        return float(losses.sum()), needed.numpy(), back

    def _step_input(
        self,
        batch: "RowBatch",
        given: Array,
        back: Tensor,
        slopes: Array,
        hidden: Tensor,
    ) -> None:
        gradient = self._gradient(torch.from_numpy(given), back)
        self._step_first(gradient, slopes, hidden)

    def _step_refed(
        self, batch: "RowBatch", gradient: Tensor, slopes: Array, hidden: Tensor
    ) -> None:
        wide = gradient.new_zeros(self._first.shape)
        wide[:, : len(gradient)] = gradient.T
        self._step_first(wide, slopes, hidden)

    def _step_first(self, gradient: Tensor, slopes: Array, hidden: Tensor) -> None:
        if len(slopes):
            gradient += self._gradient(torch.from_numpy(slopes), hidden)
        self._step(self._first, gradient, self._first_moments)

    def _gradient(self, whole: Tensor, units: Tensor) -> Tensor:
        """Return ``units.T @ whole``, in the memory layout of the weights."""
        return self._product(units.T, whole.T)

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        """Return ``one @ other.T``.

        Args:
            one: A matrix; it is copied if it is not contiguous.
            other: A contiguous matrix or the transpose of one. With a slice of a wider
                matrix, oneDNN would take a thousand times as long.
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


class RowBatch:
    """The rated cells of some rows, read in place from those of all rows.

    Attributes:
        n_rows: Number of rows of the batch.
        n_cells: Number of cells of the batch.
        side: Side inputs per row, shape ``(n_rows, d)``, if any.
        firsts: Position of each row's first cell among all cells, ``(n_rows,)``.
        counts: Number of cells per row, shape ``(n_rows,)``.
        columns: Column per cell, of all rows of the data set.
        targets: Centred rating per cell, of all rows of the data set.
    """

    def __init__(self, rows: Rows, index: Tensor) -> None:
        self.n_rows = len(index)
        self.side = rows.side_of(index)
        self.firsts = rows.offsets[index].numpy()
        self.counts = rows.counts[index].numpy()
        self.n_cells = int(self.counts.sum())
        self.columns, self.targets = rows.columns.numpy(), rows.values.numpy()

    def packed(self) -> Array:
        """Return the centred ratings of these rows, one row after another."""
        ends = self.firsts + self.counts
        pieces = zip(self.firsts, ends, strict=True)
        return np.concatenate([self.targets[at:end] for at, end in pieces])

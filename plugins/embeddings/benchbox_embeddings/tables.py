"""Tables of rows: all that steps of a user or an item read and write, side by side."""

from typing import Any

import torch
from torch import Tensor

from benchbox_embeddings import kernels
from benchbox_embeddings.named import Named
from benchbox_embeddings.options import EmbeddingOptions

_LAWS = {
    "row-sgd": kernels.SGD,
    "row-adagrad": kernels.ADAGRAD,
    "row-adam": kernels.ADAM,
}

# Ratings counted at once, few enough that temporary arrays do not matter.
_PART = 1 << 20

# Keeps divisors above 0. Squares of it are still normal numbers.
_TINY = 1e-10


class Table:
    """The rows of all users, or of all items.

    Attributes:
        rows: One row per user or item; `benchbox_embeddings.kernels` names the columns.
        width: Number of factors.
        law: How rows move, as the kernels know it.

    Args:
        weight: Embeddings, shape ``(n, width)``.
        offset: Offset per row, shape ``(n,)``; `None` if there are none.
        options: Options of the model.
    """

    def __init__(
        self, weight: Tensor, offset: Tensor | None, options: EmbeddingOptions
    ) -> None:
        n, self.width = weight.shape
        self.law = _LAWS[options.optimizer]
        self._options = options
        used = self.width + kernels.LEFT1
        if self.law == kernels.ADAM:
            used = self.width + kernels.MEANS + self.width
        # A row begins and ends with a cache line. So it is in as few as possible.
        line = kernels.LINE // weight.dtype.itemsize
        self.rows = weight.new_zeros(n, -(-used // line) * line)
        self.factors.copy_(weight)
        if offset is not None:
            self.offsets.copy_(offset)
        if self.law == kernels.ADAM:
            self._column(kernels.LEFT1).fill_(1)
            self._column(kernels.LEFT2).fill_(1)

    def __len__(self) -> int:
        return len(self.rows)

    def spread_penalties(
        self, index: Tensor, n_pairs: int, places: Tensor | None = None
    ) -> None:
        """Set the penalties that a row pays for each of its ratings in an epoch.

        Args:
            index: User or item per rating.
            n_pairs: Number of ratings.
            places: Row of each user or item, shape ``(n,)``; by default its own number.
        """
        options = self._options
        decay, lasso = options.weight_decay * n_pairs / 2, options.l1 * n_pairs / 2
        n_ratings = torch.zeros_like(self.rows[:, 0])
        for part in torch.split(index, _PART):
            n_ratings.index_add_(0, part, n_ratings.new_ones(len(part)))
        n_ratings.clamp_(min=1)
        if places is not None:
            n_ratings = torch.empty_like(n_ratings).index_copy_(0, places, n_ratings)
        ridge = self._column(kernels.RIDGE)
        if options.ridge_per == "row":
            ridge.copy_((options.ridge + decay) / n_ratings)
        else:
            ridge.copy_(options.ridge + decay / n_ratings)
        self._column(kernels.LASSO).copy_(lasso / n_ratings)

    def constants(self, rate: float) -> tuple[Any, ...]:
        """Return the constants of the kernels at this learning rate."""
        kind = self.rows.new_empty(0, device="cpu").numpy().dtype.type
        return kind(rate), kind(0.9), kind(0.999), kind(_TINY)

    @property
    def factors(self) -> Tensor:
        """The embeddings, shape ``(n, width)``; a view."""
        return self.rows[:, : self.width]

    @property
    def offsets(self) -> Tensor:
        """The offsets, shape ``(n,)``; a view."""
        return self.rows[:, self.width]

    def _column(self, number: int) -> Tensor:
        return self.rows[:, self.width + number]


class HostTable(Table):
    """A table in host memory, whose rows `kernels.step` moves.

    Args:
        weight: As for `Table`.
        offset: As for `Table`.
        options: As for `Table`.
        n_threads: Number of threads that share the rows of a step.
    """

    def __init__(
        self,
        weight: Tensor,
        offset: Tensor | None,
        options: EmbeddingOptions,
        n_threads: int = 1,
    ) -> None:
        super().__init__(weight, offset, options)
        self._n_threads = n_threads

    def gather(self, named: Named, n_columns: int) -> Tensor:
        """Return the first columns of the rows that a batch names.

        Args:
            named: The rows.
            n_columns: Number of columns.
        """
        gathered = self.rows.new_empty(len(named.rows), n_columns)
        kernels.gather(
            self._n_threads, named.rows.numpy(), self.rows.numpy(), gathered.numpy()
        )
        return gathered

    def step(self, named: Named, gradients: Tensor, scale: float, rate: float) -> None:
        """Move each row that a batch names.

        Args:
            named: The rows, each once, and how many pairs name them.
            gradients: Gradient per row of the factors, and of the offset if there is
                one, shape ``(m, width)`` or ``(m, width + 1)``.
            scale: What gradients are multiplied by.
            rate: Learning rate.
        """
        assert named.counts is not None
        constants = self.constants(rate)
        kernels.step(
            self._n_threads,
            named.rows.numpy(),
            named.counts.numpy(),
            gradients.numpy(),
            type(constants[0])(scale),
            self.rows.numpy(),
            self.width,
            self.law,
            constants,
        )


class DeviceTable(Table):
    """A table on an accelerator: the same steps by operations of torch.

    Ratings that name the same row compute the same new row and write it over each other
    so no step has to ask the device which rows are named.
    """

    def __init__(
        self, weight: Tensor, offset: Tensor | None, options: EmbeddingOptions
    ) -> None:
        super().__init__(weight, offset, options)
        self._sums = weight.new_zeros(len(weight), self.width + 2)

    def gather(self, named: Named, n_columns: int) -> Tensor:
        """Return the first columns of named rows; see `HostTable.gather`."""
        return self.rows[:, :n_columns].index_select(0, named.rows)

    def step(self, named: Named, gradients: Tensor, scale: float, rate: float) -> None:
        """Move each row that a batch names, by gradients per pair.

        Args:
            named: Row per pair.
            gradients: As for `HostTable.step`, per pair.
            scale: As for `HostTable.step`.
            rate: As for `HostTable.step`.
        """
        width, index = self.width, named.rows
        padding = gradients.new_ones(len(index), width + 2 - gradients.shape[1])
        padding[:, :-1] = 0
        self._sums.index_add_(0, index, torch.cat([gradients * scale, padding], 1))
        sums = self._sums.index_select(0, index)
        self._sums.index_fill_(0, index, 0)
        old = self.rows.index_select(0, index)
        self.rows.index_copy_(0, index, self._moved(old, sums, rate))

    def _moved(self, row: Tensor, sums: Tensor, rate: float) -> Tensor:
        """Return the rows after a step, shape ``(n, n_columns)``.

        Args:
            row: Row per rating, shape ``(n, n_columns)``; changed.
            sums: Sum of the gradients of each one's row, of its offset's gradients, and
                the number of ratings that name it, shape ``(n, width + 2)``.
            rate: Learning rate.
        """
        width = self.width
        # The factors and the offset as two columns wherever they differ in a number.
        along, count = sums[:, : width + 1], sums[:, width + 1 :]
        squares = along.square()
        square = torch.stack([squares[:, :width].mean(1), squares[:, width]], 1)
        memory = row[:, width + kernels.SQUARE : width + kernels.OFFSET_SQUARE + 1]
        if self.law == kernels.SGD:
            divisor = torch.ones_like(square)
        elif self.law == kernels.ADAGRAD:
            memory += square
            divisor = memory.sqrt() + _TINY
        else:
            memory.mul_(0.999).add_(square, alpha=1 - 0.999)
            left = row[:, width + kernels.LEFT1 : width + kernels.LEFT2 + 1]
            left[:, 0] *= 0.9
            left[:, 1] *= 0.999
            whole = 1 - left
            divisor = memory.sqrt() / whole[:, 1:].sqrt() + _TINY
            divisor = divisor * whole[:, :1]
            means = row[:, width + kernels.OFFSET_MEAN :][:, : width + 1]
            along = torch.cat([along[:, width:], along[:, :width]], 1)
            means.mul_(0.9).add_(along, alpha=1 - 0.9)
            along = torch.cat([means[:, 1:], means[:, :1]], 1)
        ridge = row[:, width + kernels.RIDGE : width + kernels.RIDGE + 1]
        kept = divisor + rate * count * torch.cat([ridge, 0 * ridge], 1)
        speed = rate / kept
        kept = divisor / kept
        speed = torch.cat([speed[:, :1].expand(-1, width), speed[:, 1:]], 1)
        kept = torch.cat([kept[:, :1].expand(-1, width), kept[:, 1:]], 1)
        moved = kept * row[:, : width + 1] - speed * along
        if self._options.l1:
            lasso = row[:, width + kernels.LASSO : width + kernels.LASSO + 1]
            moved = moved.sign() * (moved.abs() - speed * count * lasso).clamp(min=0)
        row[:, : width + 1] = moved
        return row

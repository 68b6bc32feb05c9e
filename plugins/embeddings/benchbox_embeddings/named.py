"""The rows that the pairs of a batch name, and batches of pairs that know them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox_embeddings import kernels
from benchbox_embeddings.pairs import Pairs

# Pairs that a thread shuffles or names at once, about: enough to be worth waking it,
# few enough to stay in its cache.
_HAND = 1 << 16

# Pairs per group of users, about. The rows of such a group are a few megabytes, and
# stay in the cache of the CPU while its pairs are trained on.
_GROUP = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Rows of users, or of items, that pairs name.

    Attributes:
        rows: The rows, shape ``(m,)``.
        slots: Which of ``rows`` each pair names, int32, shape ``(n,)``; `None` if pair
            *k* names ``rows[k]``, which may then be named more than once.
        counts: Number of pairs that name each of ``rows``, int32, shape ``(m,)``;
            `None` where ``slots`` is.
    """

    rows: Tensor
    slots: Tensor | None = None
    counts: Tensor | None = None

    def per_pair(self, values: Tensor) -> Tensor:
        """Return the value of each pair's row; *values* has one per row."""
        if self.slots is None:
            return values
        per_pair: Tensor = _PerPair.apply(values, self.slots)  # type: ignore[no-untyped-call]
        return per_pair


class _PerPair(torch.autograd.Function):
    """``values[slots]``, whose gradient `kernels.sum_per_row` computes.

    That of torch's `index_select` takes twenty times as long.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, slots: Tensor) -> Tensor:
        ctx.save_for_backward(slots)
        ctx.shape = values.shape
        return values.index_select(0, slots)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (slots,) = ctx.saved_tensors
        sums = gradient.new_empty(ctx.shape)
        ours, theirs = sums.view(len(sums), -1), gradient.reshape(len(slots), -1)
        kernels.sum_per_row(slots.numpy(), theirs.numpy(), ours.numpy())
        return sums, None


@dataclass(frozen=True, slots=True, eq=False)
class NamedPairs:
    """Pairs of a batch, with the rows that they name.

    Attributes:
        sides: Rows of users, and rows of items.
        targets: Centred, scaled rating per pair, shape ``(n,)``.
    """

    sides: tuple[Named, Named]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


def each_once(
    index: NDArray[np.int32], seen: NDArray[np.int32], size: int
) -> list[Named]:
    """Return the rows that each batch names, once each, in order of appearance.

    Args:
        index: Row per pair, shape ``(n,)``.
        seen: A buffer of `kernels.name_rows`.
        size: Pairs per batch; the last batch may have fewer.
    """
    slots, rows, counts = (np.empty(len(index), np.int32) for _ in range(3))
    lengths = np.empty(-(-len(index) // size), np.int64)
    kernels.name_rows(index, size, seen, slots, rows, counts, lengths)
    parts = [slice(k, k + n) for k, n in zip(count(0, size), lengths.tolist())]
    return [
        Named(
            torch.from_numpy(rows[part]),
            torch.from_numpy(slots[part.start : part.start + size]),
            torch.from_numpy(counts[part]),
        )
        for part in parts
    ]


class Dealer:
    """Deals pairs into batches in a new random order in each epoch, on the CPU.

    Args:
        size: Pairs per batch; the last batch may have fewer.
        n_rows: Number of users and of items.
        n_threads: Number of threads that may be busy.
    """

    def __init__(self, size: int, n_rows: tuple[int, int], n_threads: int) -> None:
        self._size = size
        self._seen = [np.full((n_threads, n), -1, np.int32) for n in n_rows]
        self._n_at_once = n_threads * max(1, _HAND // size) * size

    def batches(self, pairs: Pairs, chance: torch.Generator) -> Iterator[NamedPairs]:
        """Yield *pairs* in batches.

        Args:
            pairs: The pairs, with int32 users and items.
            chance: Random generator of their order.
        """
        n_users = len(self._seen[0][0])
        n_groups = max(1, round(len(pairs) / _GROUP))
        n_each = max(1, round(len(pairs) / n_groups / _HAND))
        places = torch.randperm(n_users, generator=chance)
        groups = (places * n_groups // n_users).int().numpy()
        draws = torch.randint(1 << 62, (1 + n_groups * n_each,), generator=chance)
        first, *seeds = draws.tolist()
        dealt = pairs.empty_columns(np.int32)
        starts = kernels.deal(*pairs.columns, groups, n_groups, n_each, first, *dealt)
        for hand, seed in enumerate(seeds):
            kernels.shuffle(starts[hand], starts[hand + 1], *dealt, seed)
        for start in range(0, len(pairs), self._n_at_once):
            part = slice(start, start + self._n_at_once)
            users, items, targets = (column[part] for column in dealt)
            sides = map(each_once, (users, items), self._seen, [self._size] * 2)
            parts = torch.split(torch.from_numpy(targets), self._size)
            for user, item, own in zip(*sides, parts, strict=True):
                yield NamedPairs((user, item), own)

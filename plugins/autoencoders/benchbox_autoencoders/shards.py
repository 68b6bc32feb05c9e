"""Shards: ranges of rows that an epoch goes through one after another.

A shard fits into memory, so rows in random order are read from there, and each file is
read once per epoch. Batches do not end where shards do, so every step is of full size.
"""

import torch
from torch import Tensor

SHARD_BYTES = 1 << 30
"""Bytes of the ratings of a shard; with no more than these, there is only one."""

LEAST_ROWS = 10_000
"""Rows of a shard, at least, so that batches of a shard are not too much alike."""

BYTES_PER_RATING = 8
"""Bytes of a rating in a row: its column and its value."""


class EpochOrders:
    """Draws the order of the rows of each epoch.

    Args:
        counts: Number of ratings per row, int64, shape ``(n_rows,)``, on the CPU. Rows
            without ratings are in no epoch.
    """

    def __init__(self, counts: Tensor) -> None:
        rated = counts.nonzero().view(-1)
        firsts = torch.tensor(bounds(counts)[1:-1], dtype=torch.int64)
        cuts = torch.searchsorted(rated, firsts).tolist()
        self._shards = torch.tensor_split(rated, cuts)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return the rows in a random order of shards, each in random order.

        Args:
            generator: Random generator, on the CPU.
        """

        def shuffled(shard: Tensor) -> Tensor:
            return shard[torch.randperm(len(shard), generator=generator)]

        if len(self._shards) == 1:
            return shuffled(self._shards[0])
        numbers = torch.randperm(len(self._shards), generator=generator).tolist()
        return torch.cat([shuffled(self._shards[number]) for number in numbers])


def bounds(counts: Tensor) -> list[int]:
    """Return the first row of each shard, and the number of rows.

    Args:
        counts: Number of ratings per row, int64, shape ``(n_rows,)``, on the CPU.
    """
    ends, n_rows, n_ratings = counts.cumsum(0), len(counts), int(counts.sum())
    found, n_before = [0], 0
    while not is_one_shard(n_ratings - n_before):
        most = n_before + SHARD_BYTES // BYTES_PER_RATING
        end = int(torch.searchsorted(ends, most, right=True))
        end = max(end, found[-1] + LEAST_ROWS)
        if end > n_rows - LEAST_ROWS:
            break
        found.append(end)
        n_before = int(ends[end - 1])
    return [*found, n_rows]


def is_one_shard(n_ratings: int) -> bool:
    """Return whether as many ratings are one shard, however many rows they are in."""
    return BYTES_PER_RATING * n_ratings <= SHARD_BYTES

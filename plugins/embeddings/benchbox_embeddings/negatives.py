"""Negative sampling: draws items that a user has not rated."""

import numpy as np
import torch
from torch import Tensor

from benchbox import Ratings
from benchbox.models import is_accelerator


class Negatives:
    """Draws unrated items of users, uniformly among items that have a rating.

    Items without ratings are left out, because they would be seen only as negatives and
    learned to be bad. Instead of drawing and rejecting, the user's *r*-th unrated item
    is computed: its rank among all items is ``r`` plus the number of the user's rated
    items that have at most *r* unrated ones before them. One search in sorted keys
    finds that number for all draws at once.

    Args:
        train: Training ratings.
        ratio: Number of negatives per rating. Users who rated all items get none.
        device: Device to draw on.
    """

    def __init__(self, train: Ratings, ratio: float, device: str) -> None:
        rated = train.by_user()
        known = np.unique(train.items)
        users = np.repeat(np.arange(train.n_users), rated.counts)
        ranks = np.searchsorted(known, rated.indices)
        n_unrated_before = ranks - (np.arange(len(users)) - rated.offsets[users])
        n_unrated = len(known) - rated.counts
        self._ratio, self._base = ratio, len(known) + 1
        # Not every accelerator has float64, and float32 is exact enough for any number
        # of items below 2^24.
        self._real = torch.float32 if is_accelerator(device) else torch.float64
        self._known = torch.from_numpy(known.astype(np.int64)).to(device)
        # Sorted, because both summands increase.
        keys = users * self._base + n_unrated_before
        self._keys = torch.from_numpy(keys).to(device)
        self._offsets = torch.from_numpy(rated.offsets.astype(np.int64)).to(device)
        self._n_unrated = torch.from_numpy(n_unrated.astype(np.int64)).to(device)
        self._users = torch.from_numpy(users[n_unrated[users] > 0]).to(device)

    def draw(self, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return users and an unrated item for each, in arbitrary order.

        Both have shape ``(n,)`` and type int64.
        """
        users = self._drawn_users(chance)
        uniform = torch.rand(
            len(users), generator=chance, dtype=self._real, device=users.device
        )
        n_unrated = self._n_unrated.index_select(0, users)
        # In float32, the product of a number near 1 may be rounded up.
        place = (uniform * n_unrated).long().minimum(n_unrated - 1)
        key = users * self._base + place
        n_before = torch.searchsorted(self._keys, key, right=True)
        rank = place + n_before - self._offsets.index_select(0, users)
        return users, self._known.index_select(0, rank)

    def _drawn_users(self, chance: torch.Generator) -> Tensor:
        """Return each rating's user *ratio* times, a fraction of a time at random."""
        n = len(self._users)
        whole = int(self._ratio)
        order = torch.randperm(n, generator=chance, device=self._users.device)
        some = order[: round((self._ratio - whole) * n)]
        return torch.cat([self._users.repeat(whole), self._users.index_select(0, some)])

"""Negatives: items a user has not rated, drawn at random."""

import numpy as np
import torch
from torch import Tensor

from benchbox import Ratings


class Negatives:
    """Draws unrated items, evenly among those that somebody has rated.

    Items that nobody rated are left out: being seen as negatives alone would teach that
    they are bad. Nothing is drawn and rejected. The user's *r*-th unrated item is found
    instead: ``r`` plus the number of rated items that have at most *r* unrated ones
    before them, and that number is one search among sorted keys for all draws at once.

    Args:
        train: What is rated.
        ratio: Negatives per rating. A user who has rated everything gets none.
        device: Where to draw.
    """

    def __init__(self, train: Ratings, ratio: float, device: str) -> None:
        rated = train.by_user()
        known = np.unique(train.items)
        users = np.repeat(np.arange(train.n_users), rated.counts)
        ranks = np.searchsorted(known, rated.indices)
        n_unrated_before = ranks - (np.arange(len(users)) - rated.offsets[users])
        n_unrated = len(known) - rated.counts
        self._ratio, self._base = ratio, len(known) + 1
        self._known = torch.from_numpy(known.astype(np.int64)).to(device)
        # Rising, as both parts do.
        keys = users * self._base + n_unrated_before
        self._keys = torch.from_numpy(keys).to(device)
        self._offsets = torch.from_numpy(rated.offsets.astype(np.int64)).to(device)
        self._n_unrated = torch.from_numpy(n_unrated.astype(np.int64)).to(device)
        self._users = torch.from_numpy(users[n_unrated[users] > 0]).to(device)

    def draw(self, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return users and an unrated item for each, in no particular order."""
        users = self._drawn_users(chance)
        uniform = torch.rand(
            len(users), generator=chance, dtype=torch.float64, device=users.device
        )
        place = (uniform * self._n_unrated.index_select(0, users)).long()
        key = users * self._base + place
        n_before = torch.searchsorted(self._keys, key, right=True)
        rank = place + n_before - self._offsets.index_select(0, users)
        return users, self._known.index_select(0, rank)

    def _drawn_users(self, chance: torch.Generator) -> Tensor:
        """Return each rating's user as often as the ratio says, a part of it by lot."""
        n = len(self._users)
        whole = int(self._ratio)
        lot = torch.randperm(n, generator=chance, device=self._users.device)
        some = lot[: round((self._ratio - whole) * n)]
        return torch.cat([self._users.repeat(whole), self._users.index_select(0, some)])

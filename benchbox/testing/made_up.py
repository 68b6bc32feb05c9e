"""Small synthetic ratings with learnable structure, for checks and tests."""

import numpy as np

from benchbox.ratings import Ratings, RatingScale

_EACH = 5
"""Ratings that each user has at least; items get about as many."""

_FIRST_SECOND = 1_600_000_000
_YEAR_SECONDS = 365 * 24 * 60 * 60


def made_up_ratings(
    n_users: int = 24,
    n_items: int = 18,
    *,
    density: float = 0.5,
    seed: int = 0,
    scale: RatingScale | None = None,
) -> Ratings:
    """Return synthetic ratings; every user and item has at least three.

    A rating is the middle of the scale plus a user offset, an item offset and noise.
    Every user uses both ends of the scale, so that no user is constant. Timestamps are
    random within one year.

    Args:
        n_users: Number of users, at least 5.
        n_items: Number of items, at least 5.
        density: Share of all pairs that is rated, approximately.
        seed: Random seed.
        scale: Rating scale; by default 1 to 5 in whole steps.
    """
    scale = scale or RatingScale(1, 5, 1)
    draw = np.random.Generator(np.random.PCG64(seed))
    rated = draw.random((n_users, n_items)) < density
    for offset in range(_EACH):
        rated[np.arange(n_users), (np.arange(n_users) + offset) % n_items] = True
        rated[(np.arange(n_items) + offset) % n_users, np.arange(n_items)] = True
    width = (scale.high - scale.low) / 4
    middle = (scale.low + scale.high) / 2
    tastes = draw.normal(0, 0.8, n_users)[:, None] + draw.normal(0, 0.8, n_items)
    values = middle + width * (tastes + draw.normal(0, 0.5, tastes.shape))
    users = np.arange(n_users)
    values[users, users % n_items] = scale.low
    values[users, (users + 1) % n_items] = scale.high
    if scale.step:
        values = scale.low + np.round((values - scale.low) / scale.step) * scale.step
    where = np.nonzero(rated)
    seconds = draw.integers(0, _YEAR_SECONDS, len(where[0]))
    return Ratings(
        users=where[0].astype(np.int32),
        items=where[1].astype(np.int32),
        values=scale.clip(values[where].astype(np.float32)),
        timestamps=_FIRST_SECOND + seconds,
        n_users=n_users,
        n_items=n_items,
        scale=scale,
    )

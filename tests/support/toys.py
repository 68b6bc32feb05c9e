"""Toys: ratings small enough to check by hand, and strategies that draw them."""

import numpy as np
from hypothesis import strategies as st

from benchbox.ratings import Ratings, RatingScale

JESTER = RatingScale(-10, 10)
"""A scale on which 0 and negative numbers are ratings like any other."""

seeds = st.integers(0, 2**53 - 1)

quarters = st.integers(-40, 40).map(lambda n: n / 4)
"""Ratings on the Jester scale that float32 holds exactly, 0 among them."""


def tiny_ratings(n: int, *, n_items: int = 4) -> Ratings:
    """Return *n* ratings that fill a table of *n_items* columns row by row.

    Rating number *k* is of value ``k % 5``, was given at second ``100 + k // 2`` (so
    that two share each second), and was row ``n - 1 - k`` of its source.
    """
    number = np.arange(n)
    users, items = np.divmod(number, n_items)
    n_users = -(-n // n_items)
    return Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=(number % 5).astype(np.float32),
        timestamps=(100 + number // 2).astype(np.int64),
        rows=number[::-1].astype(np.int64),
        n_users=n_users,
        n_items=n_items,
        scale=RatingScale(0, 4, 1),
        user_ids=np.array([f"ann{u}" for u in range(n_users)], dtype=np.str_),
        item_ids=np.array([f"toy{i}" for i in range(n_items)], dtype=np.str_),
    )


@st.composite
def ratings(draw, min_size: int = 0, with_timestamps: bool = True) -> Ratings:
    """Ratings of some cells of a small table, each row numbered by its place."""
    n_users = draw(st.integers(1, 8))
    n_items = draw(st.integers(-(-min_size // n_users) or 1, max(8, min_size)))
    all_cells = st.integers(0, n_users * n_items - 1)
    cells = np.array(
        sorted(draw(st.sets(all_cells, min_size=min_size, max_size=60))), dtype=np.int64
    )
    n = len(cells)
    values = draw(st.lists(quarters, min_size=n, max_size=n))
    seconds = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    return Ratings(
        users=(cells // n_items).astype(np.int32),
        items=(cells % n_items).astype(np.int32),
        values=np.array(values, dtype=np.float32),
        timestamps=np.array(seconds, dtype=np.int64) if with_timestamps else None,
        rows=np.arange(n, dtype=np.int64),
        n_users=n_users,
        n_items=n_items,
        scale=JESTER,
    )

"""Small ratings whose right answers are known in advance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbox import Ratings, RatingScale

ANY_SCALE = RatingScale(-100, 100)


def from_matrix(matrix: ArrayLike, scale: RatingScale = ANY_SCALE) -> Ratings:
    """Return the cells of *matrix* that are no NaN, in row order."""
    cells = np.asarray(matrix, dtype=np.float32)
    users, items = np.nonzero(~np.isnan(cells))
    return Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=cells[users, items],
        n_users=cells.shape[0],
        n_items=cells.shape[1],
        scale=scale,
    )


def hide(
    matrix: ArrayLike, share: float, seed: int, scale: RatingScale = ANY_SCALE
) -> tuple[Ratings, Ratings]:
    """Part the cells of *matrix* into visible and hidden ones, at random."""
    cells = np.array(matrix, dtype=np.float32)
    hidden = np.random.default_rng(seed).random(cells.shape) < share
    return (
        from_matrix(np.where(hidden, np.nan, cells), scale),
        from_matrix(np.where(hidden, cells, np.nan), scale),
    )


def checkerboard(n_users: int, n_items: int) -> NDArray[np.float32]:
    """Even users love even items and hate odd ones; odd users the reverse."""
    same = np.add.outer(np.arange(n_users), np.arange(n_items)) % 2 == 0
    return np.where(same, 5, 1).astype(np.float32)


def low_rank(n_users: int, n_items: int, rank: int, seed: int) -> NDArray[np.float32]:
    """Two factors of standard normal numbers, multiplied."""
    draw = np.random.default_rng(seed)
    left, right = (draw.standard_normal((n, rank)) for n in (n_users, n_items))
    return (left @ right.T).astype(np.float32)


def all_pairs(ratings: Ratings) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return every user-item pair, user by user."""
    users, items = np.divmod(
        np.arange(ratings.n_users * ratings.n_items, dtype=np.int32), ratings.n_items
    )
    return users.astype(np.int32), items.astype(np.int32)


def rmse(predicted: NDArray[np.float32], actual: NDArray[np.float32]) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean(np.square(predicted.astype(np.float64) - actual))))

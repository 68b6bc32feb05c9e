"""Ratings or residuals as sparse matrices, and starting factors computed from them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import Ratings
from benchbox.models import BiasModel

_START_SPREAD = 0.3
_START_ROUNDS = 3

MOST_AT_ONCE = 1 << 24
"""Ratings of users that are solved for at once; of each, 50 bytes are in memory."""


def by_user(ratings: Ratings, values: NDArray[Any]) -> Any:
    """Return *values*, one per rating, as CSR of shape ``(n_users, n_items)``.

    Zeros are stored too, because a pair is rated whatever its value.
    """
    rows = ratings.by_user()
    return csr_array(
        (values[rows.positions], rows.indices, rows.offsets),
        shape=(ratings.n_users, ratings.n_items),
    )


def of_users(ratings: Ratings, asked: NDArray[np.int32]) -> Ratings:
    """Return the ratings of the users *asked*, renumbered in that order.

    Args:
        ratings: Ratings to select from.
        asked: Distinct user indexes, shape ``(m,)``.
    """
    places = np.full(ratings.n_users, -1, dtype=np.int32)
    places[asked] = np.arange(len(asked), dtype=np.int32)
    moved = places[ratings.users]
    chosen = np.flatnonzero(moved >= 0)
    return Ratings(
        users=moved[chosen],
        items=ratings.items[chosen],
        values=ratings.values[chosen],
        timestamps=None if ratings.timestamps is None else ratings.timestamps[chosen],
        n_users=len(asked),
        n_items=ratings.n_items,
        scale=ratings.scale,
    )


def of_users_in_parts(ratings: Ratings, asked: NDArray[np.int32]) -> Iterator[Ratings]:
    """Yield `of_users` of some of *asked* after the other, which bounds the memory.

    Args:
        ratings: Ratings to select from.
        asked: Distinct user indexes, shape ``(m,)``.
    """
    if len(ratings) <= MOST_AT_ONCE:
        yield of_users(ratings, asked)
        return
    counts = np.bincount(ratings.users, minlength=ratings.n_users)[asked]
    parts = np.cumsum(counts) // MOST_AT_ONCE
    for some in np.split(asked, np.flatnonzero(np.diff(parts)) + 1):
        yield of_users(ratings, some)


def starting_factors(
    train: Ratings, bias: BiasModel, n_factors: int, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return item factors that roughly span the residuals of *bias*.

    A few rounds of subspace iteration on the sparse residuals cost a fraction of one
    sweep over the factors, and save several sweeps. If the matrix has a lower rank than
    *n_factors*, the remaining factors are random.

    Returns:
        Factors of shape ``(n_items, n_factors)`` with a root mean square of 0.3.
    """
    residuals = by_user(train, train.values - bias.predict(train.users, train.items))
    factors = draw.standard_normal((train.n_items, n_factors), dtype=np.float32)
    directions = factors
    for _ in range(_START_ROUNDS):
        directions = _orthonormal(residuals.T @ (residuals @ directions))
    factors[:, : directions.shape[1]] = directions * np.sqrt(np.float32(train.n_items))
    return factors * np.float32(_START_SPREAD)


def _orthonormal(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of *columns*, computed from their Gram matrix.

    If threads compete for cores, LAPACK's QR decomposition of such a tall matrix takes
    longer than everything else together.
    """
    wide = columns.astype(np.float64)
    sizes, vectors = np.linalg.eigh(wide.T @ wide)
    # Largest first. Much smaller eigenvalues are only rounding errors.
    sizes, vectors = sizes[::-1], vectors[:, ::-1]
    is_large = sizes > 1e-10 * sizes[:1]
    basis = wide @ (vectors[:, is_large] / np.sqrt(sizes[is_large]))
    narrow: NDArray[np.float32] = basis.astype(np.float32)
    return narrow

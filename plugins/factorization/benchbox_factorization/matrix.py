"""Matrix: ratings, or what is left of them, as a sparse matrix, and its directions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import Ratings
from benchbox.models import BiasModel

_START_SPREAD = 0.3
_START_ROUNDS = 3


def by_user(ratings: Ratings, values: NDArray[Any]) -> Any:
    """Return *values*, one per rating, as CSR of shape ``(n_users, n_items)``.

    A value of 0 stays stored: the index says what is rated, not the value.
    """
    rows = ratings.by_user()
    return csr_array(
        (values[rows.positions], rows.indices, rows.offsets),
        shape=(ratings.n_users, ratings.n_items),
    )


def of_users(ratings: Ratings, asked: NDArray[np.int32]) -> Ratings:
    """Return the ratings by *asked* users alone, who are numbered in that order.

    Args:
        ratings: Ratings to choose from.
        asked: Distinct user indexes.
    """
    places = np.full(ratings.n_users, -1, dtype=np.int32)
    places[asked] = np.arange(len(asked), dtype=np.int32)
    moved = places[ratings.users]
    chosen = np.flatnonzero(moved >= 0)
    return Ratings(
        users=moved[chosen],
        items=ratings.items[chosen],
        values=ratings.values[chosen],
        n_users=len(asked),
        n_items=ratings.n_items,
        scale=ratings.scale,
    )


def starting_factors(
    train: Ratings, bias: BiasModel, n_factors: int, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return item factors that roughly span what *bias* leaves unexplained.

    A few rounds of subspace iteration on the sparse residuals cost a fraction of one
    sweep over factors, and save several. Directions the matrix is too small for are
    random.

    Returns:
        Factors of shape ``(n_items, n_factors)`` with a mean square of 0.3 squared.
    """
    residuals = by_user(train, train.values - bias.predict(train.users, train.items))
    factors = draw.standard_normal((train.n_items, n_factors), dtype=np.float32)
    directions = factors
    for _ in range(_START_ROUNDS):
        directions = _orthonormal(residuals.T @ (residuals @ directions))
    factors[:, : directions.shape[1]] = directions * np.sqrt(np.float32(train.n_items))
    return factors * np.float32(_START_SPREAD)


def _orthonormal(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of *columns*, by their Gram matrix.

    LAPACK's QR of a matrix this tall costs more than all else where threads contend.
    """
    wide = columns.astype(np.float64)
    sizes, turns = np.linalg.eigh(wide.T @ wide)
    # The largest first. What is left of a smaller one is rounding.
    sizes, turns = sizes[::-1], turns[:, ::-1]
    is_alive = sizes > 1e-10 * sizes[:1]
    basis = wide @ (turns[:, is_alive] / np.sqrt(sizes[is_alive]))
    narrow: NDArray[np.float32] = basis.astype(np.float32)
    return narrow

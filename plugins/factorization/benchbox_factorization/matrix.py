"""Ratings or residuals as sparse matrices, and starting factors computed from them."""

from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import Ratings
from benchbox.arrays import mapped
from benchbox.arrays.parallel import long_slices
from benchbox.models import BiasModel

_START_SPREAD = 0.3
_START_ROUNDS = 3

MOST_AT_ONCE = 1 << 24
"""Ratings of users that are solved for at once; of each, 50 bytes are in memory."""

MOST_PER_MATRIX = int(np.iinfo(np.int32).max)
"""Ratings of a sparse matrix, at most, so that its indexes take 32 bits."""


def by_user(ratings: Ratings, values: NDArray[Any]) -> Any:
    """Return *values*, one per rating, as CSR of shape ``(n_users, n_items)``.

    Zeros are stored too, because a pair is rated whatever its value.
    """
    rows = ratings.by_user()
    return csr_array(
        (rows.arranged(values), rows.indices, rows.offsets),
        shape=(ratings.n_users, ratings.n_items),
    )


def csr_view(
    values: NDArray[Any],
    indices: NDArray[np.int32],
    starts: NDArray[np.int32],
    n_columns: int,
) -> Any:
    """Return a CSR matrix of these arrays themselves.

    The constructor of scipy would copy slices of larger arrays, and so all of a mapped
    file into memory.

    Args:
        values: Value per entry, shape ``(n,)``.
        indices: Column per entry, shape ``(n,)``.
        starts: Row *r* has entries ``starts[r]:starts[r + 1]``, ``(n_rows + 1,)``.
        n_columns: Number of columns.
    """
    matrix = csr_array((len(starts) - 1, n_columns), dtype=values.dtype)
    matrix.data, matrix.indices, matrix.indptr = values, indices, starts
    return matrix


def of_users(ratings: Ratings, asked: NDArray[np.int32]) -> Ratings:
    """Return the ratings of the users *asked*, renumbered in that order.

    Args:
        ratings: Ratings to select from.
        asked: Distinct user indexes, shape ``(m,)``.
    """
    places = np.full(ratings.n_users, -1, dtype=np.int32)
    places[asked] = np.arange(len(asked), dtype=np.int32)
    found = [np.zeros(0, dtype=np.int64)]
    for part in long_slices(len(ratings)):
        found.append(part.start + np.flatnonzero(places[ratings.users[part]] >= 0))
    chosen = np.concatenate(found)
    return Ratings(
        users=places[ratings.users[chosen]],
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
    rest: NDArray[np.float32] = mapped.empty(len(train), np.float32)
    for part in long_slices(len(train)):
        predicted = bias.predict(train.users[part], train.items[part])
        rest[part] = train.values[part] - predicted
    residuals = [*_rows_in_parts(train, rest)]
    factors = draw.standard_normal((train.n_items, n_factors), dtype=np.float32)
    directions = factors
    for _ in range(_START_ROUNDS):
        images = (part.T @ (part @ directions) for part in residuals)
        directions = _orthonormal(reduce(np.add, images))
    factors[:, : directions.shape[1]] = directions * np.sqrt(np.float32(train.n_items))
    return factors * np.float32(_START_SPREAD)


def _rows_in_parts(ratings: Ratings, values: NDArray[Any]) -> Iterator[Any]:
    """Yield the rows of `by_user` in parts with few enough entries for 32 bits.

    With more, scipy would copy all indexes into 64 bits, and no longer map them.
    """
    rows = ratings.by_user()
    arranged, offsets = rows.arranged(values), rows.offsets
    bounds = [0, ratings.n_users]
    if len(values) > MOST_PER_MATRIX:
        # Half as many, as a part may end in the middle of a user's ratings.
        numbers = offsets[:-1] // (MOST_PER_MATRIX // 2)
        bounds[1:1] = (1 + np.flatnonzero(np.diff(numbers))).tolist()
    for first, last in pairwise(bounds):
        cells = slice(offsets[first], offsets[last])
        starts = (offsets[first : last + 1] - offsets[first]).astype(np.int32)
        yield csr_view(arranged[cells], rows.indices[cells], starts, ratings.n_items)


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

"""Normal equations of many ridge regressions, built and solved at once.

Each row of a rating matrix has one regression: of its ratings minus the columns'
biases, on a constant 1 and the columns' factors. In arrays that hold many rows, the row
is the *last* axis, so that one numpy call does the same elimination step for all rows.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.ratings import Grouped
from benchbox_factorization.matrix import csr_view

Real = NDArray[Any]
"""Float32 or float64; results have the precision of the inputs."""

# Bytes of the matrices of a block of rows, few enough to stay in the CPU cache.
_BLOCK = 4 << 20

# A table of outer products is not used above this number of bytes: random reads from it
# are then slower than multiplying the vectors of each row's columns again.
_TABLE = 32 << 20

# Up to this number of unknowns, numpy calls over all rows are faster than one LAPACK
# call per row.
_UNROLLED = 24


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a rating matrix.

    Attributes:
        seen: 1 per rating, CSR of shape ``(m, n_columns)``.
        values: Target value per rating, CSR with the same index; zeros are stored too.
    """

    seen: Any
    values: Any

    @property
    def counts(self) -> NDArray[np.int32]:
        """Ratings per row, shape ``(m,)``."""
        counts: NDArray[np.int32] = np.diff(self.seen.indptr)
        return counts


def blocks(grouped: Grouped, values: Real, n_unknowns: int) -> Iterator[Block]:
    """Split ratings into blocks of rows whose normal equations fit into the CPU cache.

    Args:
        grouped: Ratings by row.
        values: Target values of the regressions, in the order of *grouped*.
        n_unknowns: Number of unknowns per row.
    """
    n_rows = len(grouped.offsets) - 1
    size = max(16, _BLOCK // (values.itemsize * n_pairs(n_unknowns + 1)))
    indices = grouped.indices.astype(np.int32, copy=False)
    starts = [*range(0, n_rows, size), n_rows]
    most = int(max(np.diff(grouped.offsets[starts]), default=0))
    # Shared by all blocks, which need no more of them than the largest one.
    ones = mapped.empty(most, values.dtype)
    ones[:] = 1
    for start in starts[:-1]:
        offsets = grouped.offsets[start : start + size + 1]
        cells = slice(offsets[0], offsets[-1])
        index = indices[cells], (offsets - offsets[0]).astype(np.int32)
        yield Block(
            seen=csr_view(ones[: len(index[0])], *index, grouped.n_columns),
            values=csr_view(values[cells], *index, grouped.n_columns),
        )


def n_pairs(n: int) -> int:
    """Return the number of entries in the upper triangle of an n × n matrix."""
    return n * (n + 1) // 2


def diagonal(n: int) -> NDArray[np.int64]:
    """Return the positions of the diagonal in a packed upper triangle, ``(n,)``."""
    return np.concatenate([[0], np.cumsum(np.arange(n, 1, -1))]).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over each row's ratings, which determine the normal equations.

    Every column has a vector ``(bias, 1, factors)`` of length *e*.

    Attributes:
        pairs: Upper triangle of the summed outer products of these vectors, packed row
            by row, shape ``(n_pairs(e), m)``.
        sums: Summed products of rating and vector, shape ``(e, m)``.
    """

    pairs: Real
    sums: Real

    @property
    def left(self) -> Real:
        """Upper triangles of ``Q' Q``, shape ``(n_pairs(e - 1), m)``; a view."""
        return self.pairs[len(self.sums) :]

    @property
    def right(self) -> Real:
        """``Q' (r - b)``, shape ``(e - 1, m)``."""
        return self.sums[1:] - self.pairs[1 : len(self.sums)]

    def squared_error(self, solved: Real) -> float:
        """Return the sum of squared errors minus that of squared ratings.

        Args:
            solved: Bias and factors of each row, shape ``(e - 1, m)``.
        """
        weights = np.concatenate([np.ones_like(solved[:1]), solved])
        first, second = np.triu_indices(len(weights))
        squares = np.einsum("pm,pm,pm->p", self.pairs, weights[first], weights[second])
        times = np.where(first == second, 1.0, 2.0)
        return float(times @ squares) - 2 * float(np.vdot(self.sums, weights))


class Columns:
    """Vectors of the columns of a rating matrix, for the regressions of its rows."""

    def __init__(self, parameters: Real) -> None:
        """Prepare columns of *parameters*: bias, then factors, shape ``(n, 1 + k)``."""
        ones = np.ones_like(parameters[:, :1])
        self._vectors = np.hstack([parameters[:, :1], ones, parameters[:, 1:]])
        self._first, self._second = np.triu_indices(self._vectors.shape[1])
        self._table: Real | None = None
        if len(parameters) * len(self._first) * parameters.itemsize <= _TABLE:
            self._table = self._vectors[:, self._first] * self._vectors[:, self._second]

    def moments(self, block: Block) -> Moments:
        """Sum over the ratings of each row of *block*."""
        sums = np.ascontiguousarray((block.values @ self._vectors).T)
        if self._table is None:
            products = self._products(block)[:, self._first, self._second]
        else:
            # A single product of a 0/1 matrix with all outer products covers all rows.
            products = block.seen @ self._table
        return Moments(pairs=np.ascontiguousarray(products.T), sums=sums)

    def _products(self, block: Block) -> Real:
        n_rows, width = block.seen.shape[0], self._vectors.shape[1]
        products = np.empty((n_rows, width, width), dtype=self._vectors.dtype)
        offsets = block.seen.indptr
        for row in range(n_rows):
            vectors = self._vectors[block.seen.indices[offsets[row] : offsets[row + 1]]]
            np.matmul(vectors.T, vectors, out=products[row])
        return products


class Cholesky:
    """Upper factors ``U`` of many positive definite matrices ``U' U``."""

    def __init__(self, packed: Real, n_unknowns: int) -> None:
        """Factorise matrices in place.

        Args:
            packed: Upper triangles, shape ``(n_pairs(n_unknowns), m)``; overwritten.
            n_unknowns: Number of rows of each matrix.
        """
        # With little damping, rounding could make a matrix lose positive definiteness.
        packed[diagonal(n_unknowns)] *= 1 + 512 * np.finfo(packed.dtype).eps
        if n_unknowns > _UNROLLED:
            packed = _factorized_by_lapack(packed, n_unknowns)
        # Row j of each triangle, from the diagonal on: shape (n_unknowns - j, m).
        self._lines = np.split(packed, diagonal(n_unknowns)[1:])
        if n_unknowns <= _UNROLLED:
            self._factorize()

    def _factorize(self) -> None:
        for j, pivot in enumerate(self._lines):
            pivot /= np.sqrt(pivot[0])
            for i, line in enumerate(self._lines[j + 1 :], 1):
                line -= pivot[i:] * pivot[i]

    def of(self, rows: NDArray[np.int64]) -> Self:
        """Return the factors of some *rows*, which may repeat."""
        found = copy(self)
        found._lines = [np.take(line, rows, axis=1) for line in self._lines]
        return found

    def forward(self, right: Real) -> Real:
        """Return *y* with ``U' y = right``, shape ``(n_unknowns, m)``."""
        solved = right.copy()
        for j, line in enumerate(self._lines):
            solved[j] /= line[0]
            solved[j + 1 :] -= line[1:] * solved[j]
        return solved

    def backward(self, right: Real) -> Real:
        """Return *x* with ``U x = right``, shape ``(n_unknowns, m)``."""
        solved = right.copy()
        for j, line in reversed(list(enumerate(self._lines))):
            solved[j] -= np.einsum("im,im->m", line[1:], solved[j + 1 :])
            solved[j] /= line[0]
        return solved

    def solve(self, right: Real) -> Real:
        """Return *x* with ``U' U x = right``, shape ``(n_unknowns, m)``."""
        return self.backward(self.forward(right))


def _factorized_by_lapack(packed: Real, n_unknowns: int) -> Real:
    first, second = np.triu_indices(n_unknowns)
    matrices = np.zeros((packed.shape[1], n_unknowns, n_unknowns), dtype=packed.dtype)
    # numpy computes the lower factor, which is the transpose of the upper one.
    matrices[:, second, first] = packed.T
    lower = np.linalg.cholesky(matrices)
    return np.ascontiguousarray(lower[:, second, first].T)

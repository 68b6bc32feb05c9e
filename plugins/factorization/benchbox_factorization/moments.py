"""Moments: the normal equations of many ridge regressions, built and solved at once.

There is one regression per row of a rating matrix: of its ratings, less the columns'
biases, on a 1 and the columns' factors. In arrays about many rows the row is the
*last* axis, so that one numpy call does the same step of every row's elimination.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox.ratings import Grouped

Real = NDArray[Any]
"""Float32 or float64: the results are of the precision of what goes in."""

# Bytes of a block of rows' matrices, so that they stay near the processor.
_BLOCK = 4 << 20

# Bytes beyond which a table of outer products no longer pays: reading it at random is
# then slower than multiplying out the vectors of each row's columns afresh.
_TABLE = 32 << 20

# Unknowns up to which numpy calls over all rows beat one LAPACK call per row.
_UNROLLED = 24


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a rating matrix.

    Attributes:
        seen: A 1 per rating, CSR of shape ``(m, n_columns)``.
        values: The rating itself on the same index; a 0 is a rating like any other.
    """

    seen: Any
    values: Any

    @property
    def counts(self) -> NDArray[np.int32]:
        """Ratings per row, shape ``(m,)``."""
        counts: NDArray[np.int32] = np.diff(self.seen.indptr)
        return counts


def blocks(grouped: Grouped, values: Real, n_unknowns: int) -> Iterator[Block]:
    """Cut ratings into blocks of rows whose normal equations fit a cache.

    Args:
        grouped: The ratings by row.
        values: What to regress, in the order of *grouped*.
        n_unknowns: Unknowns per row.
    """
    n_rows = len(grouped.offsets) - 1
    size = max(16, _BLOCK // (values.itemsize * n_pairs(n_unknowns + 1)))
    # Indexes and offsets of one type spare scipy a copy.
    indices = grouped.indices.astype(np.int32, copy=False)
    ones = np.ones_like(values)
    for start in range(0, n_rows, size):
        offsets = grouped.offsets[start : start + size + 1]
        cells = slice(offsets[0], offsets[-1])
        index = (indices[cells], (offsets - offsets[0]).astype(np.int32))
        shape = (len(offsets) - 1, grouped.n_columns)
        yield Block(
            seen=csr_array((ones[cells], *index), shape=shape),
            values=csr_array((values[cells], *index), shape=shape),
        )


def n_pairs(n: int) -> int:
    """Return the number of entries in the upper triangle of an n × n matrix."""
    return n * (n + 1) // 2


def diagonal(n: int) -> NDArray[np.int64]:
    """Return where the diagonal stands in a packed upper triangle."""
    return np.concatenate([[0], np.cumsum(np.arange(n, 1, -1))]).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over each row's ratings, from which everything else follows.

    Every column has a vector ``(bias, 1, factors)`` of length *e*.

    Attributes:
        pairs: Upper triangle of the summed outer products of these vectors, line by
            line, shape ``(n_pairs(e), m)``.
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
        """Return what predicting with *solved* adds to the ratings' sum of squares.

        Args:
            solved: Bias and factors of each row, shape ``(e - 1, m)``.
        """
        weights = np.concatenate([np.ones_like(solved[:1]), solved])
        first, second = np.triu_indices(len(weights))
        squares = np.einsum("pm,pm,pm->p", self.pairs, weights[first], weights[second])
        times = np.where(first == second, 1.0, 2.0)
        return float(times @ squares) - 2 * float(np.vdot(self.sums, weights))


class Columns:
    """What the columns of a rating matrix bring to the regressions of its rows."""

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
            # One product of a 0/1 matrix with all outer products does every row.
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
        """Factorise matrices, overwriting them.

        Args:
            packed: Their upper triangles, shape ``(n_pairs(n_unknowns), m)``.
            n_unknowns: Rows of each.
        """
        # Sums are rounded, and a matrix with hardly any ridge must stay positive.
        packed[diagonal(n_unknowns)] *= 1 + 512 * np.finfo(packed.dtype).eps
        if n_unknowns > _UNROLLED:
            packed = _factorized_by_lapack(packed, n_unknowns)
        # Line j of each triangle, from its diagonal on: shape (n_unknowns - j, m).
        self._lines = np.split(packed, diagonal(n_unknowns)[1:])
        if n_unknowns <= _UNROLLED:
            self._factorize()

    def _factorize(self) -> None:
        for j, pivot in enumerate(self._lines):
            pivot /= np.sqrt(pivot[0])
            for i, line in enumerate(self._lines[j + 1 :], 1):
                line -= pivot[i:] * pivot[i]

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
    # LAPACK is asked for the lower factor, the transpose of the upper one.
    matrices[:, second, first] = packed.T
    lower = np.linalg.cholesky(matrices)
    return np.ascontiguousarray(lower[:, second, first].T)

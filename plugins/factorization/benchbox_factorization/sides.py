"""Regressions of all users on the items' vectors, or of all items on the users'."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchbox.models import is_accelerator
from benchbox.ratings import Grouped
from benchbox_factorization.moments import (
    Block,
    Cholesky,
    Columns,
    Moments,
    Real,
    blocks,
    diagonal,
)
from benchbox_factorization.population import Population, Vectors

Pairs = tuple[NDArray[Any], NDArray[Any]]
"""Row and column per prediction, each of shape ``(p,)``."""

_PAIRS = 1024
"""Pairs whose variance is computed at once; their factors stay in the CPU cache."""


class Side(Protocol):
    """Ratings by row, in host or device memory; a row is a user or an item.

    Attributes:
        counts: Number of ratings per row, shape ``(m,)``.
    """

    counts: NDArray[Any]

    def solve(self, others: Vectors, ridge: Real) -> Vectors:
        """Return the bias and factors of each row that fit its ratings best.

        Solves ``(Q' Q + diag(ridge)) x = Q' (r - b)`` per row, where *r* are its
        ratings, *b* the biases of their columns, and ``Q`` a column of ones followed by
        their factors. A row without ratings gets 0.

        Args:
            others: Biases and factors of the columns, shape ``(n, 1 + k)``.
            ridge: L2 penalty per unknown and row, shape ``(1 + k, m)``; positive for
                factors.

        Returns:
            Biases and factors of the rows, shape ``(m, 1 + k)``.
        """

    def means(self, others: Vectors, population: Population, noise: float) -> Vectors:
        """Return the mean of each row's vector, given its ratings and the columns.

        Args:
            others: Vectors of the columns, shape ``(n, 1 + k)``.
            population: Distribution of the rows' vectors.
            noise: Precision of a rating around its prediction.

        Returns:
            Mean vectors of the rows, shape ``(m, 1 + k)``.
        """

    def predictive(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        pairs: Pairs,
    ) -> tuple[Real, Real]:
        """Return mean and variance of predictions, given ratings and columns.

        The variance is that of the row's vector: the noise of a rating is no part of
        it. The first arguments are those of `means`.

        Args:
            others: Vectors of the columns, shape ``(n, 1 + k)``.
            population: Distribution of the rows' vectors.
            noise: Precision of a rating around its prediction.
            pairs: Row and column of each prediction, each of shape ``(p,)``.

        Returns:
            Two arrays of shape ``(p,)``.
        """

    def draw(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        draw: np.random.Generator,
    ) -> tuple[Vectors, float]:
        """Draw each row's vector, given its ratings and the columns; see `means`.

        Returns:
            The vectors, shape ``(m, 1 + k)``, and the sum of squared errors of
            predictions with them minus the sum of squared ratings.
        """


def make_side(grouped: Grouped, values: Real, n_unknowns: int, device: str) -> Side:
    """Return the ratings of one side on *device*.

    Args:
        grouped: Ratings by row.
        values: Target values of the regressions, in the order of *grouped*.
        n_unknowns: Number of unknowns per row.
        device: ``cpu``, or an accelerator, which needs torch.
    """
    if is_accelerator(device):
        from benchbox_factorization.device import DeviceSide

        return DeviceSide(grouped, values, device)
    return HostSide(grouped, values, n_unknowns)


class HostSide:
    """Ratings of one side in host memory, in blocks that fit the cache; see `Side`."""

    def __init__(self, grouped: Grouped, values: Real, n_unknowns: int) -> None:
        self.counts = grouped.counts
        self._width = n_unknowns
        self._blocks = list(blocks(grouped, values, n_unknowns))

    def solve(self, others: Vectors, ridge: Real) -> Vectors:
        """Return the best bias and factors of each row."""
        columns, start = Columns(others), 0
        solved = [np.empty((0, self._width), dtype=others.dtype)]
        for block in self._blocks:
            stop = start + len(block.counts)
            solved.append(solve_rows(block, columns, ridge[:, start:stop]).T)
            start = stop
        return np.concatenate(solved)

    def means(self, others: Vectors, population: Population, noise: float) -> Vectors:
        """Return the mean of each row's vector, given its ratings and the columns."""
        columns = Columns(others)
        means = [np.empty((0, self._width), dtype=np.float32)]
        for block in self._blocks:
            posterior = _posterior(block, columns, population, noise)
            means.append(posterior.root.backward(posterior.halfway).T)
        return np.concatenate(means)

    def predictive(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        pairs: Pairs,
    ) -> tuple[Real, Real]:
        """Return mean and variance of predictions, given ratings and columns."""
        columns, start = Columns(others), 0
        rows, asked = pairs
        means, variances = np.empty((2, len(rows)), dtype=np.float32)
        order = np.argsort(rows, kind="stable")
        for block in self._blocks:
            stop = start + len(block.counts)
            ends = np.searchsorted(rows, [start, stop], sorter=order)
            mine = order[slice(*ends)]
            posterior = _posterior(block, columns, population, noise)
            vectors = posterior.root.backward(posterior.halfway)
            weights = others[asked[mine]].T.copy()
            own = weights[0].copy()
            weights[0] = 1
            place = rows[mine] - start
            means[mine] = own + np.einsum("dp,dp->p", weights, vectors[:, place])
            # With the precision U' U, the variance of w' x is |inverse(U') w|^2.
            for at in range(0, len(mine), _PAIRS):
                part = slice(at, at + _PAIRS)
                half = posterior.root.of(place[part]).forward(weights[:, part])
                variances[mine[part]] = np.einsum("dp,dp->p", half, half)
            start = stop
        return means, variances

    def draw(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        draw: np.random.Generator,
    ) -> tuple[Vectors, float]:
        """Draw each row's vector, given its ratings and the columns."""
        columns = Columns(others)
        vectors, error = [], 0.0
        for block in self._blocks:
            posterior = _posterior(block, columns, population, noise)
            normal = draw.standard_normal(posterior.halfway.shape, dtype=np.float32)
            drawn = posterior.root.backward(posterior.halfway + normal)
            error += posterior.moments.squared_error(drawn)
            vectors.append(drawn.T)
        return np.concatenate(vectors), error


def solve_rows(block: Block, columns: Columns, ridge: Real) -> Real:
    """Solve the rows of a block, as `Side.solve` does; the result is ``(1 + k, m)``."""
    moments = columns.moments(block)
    left = moments.left
    # Without damping, a row without ratings would have a singular matrix.
    left[diagonal(len(ridge))] += np.where(block.counts > 0, ridge, 1)
    return Cholesky(left, len(ridge)).solve(moments.right)


@dataclass(frozen=True, slots=True, eq=False)
class _Posterior:
    """Normal distributions of the vectors of a block's rows.

    Attributes:
        moments: Sums over the rows' ratings.
        root: Upper Cholesky factors ``U`` of the precisions.
        halfway: ``U`` times the mean per row, shape ``(1 + k, m)``.
    """

    moments: Moments
    root: Cholesky
    halfway: Real


def _posterior(
    block: Block, columns: Columns, population: Population, noise: float
) -> _Posterior:
    moments = columns.moments(block)
    width = len(population.mean)
    precision = np.float32(noise)
    pull = (population.precision @ population.mean).astype(np.float32)
    prior = population.precision[np.triu_indices(width)].astype(np.float32)
    root = Cholesky(precision * moments.left + prior[:, None], width)
    halfway = root.forward(precision * moments.right + pull[:, None])
    return _Posterior(moments, root, halfway)

"""Regressions of one side on an accelerator, many rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from benchbox.arrays.parallel import long_slices
from benchbox.ratings import Grouped
from benchbox_factorization.moments import Real
from benchbox_factorization.population import Population, Vectors

# Numbers in the matrices of rows that are solved at once: 256 MiB.
_AT_ONCE = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Sums over the ratings of some rows; columns have vectors ``(bias, 1, factors)``.

    Attributes:
        rows: The slice of rows.
        pairs: Summed outer products of vectors, shape ``(m, 2 + k, 2 + k)``.
        sums: Summed products of rating and vector, shape ``(m, 2 + k)``.
    """

    rows: slice
    pairs: Tensor
    sums: Tensor

    @property
    def left(self) -> Tensor:
        """``Q' Q`` per row, shape ``(m, 1 + k, 1 + k)``."""
        return self.pairs[:, 1:, 1:]

    @property
    def right(self) -> Tensor:
        """``Q' (r - b)`` per row, shape ``(m, 1 + k)``."""
        return self.sums[:, 1:] - self.pairs[:, 0, 1:]

    def squared_error(self, solved: Tensor) -> float:
        """Return the sum of squared errors minus that of squared ratings.

        Args:
            solved: Bias and factors of each row, shape ``(m, 1 + k)``.
        """
        weights = torch.cat([torch.ones_like(solved[:, :1]), solved], 1)
        squares = torch.einsum("mi,mij,mj->m", weights, self.pairs, weights)
        rest = squares - 2 * (self.sums * weights).sum(1)
        # On the host, because not every device has float64.
        return float(rest.cpu().sum(dtype=torch.float64))


class DeviceSide:
    """Ratings of one side in compressed rows on a device; see `sides.Side`.

    Sums over the ratings of all rows are one `F.embedding_bag` of the columns' outer
    products, and the matrices of many rows are factorised together.

    Args:
        grouped: Ratings by row.
        values: Target values of the regressions, in the order of *grouped*.
        device: Device to compute on.
    """

    def __init__(self, grouped: Grouped, values: Real, device: str) -> None:
        self.counts = grouped.counts
        self._device = device
        self._offsets = grouped.offsets
        self._columns = self._moved_in_parts(grouped.indices, torch.int64)
        self._values = self._moved_in_parts(values, torch.float32)

    def solve(self, others: Vectors, ridge: Real) -> Vectors:
        """Return the best bias and factors of each row."""
        solved = np.empty((len(self.counts), others.shape[1]), dtype=np.float32)
        for moments in self._moments(others):
            rows = moments.rows
            # Without damping, a row without ratings would have a singular matrix.
            damped = np.where(self.counts[rows] > 0, ridge[:, rows], 1)
            left = moments.left + torch.diag_embed(self._moved(damped.T))
            solution = torch.cholesky_solve(moments.right[..., None], _root(left))
            solved[rows] = solution[..., 0].cpu().numpy()
        return solved

    def means(self, others: Vectors, population: Population, noise: float) -> Vectors:
        """Return the mean of each row's vector, given its ratings and the columns."""
        means = np.empty((len(self.counts), others.shape[1]), dtype=np.float32)
        for moments in self._moments(others):
            root, right = self._posterior(moments, population, noise)
            mean = torch.cholesky_solve(right, root)
            means[moments.rows] = mean[..., 0].cpu().numpy()
        return means

    def predictive(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        pairs: tuple[NDArray[Any], NDArray[Any]],
    ) -> tuple[Real, Real]:
        """Return mean and variance of predictions, given ratings and columns."""
        rows, asked = pairs
        means, variances = np.empty((2, len(rows)), dtype=np.float32)
        order = np.argsort(rows, kind="stable")
        at_once = max(1, _AT_ONCE // others.shape[1] ** 2)
        for moments in self._moments(others):
            root, right = self._posterior(moments, population, noise)
            vectors = torch.cholesky_solve(right, root)[..., 0]
            start, stop, _ = moments.rows.indices(len(self.counts))
            ends = np.searchsorted(rows, [start, stop], sorter=order)
            for mine in np.split(
                order[slice(*ends)], range(at_once, len(rows), at_once)
            ):
                place = self._moved(rows[mine].astype(np.int64) - start)
                weights = self._moved(others[asked[mine]])
                own = weights[:, 0].clone()
                weights[:, 0] = 1
                mean = own + (weights * vectors[place]).sum(1)
                # With the precision L L', the variance of w' x is |inverse(L) w|^2.
                half = torch.linalg.solve_triangular(
                    root[place], weights[..., None], upper=False
                )
                means[mine] = mean.cpu().numpy()
                variances[mine] = half.square().sum((1, 2)).cpu().numpy()
        return means, variances

    def draw(
        self,
        others: Vectors,
        population: Population,
        noise: float,
        draw: np.random.Generator,
    ) -> tuple[Vectors, float]:
        """Draw each row's vector, given its ratings and the columns."""
        chance = torch.Generator(self._device).manual_seed(int(draw.integers(1 << 62)))
        vectors = np.empty((len(self.counts), others.shape[1]), dtype=np.float32)
        error = 0.0
        for moments in self._moments(others):
            root, right = self._posterior(moments, population, noise)
            halfway = torch.linalg.solve_triangular(root, right, upper=False)
            halfway += torch.randn(
                halfway.shape, generator=chance, device=halfway.device
            )
            drawn = torch.linalg.solve_triangular(root.mT, halfway, upper=True)[..., 0]
            error += moments.squared_error(drawn)
            vectors[moments.rows] = drawn.cpu().numpy()
        return vectors, error

    def _posterior(
        self, moments: _Moments, population: Population, noise: float
    ) -> tuple[Tensor, Tensor]:
        """Return lower Cholesky factors of the precisions, and precision times mean."""
        prior = self._moved(population.precision.astype(np.float32))
        pull = population.precision @ population.mean
        right = noise * moments.right + self._moved(pull.astype(np.float32))
        return _root(noise * moments.left + prior), right[..., None]

    def _moments(self, others: Vectors) -> Iterator[_Moments]:
        parameters = self._moved(others)
        ones = torch.ones_like(parameters[:, :1])
        vectors = torch.cat([parameters[:, :1], ones, parameters[:, 1:]], 1)
        width = vectors.shape[1]
        products = (vectors[:, :, None] * vectors[:, None, :]).flatten(1)
        size = max(1, _AT_ONCE // width**2)
        for start in range(0, len(self.counts), size):
            rows = slice(start, min(start + size, len(self.counts)))
            pairs = self._summed(rows, products, None).view(-1, width, width)
            yield _Moments(rows, pairs, self._summed(rows, vectors, self._values))

    def _summed(self, rows: slice, table: Tensor, factors: Tensor | None) -> Tensor:
        """Return sums of rows of *table* over each row's ratings, times *factors*."""
        offsets = self._offsets[rows.start : rows.stop + 1].astype(np.int64)
        cells = slice(int(offsets[0]), int(offsets[-1]))
        return F.embedding_bag(
            self._columns[cells],
            table,
            self._moved(offsets - offsets[0]),
            mode="sum",
            per_sample_weights=None if factors is None else factors[cells],
            include_last_offset=True,
        )

    def _moved_in_parts(self, array: NDArray[Any], kind: torch.dtype) -> Tensor:
        """Return a long *array* on the device; on the host it is never whole again."""
        moved = torch.empty(len(array), dtype=kind, device=self._device)
        for part in long_slices(len(array)):
            moved[part] = torch.from_numpy(np.array(array[part]))
        return moved

    def _moved(self, array: NDArray[np.generic]) -> Tensor:
        # A copy, because ratings are read-only and tensors cannot be.
        return torch.from_numpy(np.array(array)).to(self._device)


def _root(left: Tensor) -> Tensor:
    # With little damping, rounding could make a matrix lose positive definiteness.
    diagonal = left.diagonal(dim1=-2, dim2=-1)
    nudge = 512 * torch.finfo(left.dtype).eps * diagonal
    root: Tensor = torch.linalg.cholesky(left + torch.diag_embed(nudge))
    return root

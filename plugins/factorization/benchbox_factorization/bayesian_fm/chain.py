"""The sampler: blocks, their coefficients, and the residuals of all ratings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchbox_factorization.bayesian_fm.blocks import (
    Block,
    Coefficients,
    equal_shares,
)
from benchbox_factorization.bayesian_fm.kernels import from_block, sweep, to_block
from benchbox_factorization.bayesian_fm.priors import draw_prior, first_prior
from benchbox_factorization.population import Vectors


class Chain:
    """The state of the sampler except for the noise.

    Attributes:
        errors: Residual per rating, sorted by user, float32.
        coefficients: Of each block.
        priors: Of each block.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        positions: Sequence[NDArray[np.int64]],
        targets: NDArray[np.float32],
        start: Vectors,
        draw: np.random.Generator,
    ) -> None:
        """Start the sampler.

        Args:
            blocks: Users, items and, if there is a third block, days.
            positions: Place of each rating of a block in the order of the first block,
                for each block but the first.
            targets: Rating to explain, in the order of the first block.
            start: First factors of the items, shape ``(k, n_items)``. All else starts
                at 0, so that the first residuals are the targets.
            draw: Source of randomness.
        """
        self._blocks = blocks
        self._positions = [_small(places) for places in positions]
        self._draw = draw
        width = 1 + len(start)
        self.coefficients = [_zeros(block, width) for block in blocks]
        for values in (self.coefficients[1].own, self.coefficients[1].sums):
            values[1:] = start
        self.priors = [first_prior(n_kinds(block), width) for block in blocks]
        self.errors = targets.copy()
        self._xs = np.empty_like(targets)
        self._sorted = np.empty_like(targets)
        self._shares = equal_shares(
            np.arange(len(targets) + 1), len(blocks[0].bounds) - 1
        )

    def sweep(self, noise: float) -> float:
        """Draw all coefficients and their distributions; return the squared error."""
        error = 0.0
        for place, block in enumerate(self._blocks):
            error = self._sweep(place, noise)
            self.priors[place] = draw_prior(
                block, self.coefficients[place], self.priors[place], self._draw
            )
        return error

    def _sweep(self, place: int, noise: float) -> float:
        block, coefficients = self._blocks[place], self.coefficients[place]
        others = [c.sums for at, c in enumerate(self.coefficients) if at != place]
        normals = Coefficients(
            own=self._normals(coefficients.own),
            history=self._normals(coefficients.history),
            side=self._normals(coefficients.side),
            sums=_NOTHING,
        )
        errors = self.errors
        if place > 0:
            errors = self._sorted
            to_block(self._positions[place - 1], self._shares, self.errors, errors)
        error = sweep(
            block,
            others[0],
            others[-1],
            coefficients,
            normals,
            self.priors[place],
            np.float32(noise),
            errors,
            self._xs,
        )
        if place > 0:
            from_block(self._positions[place - 1], self._shares, errors, self.errors)
        return float(error)

    def _normals(self, like: Vectors) -> Vectors:
        return self._draw.standard_normal(like.shape, dtype=np.float32)


_NOTHING = np.empty((0, 0), dtype=np.float32)


def n_kinds(block: Block) -> int:
    """Return the number of distributions that a block's coefficients have."""
    return int(block.side.groups.max(initial=1)) + 1


def _zeros(block: Block, width: int) -> Coefficients:
    def zeros(starts: NDArray[np.int64]) -> Vectors:
        return np.zeros((width, len(starts) - 1), dtype=np.float32)

    return Coefficients(
        own=zeros(block.offsets),
        history=zeros(block.history.starts),
        side=zeros(block.side.starts),
        sums=zeros(block.offsets),
    )


def _small(places: NDArray[np.int64]) -> NDArray[np.uint32]:
    return places.astype(np.uint32)

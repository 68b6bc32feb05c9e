"""Distributions of coefficients, one per kind of fact and factor, and their draws."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchbox_factorization.bayesian_fm.blocks import Block, Coefficients
from benchbox_factorization.population import Floats, Vectors

# As in libFM: Gamma priors of precisions with shape and rate of one half, and means
# with the weight of one coefficient at 0. Ratings have variance 1.
_SHAPE = 0.5
_RATE = 0.5
_MEAN_WEIGHT = 1.0


class Prior(NamedTuple):
    """Normal distributions of the coefficients of a block, by kind of fact.

    Kind 0 are the rows' own coefficients, kind 1 those of histories, and each feature
    is a further kind.

    Attributes:
        means: Mean per kind and factor, float32, shape ``(n_kinds, 1 + k)``.
        precisions: Inverse variance, of the same shape.
    """

    means: NDArray[np.float32]
    precisions: NDArray[np.float32]


def first_prior(n_kinds: int, width: int) -> Prior:
    """Return distributions around 0 with a standard deviation of 0.1.

    If they started wide, coefficients of facts that tell little would be drawn far from
    0, and then keep each other there for hundreds of sweeps.
    """
    shape = (n_kinds, width)
    return Prior(np.zeros(shape, np.float32), np.full(shape, 100, np.float32))


def draw_prior(
    block: Block, coefficients: Coefficients, prior: Prior, draw: np.random.Generator
) -> Prior:
    """Draw the distributions, given the coefficients.

    Rows without ratings, and facts about none, say nothing about the others.
    """
    means, precisions = (old.copy() for old in prior)
    of_side = coefficients.side
    kinds = [coefficients.own[:, np.diff(block.offsets) > 0]]
    kinds.append(coefficients.history[:, np.diff(block.history.starts) > 0])
    kinds.extend(
        of_side[:, block.side.groups == kind] for kind in range(2, len(prior.means))
    )
    for kind, values in enumerate(kinds):
        means[kind], precisions[kind] = draw_normal(values, means[kind], draw)
    return Prior(means, precisions)


def draw_normal(
    values: Vectors, means: NDArray[np.float32], draw: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw precisions given *means*, and then means given these precisions.

    Args:
        values: A row of coefficients per factor, shape ``(1 + k, m)``; *m* may be 0.
        means: Present mean per factor, shape ``(1 + k,)``.
        draw: Source of randomness.

    Returns:
        Means and precisions, each of shape ``(1 + k,)``.
    """
    width, m = values.shape
    centres = means.astype(np.float64)
    totals = values.sum(axis=1, dtype=np.float64)
    squares = np.einsum("km,km->k", values, values, dtype=np.float64)
    scatter = squares - 2 * centres * totals + (m + _MEAN_WEIGHT) * centres**2
    rates = _RATE + np.maximum(scatter, 0) / 2
    precisions = draw.standard_gamma(_SHAPE + (m + 1) / 2, width) / rates
    weights = (m + _MEAN_WEIGHT) * precisions
    drawn = totals / (m + _MEAN_WEIGHT) + draw.standard_normal(width) / np.sqrt(weights)
    return drawn, precisions


def draw_noise(
    squared_error: float, n_ratings: int, draw: np.random.Generator
) -> float:
    """Draw the precision of the noise, given the sum of squared errors."""
    shape = _SHAPE + n_ratings / 2
    return float(draw.standard_gamma(shape) / (_RATE + squared_error / 2))

"""Calibration of predicted distributions: whether they promise what then happens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbox.metrics.probabilistic import interval_hits, mass_around, parts
from benchbox.metrics.scored import Floats, Scored

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Nominal shares of the central intervals."""

N_BINS = 10


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reliability:
    """Sums over hidden ratings that show whether distributions are calibrated.

    Attributes:
        n: Number of ratings.
        hits: Ratings within the central interval of each of `LEVELS`, shape ``(4,)``.
        places: Ratings by their place in the predicted distribution, from its lowest
            tenth to its highest, shape ``(10,)``. If it is right, each has a tenth.
    """

    n: float
    hits: Floats
    places: Floats

    @property
    def coverage(self) -> list[float]:
        """Observed share of each of `LEVELS`."""
        return [float(share) for share in self.hits / self.n]

    @property
    def histogram(self) -> list[float]:
        """Share of the ratings in each tenth of the distributions."""
        return [float(share) for share in self.places / self.n]


def reliability(scored: Scored) -> Reliability:
    """Return the calibration of the distributions in *scored*.

    A rating with a step takes up part of its distribution, and counts in each tenth for
    the part of it that lies there (Czado, Gneiting & Held 2009,
    doi:10.1111/j.1541-0420.2009.01191.x).
    """
    hits, places = np.zeros(len(LEVELS)), np.zeros(N_BINS)
    edges = np.linspace(0, 1, N_BINS + 1)
    for part in parts(scored):
        below, upto = mass_around(*part)
        hits += [interval_hits(below, upto, level).sum() for level in LEVELS]
        places += _by_tenth(below, upto, edges)
    return Reliability(n=len(scored.actual), hits=hits, places=places)


def pooled(several: Sequence[Reliability], weight: float = 1.0) -> Reliability:
    """Return the sums of several, each times *weight*."""
    return Reliability(
        n=weight * sum(one.n for one in several),
        hits=weight * np.sum([one.hits for one in several], axis=0),
        places=weight * np.sum([one.places for one in several], axis=0),
    )


def _by_tenth(below: Floats, upto: Floats, edges: Floats) -> Floats:
    """Return how many ratings are in each tenth, counted in parts, shape ``(10,)``."""
    is_point = upto <= below
    first, last = below[~is_point, None], upto[~is_point, None]
    within = np.clip(edges, first, last)
    found: Floats = (np.diff(within) / (last - first)).sum(axis=0)
    points = np.minimum((upto[is_point] * N_BINS).astype(np.int64), N_BINS - 1)
    return found + np.bincount(points, minlength=N_BINS)

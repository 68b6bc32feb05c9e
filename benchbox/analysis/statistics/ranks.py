"""Ranks of models over several data sets, with a significance test."""

from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np
from numpy.typing import NDArray

from benchbox.analysis.statistics.intervals import CONFIDENCE
from benchbox.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Mean ranks of models over data sets, and which differences are significant.

    Attributes:
        mean_ranks: Mean rank per model; 1 is best, and ties get the mean of their
            ranks.
        p_value: P-value of the Friedman test of equal ranks.
        critical_difference: Difference of two mean ranks above which the models differ
            significantly (Nemenyi).
        n_datasets: Number of data sets.
    """

    mean_ranks: tuple[float, ...]
    p_value: float
    critical_difference: float
    n_datasets: int

    @property
    def different(self) -> set[tuple[int, int]]:
        """Pairs of models, lower index first, whose ranks differ significantly.

        Their ranks differ by more than the critical difference, and the Friedman test
        is significant.
        """
        if self.p_value > 1 - CONFIDENCE:
            return set()
        ranks = self.mean_ranks
        return {
            (a, b)
            for b in range(len(ranks))
            for a in range(b)
            if abs(ranks[a] - ranks[b]) > self.critical_difference
        }


def rank(scores: NDArray[np.float64]) -> Ranking:
    """Rank models over data sets by an error, lower is better.

    Uses Friedman's test, then Nemenyi's critical difference (Demšar, 2006,
    https://jmlr.org/papers/v7/demsar06a.html). With few data sets, both have little
    power.

    Args:
        scores: Score per data set and model, shape ``(n_datasets, n_models)``.

    Raises:
        UsageError: There are fewer than two data sets or three models.
    """
    n_datasets, n_models = scores.shape
    if n_datasets < 2 or n_models < 3:
        raise UsageError(
            f"Ranks need at least two data sets and three models, but there are "
            f"{n_datasets} and {n_models}. Compare pair by pair instead."
        )
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    ranks = rankdata(scores, axis=1)
    alike = bool((ranks == ranks[:, :1]).all())
    p_value = 1.0 if alike else float(friedmanchisquare(*scores.T).pvalue)
    reach = float(studentized_range.ppf(CONFIDENCE, n_models, np.inf)) / sqrt(2)
    return Ranking(
        mean_ranks=tuple(float(r) for r in ranks.mean(axis=0)),
        p_value=1.0 if isnan(p_value) else p_value,
        critical_difference=reach * sqrt(n_models * (n_models + 1) / (6 * n_datasets)),
        n_datasets=n_datasets,
    )

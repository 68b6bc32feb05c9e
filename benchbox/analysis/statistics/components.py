"""Variance components: the spread of scores over seeds and over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, harmonic_mean

import numpy as np

from benchbox.analysis.statistics.intervals import spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """How the scores of one model vary over folds and fits.

    Attributes:
        mean: Mean over folds of the mean over fits.
        seed_deviation: Standard deviation over fits on one fold; `None` if each fold
            was fitted once.
        fold_deviation: Standard deviation over folds, after removing the part that
            comes from seeds; `None` for one fold.
    """

    mean: float
    seed_deviation: float | None
    fold_deviation: float | None


def components(scores: Sequence[Sequence[float]]) -> Components:
    """Return the variance components of scores.

    Folds share training ratings and differ in difficulty, so the spread over folds is
    not a standard error; see `paired_interval`.

    Args:
        scores: Scores of all fits, per fold; at least one fold and fit.
    """
    means = [fmean(of_fold) for of_fold in scores]
    n_free = sum(len(of_fold) - 1 for of_fold in scores)
    squares = sum(
        (score - mean) ** 2
        for of_fold, mean in zip(scores, means, strict=True)
        for score in of_fold
    )
    by_seed = squares / n_free if n_free else None
    over_folds = spread(means)
    if over_folds is not None and by_seed is not None:
        left = over_folds**2 - by_seed / harmonic_mean([len(f) for f in scores])
        over_folds = float(np.sqrt(max(left, 0.0)))
    return Components(
        mean=fmean(means),
        seed_deviation=None if by_seed is None else float(np.sqrt(by_seed)),
        fold_deviation=over_folds,
    )

"""How often intervals over users hold the truth, on made-up users whose truth is known.

It takes some minutes::

    python tests/studies/interval_coverage.py results/published/interval-coverage.json
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from benchbox.analysis.statistics.resampling import Estimate, Resampler
from benchbox.metrics.metric import METRICS
from benchbox.metrics.totals import UserTotals, user_totals

N_REPETITIONS = 1600
N_RESAMPLES = 1000
SETTINGS = [(30, "rmse"), (100, "rmse"), (943, "rmse"), (100, "mae"), (100, "mape")]
"""Numbers of users, and the metric."""

# Hidden ratings per user: 10 in the median, far more for a few.
ACTIVITY = np.arange(1, 301)
ACTIVITY_SHARES = np.exp(-0.5 * (np.log(ACTIVITY) - 2.3) ** 2) / ACTIVITY
ACTIVITY_SHARES /= ACTIVITY_SHARES.sum()
NOISE = 0.75 * (1 + 0.6 / np.sqrt(ACTIVITY))
"""Variance of errors: active users are easier to predict."""

TEMPERS = np.array([0.6, 1.9])
"""Factors of that variance: some users are moodier than others."""
TEMPER_SHARES = np.array([0.7, 0.3])
TASTE = 0.35
"""Deviation of what a model misses of a user throughout."""

RATINGS = np.arange(1, 6)
RATING_SHARES = np.array([0.06, 0.11, 0.27, 0.34, 0.22])

N_ITEMS = 200
POPULARITY = 1 / np.arange(1, N_ITEMS + 1)
POPULARITY /= POPULARITY.sum()
MISSED = np.random.default_rng(0).normal(0, [[0.2], [0.25]], (2, N_ITEMS))
"""What each of two models misses of an item, for all users alike."""

LIKENESS = 0.9
"""Correlation of the two models' errors."""


def truth(metric: str) -> list[float]:
    """Return the metric of both models over all users there could be, by formula."""
    weights = ACTIVITY_SHARES * ACTIVITY
    weights = weights / weights.sum()
    variance = NOISE[:, None] * TEMPERS + TASTE**2
    return [
        _of_normal(metric, missed, variance, weights[:, None] * TEMPER_SHARES)
        for missed in MISSED
    ]


def _of_normal(metric: str, missed: Any, variance: Any, weights: Any) -> float:
    """Return the metric of normal errors whose means and variances are mixed."""
    if metric == "rmse":
        mean = (weights * variance).sum() + (POPULARITY * missed**2).sum()
        return float(np.sqrt(mean))
    deviation = np.sqrt(variance)[..., None]
    ratio = missed / deviation
    # Mean of the absolute value of a normal (the folded normal distribution).
    folded = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2)
    folded = folded + missed * (1 - 2 * norm.cdf(-ratio))
    mean = float(((folded * POPULARITY).sum(axis=-1) * weights).sum())
    return mean if metric == "mae" else mean * float((RATING_SHARES / RATINGS).sum())


def draw(n_users: int, metric: str, stream: np.random.Generator) -> UserTotals:
    """Return two models' totals over users drawn from all there could be."""
    activity = stream.choice(ACTIVITY, n_users, p=ACTIVITY_SHARES)
    users = np.repeat(np.arange(n_users, dtype=np.int32), activity)
    temper = stream.choice(TEMPERS, n_users, p=TEMPER_SHARES)
    scale = np.sqrt(NOISE[activity - 1] * temper)[users]
    items = stream.choice(N_ITEMS, len(users), p=POPULARITY)
    ratings = stream.choice(RATINGS, len(users), p=RATING_SHARES).astype(np.float32)
    noises = _alike(stream, len(users)) * scale
    tastes = (_alike(stream, n_users) * TASTE)[:, users]
    predictions = (ratings + noises + tastes + MISSED[:, items]).astype(np.float32)
    (record,) = [known for known in METRICS if known.name == metric]
    return user_totals(ratings, list(predictions), users, record)


def _alike(stream: np.random.Generator, n: int) -> Any:
    first, other = stream.normal(size=(2, n))
    return np.stack([first, LIKENESS * first + np.sqrt(1 - LIKENESS**2) * other])


def coverage(n_users: int, metric: str) -> list[dict[str, Any]]:
    """Return how often each kind of interval holds the truth."""
    first, second = truth(metric)
    kinds: dict[str, tuple[float, Callable[[Resampler], Estimate]]] = {
        "value": (first, lambda r: r.value(0)),
        "difference": (first - second, lambda r: r.difference(0, 1)),
        "ratio": (float(np.log(first / second)), lambda r: r.log_ratio(0, 1)),
    }
    found = {kind: np.zeros(3, dtype=int) for kind in kinds}
    for repetition in range(N_REPETITIONS):
        stream = np.random.Generator(np.random.PCG64([n_users, repetition]))
        totals = draw(n_users, metric, stream)
        resampler = Resampler(totals, seed=repetition, n_resamples=N_RESAMPLES)
        for kind, (true, estimate) in kinds.items():
            interval = estimate(resampler).interval
            assert interval is not None
            found[kind] += (
                true in interval,
                true < interval.low,
                true > interval.high,
            )
    return [
        {
            "metric": metric,
            "n_users": n_users,
            "interval of": kind,
            "truth": kinds[kind][0],
            "covered": int(inside) / N_REPETITIONS,
            "truth below": int(below) / N_REPETITIONS,
            "truth above": int(above) / N_REPETITIONS,
        }
        for kind, (inside, below, above) in found.items()
    ]


def main(target: str) -> None:
    """Run the study, and write what it finds to *target*."""
    rows = [row for setting in SETTINGS for row in coverage(*setting)]
    content = {
        "what": "share of repetitions whose 95 % interval over users holds the truth",
        "made by": "python tests/studies/interval_coverage.py",
        "n_repetitions": N_REPETITIONS,
        "n_resamples": N_RESAMPLES,
        "rows": rows,
    }
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

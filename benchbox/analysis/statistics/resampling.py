"""Resampling: intervals that stay right when a user's ratings err together.

A user's ratings share a taste that the model may have missed, so users are drawn, not
ratings. Each draw yields a t statistic, whose spread makes the interval (the
bootstrap-t of Efron & Tibshirani, 1993, chapter 12): with few users, or very unequal
ones, it covers the truth where percentile and BCa intervals are too narrow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, OVER_USERS, Interval
from benchbox.metrics import Floats, UserTotals
from benchbox.parallel import each

N_RESAMPLES = 2000

_DRAWN_AT_ONCE = 32
"""Draws that are summed up together."""

_SMALL = 1 << 18
"""Multiplications a matrix product may take without being given to several threads.

BLAS threads that fight with ours over the cores make it a hundred times slower, and
their sums may depend on their number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, its doubt, and what the doubt is about.

    Attributes:
        value: The figure.
        standard_error: Deviation the figure would have over other such users.
        interval: Range of the truth; `None` for fewer than two users.
        estimand: What truth the interval is about.
    """

    value: float
    standard_error: float
    interval: Interval | None
    estimand: str = OVER_USERS

    @property
    def t(self) -> float:
        """How many standard errors the figure is from 0."""
        if self.standard_error:
            return self.value / self.standard_error
        return inf if self.value else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over users of what enters a metric, for one sample or several.

    Attributes:
        first: Of counts and of each model's terms, shape ``(…, 1 + n_models)``.
        second: Of their products, shape ``(…, 1 + n_models, 1 + n_models)``.
    """

    first: Floats
    second: Floats


Statistic = Callable[[Floats], tuple[Floats, Floats]]
"""From first sums to values ``(…,)`` and to gradients, of the shape of the sums."""


class Resampler:
    """Estimates of one set of totals, all from the same draws of users.

    Args:
        totals: Terms by user.
        seed: Draws the users.
        n_resamples: How often they are drawn.
    """

    def __init__(
        self, totals: UserTotals, *, seed: int, n_resamples: int = N_RESAMPLES
    ) -> None:
        self._totals = totals
        columns = np.column_stack([totals.counts, *totals.sums])
        ones = np.ones((1, totals.n_users))
        self._sample = _sums(ones, columns, _products(columns))
        self._drawn = _draw(columns, seed, n_resamples)

    def value(self, model: int) -> Estimate:
        """Return the metric of a model."""
        return self._estimate(lambda first: self._metric(first, model))

    def difference(self, first: int, second: int) -> Estimate:
        """Return the metric of one model minus that of another."""
        return self._estimate(lambda sums: self._difference(sums, first, second))

    def log_ratio(self, first: int, second: int) -> Estimate:
        """Return the logarithm of one model's metric over another's, both above 0."""
        return self._estimate(lambda sums: self._log_ratio(sums, first, second))

    def _metric(self, first: Floats, model: int) -> tuple[Floats, Floats]:
        counts, sums = first[..., 0], first[..., 1 + model]
        term = self._totals.term
        value = term.from_means(sums / counts)
        gradient = np.zeros_like(first)
        gradient[..., 0] = -term.power * value / counts
        own = gradient[..., 1 + model]
        if term.power == 1:
            own[...] = 1 / counts
        # The slope of a root at a sum of 0 is left at 0: all its terms are 0 there.
        np.divide(term.power * value, sums, out=own, where=sums != 0)
        return value, gradient

    def _difference(
        self, sums: Floats, first: int, second: int
    ) -> tuple[Floats, Floats]:
        mine, my_slope = self._metric(sums, first)
        other, its_slope = self._metric(sums, second)
        return mine - other, my_slope - its_slope

    def _log_ratio(
        self, sums: Floats, first: int, second: int
    ) -> tuple[Floats, Floats]:
        mine, my_slope = self._metric(sums, first)
        other, its_slope = self._metric(sums, second)
        slope = my_slope / mine[..., None] - its_slope / other[..., None]
        return np.log(mine / other), slope

    def _estimate(self, statistic: Statistic) -> Estimate:
        (value,), (error,) = _with_error(statistic, self._sample)
        n_users = self._totals.n_users
        if n_users < 2:
            return Estimate(value=float(value), standard_error=0.0, interval=None)
        with np.errstate(divide="ignore", invalid="ignore"):
            values, errors = _with_error(statistic, self._drawn)
            t = (values - value) / errors
        # A draw of one user over and over has no error to measure by.
        low, high = _tails(t[np.isfinite(t)])
        # The sum of squares about the mean has lost one degree of freedom.
        widened = float(error) * sqrt(n_users / (n_users - 1))
        return Estimate(
            value=float(value),
            standard_error=widened,
            interval=Interval(
                float(value) - high * widened, float(value) - low * widened
            ),
        )


def _tails(t: Floats) -> tuple[float, float]:
    if not len(t):
        return 0.0, 0.0
    low, high = np.quantile(t, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _with_error(statistic: Statistic, sums: _Sums) -> tuple[Floats, Floats]:
    """Return a statistic and its error, linearised (the delta method)."""
    values, slopes = statistic(sums.first)
    variances = np.einsum("rp,rpq,rq->r", slopes, sums.second, slopes)
    return values, np.sqrt(variances.clip(min=0))


def _draw(columns: Floats, seed: int, n_resamples: int) -> _Sums:
    n_users = len(columns)
    products = _products(columns)

    def part(start: int) -> _Sums:
        # Each part has its own stream, so that threads do not change the draws.
        stream = np.random.Generator(np.random.PCG64([seed, start]))
        n = min(_DRAWN_AT_ONCE, n_resamples - start)
        return _sums(_weights(stream, n, n_users), columns, products)

    parts = each(part, range(0, n_resamples, _DRAWN_AT_ONCE))
    return _Sums(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
    )


def _weights(stream: np.random.Generator, n: int, n_users: int) -> Floats:
    """Return how often each user is drawn in each of *n* draws."""
    weights = np.empty((n, n_users))
    for row in weights:
        drawn = stream.integers(0, n_users, n_users, dtype=np.int32)
        row[:] = np.bincount(drawn, minlength=n_users)
    return weights


def _products(columns: Floats) -> Floats:
    """Return the products of every two columns, each once."""
    left, right = np.triu_indices(columns.shape[1])
    return columns[:, left] * columns[:, right]


def _sums(weights: Floats, columns: Floats, products: Floats) -> _Sums:
    width = columns.shape[1]
    left, right = np.triu_indices(width)
    second = np.empty((len(weights), width, width))
    second[:, left, right] = _weighted(weights, products)
    second[:, right, left] = second[:, left, right]
    return _Sums(_weighted(weights, columns), second)


def _weighted(weights: Floats, columns: Floats) -> Floats:
    """Return ``weights @ columns`` as a sum of small products."""
    (n_draws, n_users), n_columns = weights.shape, columns.shape[1]
    block = max(8, _SMALL // (n_draws * n_columns))
    whole = n_users - n_users % block
    stacked = weights[:, :whole].reshape(n_draws, -1, block).swapaxes(0, 1)
    parts: Floats = stacked @ columns[:whole].reshape(-1, block, n_columns)
    rest: Floats = weights[:, whole:] @ columns[whole:]
    total: Floats = parts.sum(axis=0) + rest
    return total

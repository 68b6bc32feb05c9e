"""Bootstrap intervals over users.

Errors on one user's ratings are correlated, so users are resampled, not ratings. The
interval comes from the distribution of t statistics over resamples (the bootstrap-t of
Efron & Tibshirani, 1993, chapter 12). With few or very unequal users, its coverage is
right where percentile and BCa intervals are too narrow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, OVER_USERS, Interval
from benchbox.arrays.parallel import each
from benchbox.metrics import Floats, UserTotals

N_RESAMPLES = 2000

_DRAWN_AT_ONCE = 32
"""Number of resamples that are summed up together."""

_FEW = 1 << 12
"""Users that are drawn in less time than it takes to call for them."""

_SMALL = 1 << 18
"""Most multiplications in a matrix product for which BLAS uses a single thread.

BLAS threads would compete with ours for the cores, which is a hundred times slower, and
sums may depend on the number of threads.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its uncertainty.

    Attributes:
        value: The figure.
        standard_error: Standard error of the figure over users.
        interval: Confidence interval; `None` for fewer than two users.
        estimand: The quantity that the interval estimates.
    """

    value: float
    standard_error: float
    interval: Interval | None
    estimand: str = OVER_USERS

    @property
    def t(self) -> float:
        """Distance of the figure from 0, in standard errors."""
        if self.standard_error:
            return self.value / self.standard_error
        return inf if self.value else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums over users, for one sample or several.

    Attributes:
        first: Sums of counts and of each model's terms, shape ``(…, 1 + n_models)``.
        second: Sums of their products, shape ``(…, 1 + n_models, 1 + n_models)``.
    """

    first: Floats
    second: Floats


Statistic = Callable[[Floats], tuple[Floats, Floats]]
"""Maps first sums to values, shape ``(…,)``, and gradients, in the sums' shape."""


class Resampler:
    """Computes estimates that all use the same resamples of users.

    Args:
        totals: Sums of terms by user.
        seed: Seed for resampling users.
        n_resamples: Number of resamples.
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
        """Return the estimate of a model's metric."""
        return self._estimate(lambda first: self._metric(first, model))

    def difference(self, first: int, second: int) -> Estimate:
        """Return the estimate of one model's metric minus another's."""
        return self._estimate(lambda sums: self._difference(sums, first, second))

    def log_ratio(self, first: int, second: int) -> Estimate:
        """Return the estimate of the log ratio of two models' metrics, both above 0."""
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
        # A root has no slope at a sum of 0; use 0, since all its terms are 0 there.
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
        # A resample that consists of a single user has a standard error of 0.
        low, high = _tails(t[np.isfinite(t)])
        # Correct for the degree of freedom lost to the mean.
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
    """Return a statistic and its standard error by the delta method."""
    values, slopes = statistic(sums.first)
    variances = np.einsum("rp,rpq,rq->r", slopes, sums.second, slopes)
    return values, np.sqrt(variances.clip(min=0))


def _draw(columns: Floats, seed: int, n_resamples: int) -> _Sums:
    n_users = len(columns)
    products = _products(columns)

    def part(start: int) -> _Sums:
        # Each part has its own generator, so results do not depend on threads.
        stream = np.random.Generator(np.random.PCG64([seed, start]))
        n = min(_DRAWN_AT_ONCE, n_resamples - start)
        return _sums(_weights(stream, n, n_users), columns, products)

    parts = each(part, range(0, n_resamples, _DRAWN_AT_ONCE))
    return _Sums(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
    )


def _weights(stream: np.random.Generator, n: int, n_users: int) -> Floats:
    """Return how often each user is in each of *n* resamples, ``(n, n_users)``."""
    weights = np.empty((n, n_users))
    # Of few users, several resamples at once: a call costs more than to draw them.
    at_once = max(1, _FEW // n_users)
    for rows in np.split(weights, range(at_once, n, at_once)):
        drawn = stream.integers(0, n_users, rows.shape, dtype=np.int32)
        drawn += np.arange(0, rows.size, n_users, dtype=np.int32)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows.size)
        rows[:] = counts.reshape(rows.shape)
    return weights


def _products(columns: Floats) -> Floats:
    """Return the product of every two columns, without repeats."""
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

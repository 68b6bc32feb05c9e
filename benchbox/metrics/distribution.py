"""Distributions of ratings that a model predicts, one per pair."""

from dataclasses import dataclass, replace
from math import inf
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbox.errors import ModelError

Floats = NDArray[np.float64]
"""Numbers, float64."""

MOST_STEPS = 128
"""Steps at most of a distribution: a scale with more is as good as continuous."""

_SUM_TOLERANCE = 1e-3
"""By how much probabilities in float32 may miss a sum of 1; they are divided by it."""


@dataclass(frozen=True, slots=True, eq=False)
class StepDistribution:
    """A probability for each of the same few ratings, per pair.

    Attributes:
        steps: The possible ratings, rising, shape ``(k,)``, k at most `MOST_STEPS`.
        probabilities: Probability of each, per pair, shape ``(n, k)``; rows sum to 1.
    """

    steps: NDArray[Any]
    probabilities: NDArray[Any]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, pairs: Any) -> Self:
        """Return the distributions of some *pairs*: a slice, a mask or positions."""
        return replace(self, probabilities=self.probabilities[pairs])

    def clipped(self, low: float, high: float) -> Self:
        """Return the distributions of these ratings after clipping them."""
        return replace(self, steps=np.clip(self.steps, low, high))


@dataclass(frozen=True, slots=True, eq=False)
class NormalDistribution:
    """A normal distribution per pair.

    Attributes:
        mean: Mean of each, shape ``(n,)``.
        spread: Standard deviation of each, above 0, shape ``(n,)``.
        low: All that lies below is moved here; minus infinity if nothing is.
        high: All that lies above is moved here.
    """

    mean: NDArray[Any]
    spread: NDArray[Any]
    low: float = -inf
    high: float = inf

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, pairs: Any) -> Self:
        """Return the distributions of some *pairs*: a slice, a mask or positions."""
        return replace(self, mean=self.mean[pairs], spread=self.spread[pairs])

    def clipped(self, low: float, high: float) -> Self:
        """Return the distributions of these ratings after clipping them."""
        return replace(self, low=low, high=high)

    def on_steps(self, steps: NDArray[Any]) -> StepDistribution:
        """Return the distributions of the nearest of the rising *steps*."""
        from scipy.special import ndtr

        edges = (steps[1:] + steps[:-1]) / 2
        below = ndtr((edges - self.mean[:, None]) / self.spread[:, None])
        ends = np.zeros((len(self), 1)), np.ones((len(self), 1))
        probabilities = np.diff(np.hstack([ends[0], below, ends[1]]))
        return StepDistribution(steps, probabilities.astype(np.float32))


Distribution = StepDistribution | NormalDistribution
"""What a model predicts of each pair's rating."""


def interval_of(distribution: Distribution, level: float) -> tuple[Floats, Floats]:
    """Return the central interval of each pair's rating.

    Args:
        distribution: Of n pairs.
        level: Share of the probability in the interval, such as 0.8. Where ratings have
            steps, whole steps hold at least this share.

    Returns:
        Lower and upper ends, in units of the rating, each of shape ``(n,)``.
    """
    tails = (1 - level) / 2, (1 + level) / 2
    if isinstance(distribution, NormalDistribution):
        from scipy.special import ndtri

        ends = [distribution.mean + ndtri(p) * distribution.spread for p in tails]
        low, high = (np.clip(end, distribution.low, distribution.high) for end in ends)
        return low.astype(np.float64), high.astype(np.float64)
    upto = np.cumsum(distribution.probabilities, axis=1, dtype=np.float64)
    # Rounding must not push an end beyond the last step.
    last = len(distribution.steps) - 1
    places = [np.minimum((upto < p - _SUM_TOLERANCE).sum(axis=1), last) for p in tails]
    steps = distribution.steps.astype(np.float64)
    return steps[places[0]], steps[places[1]]


def checked_distribution(answer: object, n_pairs: int) -> Distribution:
    """Return the answer of ``predict_distribution`` in float32.

    Args:
        answer: A record with ``steps`` and ``probabilities``, or with ``mean`` and
            ``spread``.
        n_pairs: Number of pairs it is about.

    Raises:
        ModelError: It is none, or its numbers are no distributions.
    """
    if hasattr(answer, "probabilities") and hasattr(answer, "steps"):
        return _steps(answer.steps, answer.probabilities, n_pairs)
    if hasattr(answer, "mean") and hasattr(answer, "spread"):
        return _normal(answer.mean, answer.spread, n_pairs)
    raise ModelError(
        f"predict_distribution returned a {type(answer).__name__}; it must be a "
        f"StepDistribution or a NormalDistribution."
    )


def table_of(distribution: Distribution) -> NDArray[np.float32]:
    """Return a distribution as one table of float32, for `from_table`.

    Returns:
        For a normal one, mean and spread of each pair, shape ``(n, 2)``; else the steps
        in the first row, and their probabilities below, shape ``(n + 1, k)``.
    """
    if isinstance(distribution, NormalDistribution):
        columns = distribution.mean, distribution.spread
        return np.column_stack(columns).astype(np.float32)
    rows = distribution.steps[None], distribution.probabilities
    return np.concatenate(rows).astype(np.float32)


def from_table(table: NDArray[np.float32], n_pairs: int) -> Distribution:
    """Return the distributions of *n_pairs* pairs in a table, which may hold anything.

    Args:
        table: Steps of the scale, then a row of probabilities per pair, shape
            ``(n_pairs + 1, n_steps)``; or mean and spread, shape ``(n_pairs, 2)``.
        n_pairs: Number of pairs.

    Raises:
        ModelError: They are none.
    """
    if table.ndim == 2 and len(table) == n_pairs + 1:
        return _steps(table[0], table[1:], n_pairs)
    if table.shape == (n_pairs, 2):
        return _normal(table[:, 0], table[:, 1], n_pairs)
    raise ModelError(
        f"a table of shape {table.shape} holds no distributions of {n_pairs} pairs."
    )


def _steps(steps: ArrayLike, probabilities: ArrayLike, n: int) -> StepDistribution:
    values = _numbers(steps, "steps")
    k = len(values) if values.ndim == 1 else 0
    if not 1 <= k <= MOST_STEPS or not (np.diff(values) > 0).all():
        raise ModelError(
            f"predict_distribution must give 1 to {MOST_STEPS} rising steps, but gave "
            f"{values.shape}."
        )
    rows = _numbers(probabilities, "probabilities")
    if rows.shape != (n, k):
        raise ModelError(
            f"predict_distribution returned probabilities of shape {rows.shape} for "
            f"{n} pairs and {k} steps; it must be ({n}, {k})."
        )
    sums = rows.sum(axis=1, dtype=np.float64)
    wrong = (rows < 0).any(axis=1) | (np.abs(sums - 1) > _SUM_TOLERANCE)
    if wrong.any():
        raise ModelError(
            f"predict_distribution returned, for {np.count_nonzero(wrong)} of {n} "
            f"pairs, probabilities that are below 0 or do not sum to 1; the first sum "
            f"to {sums[wrong][0]:.4g}."
        )
    return StepDistribution(values, rows)


def _normal(mean: ArrayLike, spread: ArrayLike, n: int) -> NormalDistribution:
    columns = {"mean": _numbers(mean, "mean"), "spread": _numbers(spread, "spread")}
    for name, column in columns.items():
        if column.shape != (n,):
            raise ModelError(
                f"predict_distribution returned a {name} of shape {column.shape} for "
                f"{n} pairs; it must be ({n},)."
            )
    n_flat = int(np.count_nonzero(columns["spread"] <= 0))
    if n_flat:
        raise ModelError(
            f"predict_distribution returned a spread of 0 or below for {n_flat} of {n} "
            f"pairs; it is a standard deviation."
        )
    return NormalDistribution(columns["mean"], columns["spread"])


def _numbers(column: ArrayLike, name: str) -> NDArray[np.float32]:
    try:
        found = np.asarray(column)
    except Exception as error:
        raise ModelError(
            f"predict_distribution returned {name} that are not an array: {error}"
        ) from error
    if found.dtype.kind not in "fiu":
        raise ModelError(
            f"predict_distribution returned {found.dtype} for its {name}; they must be "
            f"numbers."
        )
    with np.errstate(over="ignore"):
        found = found.astype(np.float32)
    if not np.isfinite(found).all():
        raise ModelError(f"predict_distribution returned NaN or infinity in {name}.")
    # A copy by now. Metrics are given it, and must not change what is stored.
    found.flags.writeable = False
    return found

"""Terms: the contribution of one rating to a metric that is a mean over ratings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import PluginError
from benchbox.metrics.scored import Floats, Score, Scored

# Large enough to hide NumPy's call overhead, small enough to stay in the L2 cache.
_CHUNK = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The contribution of one rating to a metric that is a mean over ratings.

    A metric with a term can be computed over any set of hidden ratings: one user's, a
    slice or a bootstrap sample of users. So it has intervals over users, a value in
    each slice, and comparisons of models that are paired by user.

    Attributes:
        of: Computes the term of each rating, shape ``(n,)``, from the predictions and
            the hidden ratings, both float64 of shape ``(n,)``.
        includes: Computes which ratings count, bool of shape ``(n,)``, from the hidden
            ratings only, float64, so that it is the same for every model. `None` to
            count all.
        power: The metric is the mean to this power, such as 0.5 for a root. Must be 1
            if terms can be negative.

    Raises:
        PluginError: The power is not above 0.
    """

    of: Callable[[Floats, Floats], NDArray[Any]]
    includes: Callable[[Floats], NDArray[np.bool_]] | None = None
    power: float = 1.0

    def __post_init__(self) -> None:
        if not self.power > 0:
            raise PluginError(f"The power of a mean must be above 0, not {self.power}.")

    def counted(self, actual: Floats) -> NDArray[np.bool_]:
        """Return which ratings count, shape ``(n,)``."""
        if self.includes is None:
            return np.ones(len(actual), dtype=bool)
        return self.includes(actual)

    def terms(self, predicted: Floats, actual: Floats) -> Floats:
        """Return the term of each rating, 0 where it does not count, shape ``(n,)``.

        Raises:
            PluginError: There is not one term per rating.
        """
        if self.includes is None:
            return self._of(predicted, actual)
        counted, terms = self.includes(actual), np.zeros(len(actual))
        terms[counted] = self._of(predicted[counted], actual[counted])
        return terms

    def from_means(self, means: Floats) -> Floats:
        """Return the metric's value for each mean of terms, in the same shape."""
        # sqrt is exact to the last bit; a power of 0.5 may not be.
        return np.sqrt(means) if self.power == 0.5 else means**self.power

    def value(self, total: float, count: float) -> float | None:
        """Return the metric from the sum of *count* terms, or `None` if it is 0."""
        return float(self.from_means(np.array(total / count))) if count else None

    def score(self, scored: Scored) -> Score:
        """Return the metric over all ratings, summed in float64."""
        total, n_scored = 0.0, 0
        for start in range(0, len(scored.actual), _CHUNK):
            part = slice(start, start + _CHUNK)
            actual = scored.actual[part].astype(np.float64)
            predicted = scored.predicted[part].astype(np.float64)
            total += float(self.terms(predicted, actual).sum())
            n_scored += int(np.count_nonzero(self.counted(actual)))
        return Score(
            value=self.value(total, n_scored),
            n_scored=n_scored,
            n_excluded=len(scored.actual) - n_scored,
        )

    def _of(self, predicted: Floats, actual: Floats) -> Floats:
        terms = np.asarray(self.of(predicted, actual), dtype=np.float64)
        if terms.shape != actual.shape:
            raise PluginError(
                f"The term of a metric must return one number per rating, shape "
                f"{actual.shape}, not {terms.shape}."
            )
        return terms

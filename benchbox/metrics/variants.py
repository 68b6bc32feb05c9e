"""The definitions of RMSE in use, computed from the same predictions.

Papers and tools call all of these "RMSE". Showing them side by side makes clear which
one a published figure can be compared with. Tables rank by the first only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchbox.metrics.metric import rmse, rmse_by_item, rmse_by_user
from benchbox.metrics.scored import Score, Scored
from benchbox.ratings import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A definition of RMSE.

    Attributes:
        name: Name in records, kebab-case.
        title: Column heading.
        function: Computes the value from the predictions.
        drops_cold: Whether hidden ratings of new users and items are left out.
        is_unclipped: Whether predictions are used without clipping to the scale.
        caution: What the definition hides; empty for the one that tables rank by.
    """

    name: str
    title: str
    function: Callable[[Scored], Score]
    drops_cold: bool = False
    is_unclipped: bool = False
    caution: str = ""

    def of(
        self, scored: Scored, unclipped: Values, is_cold: NDArray[np.bool_]
    ) -> Score:
        """Return the value, and the number of ratings behind it.

        Args:
            scored: Hidden ratings, and predictions as the run scores them.
            unclipped: Predictions before clipping, shape ``(n,)``.
            is_cold: Whether the pair's user or item has no visible ratings, shape
                ``(n,)``.
        """
        if self.is_unclipped:
            scored = replace(scored, predicted=unclipped)
        if not self.drops_cold or not is_cold.any():
            return self.function(scored)
        n_dropped = int(np.count_nonzero(is_cold))
        if n_dropped == len(is_cold):
            return Score(value=None, n_scored=0, n_excluded=n_dropped)
        is_warm = ~is_cold
        warm = Scored(
            predicted=scored.predicted[is_warm],
            actual=scored.actual[is_warm],
            users=scored.users[is_warm],
            items=scored.items[is_warm],
        )
        return replace(self.function(warm), n_excluded=n_dropped)


VARIANTS = (
    Variant(name="pooled", title="RMSE", function=rmse),
    Variant(
        name="unclipped",
        title="unclipped",
        function=rmse,
        is_unclipped=True,
        caution="counts predictions off the scale, which no user would ever see",
    ),
    Variant(
        name="by-user",
        title="by user",
        function=rmse_by_user,
        caution="the mean of each user's RMSE: a user with one rating counts as much "
        "as a user with many; nearly always lower",
    ),
    Variant(
        name="by-item",
        title="by item",
        function=rmse_by_item,
        caution="the mean of each item's RMSE",
    ),
    Variant(
        name="known",
        title="cold dropped",
        function=rmse,
        drops_cold=True,
        caution="leaves out new users and items, which are the hardest to predict",
    ),
    Variant(
        name="known-by-user",
        title="cold dropped, by user",
        function=rmse_by_user,
        drops_cold=True,
        caution="combines the two; the default of some tools",
    ),
)
"""The definitions in use; the first is the one that benchbox ranks by."""

"""Variants: one set of predictions, scored by each definition of RMSE in use.

Papers and tools print all of these as "RMSE". They stand side by side here, so that a
published figure is not taken for ours; no table ranks by any but the first.
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
        name: Its name in records, kebab-case.
        title: Heading of its column.
        function: How errors are pooled.
        drops_cold: Whether hidden ratings of new users and items are left out.
        is_unclipped: Whether predictions are taken as the model made them.
        caution: What it hides; empty for the one that tables rank by.
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
        """Return the figure, and over how many ratings.

        Args:
            scored: Predictions as the run scores them, beside the truth.
            unclipped: Predictions as the model made them, shape ``(n,)``.
            is_cold: Whether nothing is visible of a pair's user or item, ``(n,)``.
        """
        if self.is_unclipped:
            scored = replace(scored, predicted=unclipped)
        if not self.drops_cold or not is_cold.any():
            return self.function(scored)
        n_dropped = int(np.count_nonzero(is_cold))
        if n_dropped == len(is_cold):
            return Score(value=None, n_scored=0, n_excluded=n_dropped)
        kept = ~is_cold
        left = Scored(
            predicted=scored.predicted[kept],
            actual=scored.actual[kept],
            users=scored.users[kept],
            items=scored.items[kept],
        )
        return replace(self.function(left), n_excluded=n_dropped)


VARIANTS = (
    Variant(name="pooled", title="RMSE", function=rmse),
    Variant(
        name="unclipped",
        title="unclipped",
        function=rmse,
        is_unclipped=True,
        caution="counts what lies off the scale, which nobody would show to a user",
    ),
    Variant(
        name="by-user",
        title="by user",
        function=rmse_by_user,
        caution="a mean of users' own RMSE, so who rated once counts as much as who "
        "rated most; nearly always lower",
    ),
    Variant(
        name="by-item",
        title="by item",
        function=rmse_by_item,
        caution="a mean of items' own RMSE",
    ),
    Variant(
        name="known",
        title="cold dropped",
        function=rmse,
        drops_cold=True,
        caution="leaves out the hidden ratings of new users and items, the hard ones",
    ),
    Variant(
        name="known-by-user",
        title="cold dropped, by user",
        function=rmse_by_user,
        drops_cold=True,
        caution="both at once, the default of some tools",
    ),
)
"""The definitions in use, benchbox's own first."""

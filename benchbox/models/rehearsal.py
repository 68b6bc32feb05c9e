"""Rehearsal: a fit before the clock starts, which compiles what a model needs."""

import numpy as np

from benchbox.models.contract import FitContext, RatingModel
from benchbox.ratings import Ratings, RatingScale


def rehearse(model: RatingModel, context: FitContext | None = None) -> None:
    """Fit *model* to four made-up ratings, and have it predict them.

    A model whose loops are compiled when they are first called does this in its
    `prepare`, with itself or with a smaller copy.

    Args:
        model: A model whose fit forgets an earlier one.
        context: Context of the fit; by default that of a fit without validation.
    """
    number = np.arange(4, dtype=np.int32)
    few = Ratings(
        users=number // 2,
        items=number % 2,
        values=number.astype(np.float32),
        n_users=2,
        n_items=2,
        scale=RatingScale(0, 3),
    )
    model.fit(few, context or FitContext())
    model.predict(few, few.users, few.items)

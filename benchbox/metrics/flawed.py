"""Metrics that the literature reports but that do not measure prediction quality."""

from dataclasses import replace

import numpy as np

from benchbox.metrics.metric import Metric, mape
from benchbox.metrics.scored import Score, Scored


def mape_over_cells(scored: Scored) -> Score:
    """Sum of relative errors, divided by all cells of the users' rows, rated or not.

    Keras reports it for a masked error on dense rows. It equals the MAPE times the
    density. Ratings of 0 are left out, as in MAPE.
    """
    relative, n_users = mape(scored), len(np.unique(scored.users))
    if relative.value is None or scored.n_items is None:
        return relative
    share = relative.n_scored / (n_users * scored.n_items)
    return replace(relative, value=relative.value * share)


FLAWED_METRICS = (
    Metric(
        name="mape-over-cells",
        title="MAPE × density",
        unit="fraction",
        higher_is_better=False,
        pooling="cell",
        definition="sum(|p - r| / |r|) over shown ratings, divided by all cells of the "
        "users' rows",
        function=mape_over_cells,
        flaw="it is MAPE times density, so emptier data look better",
    ),
)
"""The flawed metrics that benchbox can compute."""

"""Metrics of a plugin: with a term, with a function alone, and one of which more is
better. Planted as a package by the tests that need them."""

import numpy as np

from benchbox import Metric, Score, hookimpl
from benchbox.metrics import Term


def median_error(scored):
    errors = np.abs(scored.predicted - scored.actual)
    return Score(value=float(np.median(errors)), n_scored=len(errors))


CUBED = Metric(
    name="cubed",
    title="MCAE",
    unit="rating",
    higher_is_better=False,
    pooling="rating",
    definition="mean(|p - r|^3) over a fold's hidden ratings",
    term=Term(of=lambda predicted, actual: np.abs(predicted - actual) ** 3),
)
MEDIAN = Metric(
    name="median-error",
    title="median AE",
    unit="rating",
    higher_is_better=False,
    pooling="rating",
    definition="median(|p - r|) over a fold's hidden ratings",
    function=median_error,
)
WITHIN_HALF = Metric(
    name="within-half",
    title="within ½",
    unit="fraction",
    higher_is_better=True,
    pooling="rating",
    definition="share of a fold's hidden ratings with |p - r| <= 0.5",
    term=Term(of=lambda predicted, actual: np.abs(predicted - actual) <= 0.5),
)


@hookimpl
def benchbox_metrics():
    return [CUBED, MEDIAN, WITHIN_HALF]

"""Defaults hold on other data: models follow the scale, and fall back on biases.

The models are those that are installed with benchbox, so a new one is tested too.
"""

from dataclasses import replace

import numpy as np
import pytest

from benchbox import FitContext, ModelSpec, Ratings
from benchbox.models import fit_bias_model
from benchbox.options import decode
from benchbox.plugins.registry import discover
from benchbox.ratings import RatingScale
from benchbox.targets import resolve
from tests.support.toy_ratings import from_matrix, hide, low_rank, rmse

SPECS: list[ModelSpec] = [
    offer.value
    for _, offers in sorted(discover().offers["models"].items())
    for offer in offers
    if offer.origin.package == "benchbox-recsys"
]
SHRINKING = [spec for spec in SPECS if hasattr(spec.options(), "shrink")]

COMPILED_FOR_LONG = {"bayesian-fm", "blend"}

every_model = pytest.mark.parametrize(
    "spec",
    [
        pytest.param(
            spec,
            id=spec.name,
            marks=pytest.mark.slow if spec.name in COMPILED_FOR_LONG else (),
        )
        for spec in SPECS
    ],
)


def noisy(interaction: float) -> np.ndarray:
    """Return a matrix of offsets, an interaction and noise, in steps of a half."""
    draw = np.random.default_rng(3)
    offsets = np.add.outer(0.5 * draw.normal(size=50), 0.5 * draw.normal(size=40))
    matrix = offsets + interaction * low_rank(50, 40, rank=1, seed=3)
    return np.round(2 * (3 + matrix + 0.7 * draw.normal(size=(50, 40)))) / 2


def fitted(spec: ModelSpec, train: Ratings, validation: Ratings, **settings: object):
    """Fit as a run does: with validation ratings, and then for the best epoch."""
    model = resolve(spec.target)(decode(spec.options, settings, spec.name))
    can, reports = spec.capabilities, []
    if can.uses_validation:
        context = FitContext(
            validation=validation,
            validation_history=train,
            on_report=reports.append,
        )
        model.fit(train, context)
    if not can.uses_validation or can.refits:
        judged = {r.validation_rmse: r.epoch for r in reports if r.validation_rmse}
        model.fit(train, FitContext(epochs=judged[min(judged)] if judged else None))
    return model


@every_model
def test_ratings_on_a_stretched_scale_are_predicted_stretched(spec) -> None:
    predicted = []
    for low, high in ((1, 5), (-10, 10)):
        width = (high - low) / 4
        scale = RatingScale(low, high)
        ratings = from_matrix(np.clip(noisy(0.5), 1, 5))
        moved = replace(ratings, values=low + width * (ratings.values - 1), scale=scale)
        rows = np.random.default_rng(0).permutation(len(moved))
        train, validation, hidden = (
            moved.take(np.sort(part)) for part in np.split(rows, [1200, 1400])
        )
        model = fitted(spec, train, validation)
        told = model.predict(train, hidden.users, hidden.items)
        predicted.append((told - low) / width + 1)

    np.testing.assert_allclose(*predicted, rtol=1e-3)


@pytest.mark.parametrize("spec", SHRINKING, ids=lambda spec: spec.name)
def test_without_an_interaction_a_model_ends_at_the_bias_model(spec) -> None:
    train, hidden = hide(noisy(0), 0.4, seed=1)
    rows = np.random.default_rng(1).permutation(len(hidden))
    validation, hidden = (hidden.take(np.sort(part)) for part in np.split(rows, [300]))
    bias = fit_bias_model(train).predict(hidden.users, hidden.items)

    model = fitted(spec, train, validation)

    predicted = model.predict(train, hidden.users, hidden.items)
    assert rmse(predicted, hidden.values) < 1.01 * rmse(bias, hidden.values)

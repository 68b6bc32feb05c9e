from dataclasses import replace

import numpy as np
from benchbox_ensembles.blend import Blend
from benchbox_ensembles.options import BlendOptions
from benchbox_ensembles.weights import fit_weights

from benchbox import FitContext, Ratings
from benchbox.plugins import choose_model, discover
from benchbox.testing.made_up import made_up_ratings
from tests.support.toy_ratings import all_pairs

REGISTRY = discover()


def blend(members: str, **options) -> Blend:
    return Blend(BlendOptions(members=members, **options))


def parts(seed: int = 0) -> tuple[Ratings, Ratings, Ratings]:
    """All ratings, and those of them to fit and to validate by."""
    whole = made_up_ratings(40, 30, seed=seed)
    is_hidden = np.arange(len(whole)) % 5 == 0
    seen, hidden = (whole.take(np.flatnonzero(c)) for c in (~is_hidden, is_hidden))
    return whole, seen, hidden


def fit_as_a_trial(model, seed: int = 0) -> Ratings:
    """Fit with validation ratings, and again to all; return all training ratings."""
    whole, seen, hidden = parts(seed)
    reports: list = []
    model.fit(
        seen,
        FitContext(
            validation=hidden, validation_history=seen, on_report=reports.append
        ),
    )
    errors = {each.epoch: each.validation_rmse for each in reports}
    model.fit(whole, FitContext(epochs=min(errors, key=errors.get)))
    return whole


def test_weights_are_those_of_the_ridge_regression_around_equal_ones() -> None:
    draw = np.random.default_rng(0)
    predicted = draw.standard_normal((200, 3))
    ratings = predicted @ [0.5, 0.3, 0.4] + 0.1 * draw.standard_normal(200)
    ridge = 20 * np.mean(predicted**2)
    left = predicted.T @ predicted + ridge * np.eye(3)
    expected = np.linalg.solve(left, predicted.T @ ratings + ridge / 3)

    np.testing.assert_allclose(expected, fit_weights(predicted, ratings, 20.0))


def test_no_weight_is_negative() -> None:
    draw = np.random.default_rng(1)
    predicted = draw.standard_normal((200, 3))
    ratings = predicted @ [1.0, -0.5, 0.2]

    weights = fit_weights(predicted, ratings, 1e-6)

    assert weights[1] == 0
    assert (weights >= 0).all()


def test_much_shrinkage_makes_weights_equal() -> None:
    predicted = np.random.default_rng(2).standard_normal((50, 4))

    weights = fit_weights(predicted, predicted[:, 0], 1e9)

    np.testing.assert_allclose(0.25, weights, atol=1e-4)


def test_a_blend_predicts_the_weighted_sum_of_its_members_fitted_to_everything() -> (
    None
):
    model = blend("bias+slope-one:shrink=false")

    train = fit_as_a_trial(model)

    pairs = all_pairs(train)
    total = np.full(len(pairs[0]), train.values.mean(dtype=np.float64))
    centre = total[0]
    for name, weight in zip(
        ("bias", "slope-one:shrink=false"), model._weights, strict=True
    ):
        member = choose_model(name, REGISTRY).build()
        member.fit(train, FitContext())
        total += weight * (member.predict(train, *pairs) - centre)
    np.testing.assert_allclose(total, model.predict(train, *pairs), atol=1e-5)


def test_a_member_that_stops_early_is_fitted_again_for_its_best_epoch() -> None:
    model, alone = blend("svdpp:epochs=15"), choose_model("svdpp:epochs=15", REGISTRY)
    member = alone.build()

    train = fit_as_a_trial(model)
    fit_as_a_trial(member)

    pairs, (weight,) = all_pairs(train), model._weights
    centre = train.values.mean(dtype=np.float64)
    expected = centre + weight * (member.predict(train, *pairs) - centre)
    np.testing.assert_allclose(expected, model.predict(train, *pairs), atol=1e-5)


def test_weights_come_from_validation_ratings() -> None:
    _, seen, hidden = parts()
    flipped = replace(hidden, values=6 - hidden.values)
    found = []
    for validation in (hidden, flipped):
        model = blend("bias+item-mean")
        model.fit(seen, FitContext(validation=validation, validation_history=seen))
        found.append(model._weights)

    assert found[0].sum() > 0.5 > found[1].sum()


def test_a_member_without_weight_is_neither_fitted_again_nor_saved(
    monkeypatch,
) -> None:
    monkeypatch.setattr(
        "benchbox_ensembles.blend.fit_weights", lambda *_: np.array([1.0, 0.0])
    )
    model = blend("bias+item-mean")

    train = fit_as_a_trial(model)

    alone = choose_model("bias", REGISTRY).build()
    alone.fit(train, FitContext())
    pairs = all_pairs(train)
    expected = alone.predict(train, *pairs)
    np.testing.assert_allclose(expected, model.predict(train, *pairs), atol=1e-5)
    assert any(name.startswith("member0.") for name in model.state())
    assert not any(name.startswith("member1.") for name in model.state())


def test_a_member_that_predicts_next_to_nothing_gets_no_huge_weight() -> None:
    predicted = np.random.default_rng(3).standard_normal((50, 2))
    predicted[:, 1] *= 1e-8

    weights = fit_weights(predicted, 2 * predicted[:, 0], 1.0)

    assert weights[1] < 1

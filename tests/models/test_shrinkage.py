"""Shrinkage: predictions move away from the bias model's as far as validation asks."""

import numpy as np
import pytest

from benchbox.models import BiasModel, FitContext, Shrinkage, fit_bias_model
from benchbox.models.shrinkage import fit_shrinkage, kept_share
from benchbox.ratings import Ratings
from tests.support.toy_ratings import hide, low_rank

TRAIN, HIDDEN = hide(3 + low_rank(40, 30, rank=2, seed=0), 0.3, seed=0)
VALIDATING = FitContext(validation=HIDDEN, validation_history=TRAIN)


def draws(seed: int, n: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def towards(share: float, bias: BiasModel):
    """Return a model that goes from the bias model to the truth, and beyond."""

    def predict(history: Ratings, users, items):
        centres = bias.predict_from(history, users, items)
        return (centres + (HIDDEN.values - centres) / share).astype(np.float32)

    return predict


def test_moves_that_have_nothing_to_do_with_ratings_are_taken_back() -> None:
    assert kept_share(draws(1), draws(2)) == pytest.approx(0, abs=0.02)
    assert kept_share(draws(1), -draws(1)) == 0


def test_moves_in_the_right_direction_are_kept_as_far_as_they_help() -> None:
    moved = draws(1)

    assert kept_share(moved, moved) == 1
    assert kept_share(moved, 2 * moved + draws(2)) == pytest.approx(1, abs=1e-3)
    assert kept_share(2 * moved, moved + draws(2)) == pytest.approx(0.5, abs=0.02)


def test_a_share_that_is_hardly_certain_is_shrunk_and_an_uncertain_one_is_zero() -> (
    None
):
    moved, noise = draws(1, 50), draws(2, 50)
    noise -= moved * (noise @ moved) / (moved @ moved)

    def kept(deviations: float) -> float:
        error = np.sqrt(noise @ noise / 49 / (moved @ moved))
        return kept_share(moved, deviations * error * moved + noise) / error

    assert kept(1.4) == 0
    assert kept(2) == pytest.approx(1.0)
    assert kept(4) == pytest.approx(4 * 7 / 8)


def test_a_model_that_never_moves_stays_as_it_is() -> None:
    assert kept_share(np.zeros(5), draws(1, 5)) == 1


def test_validation_decides_and_a_refit_keeps_what_it_decided() -> None:
    notes: dict[str, str] = {}
    bias = fit_bias_model(TRAIN)
    context = FitContext(
        validation=HIDDEN, validation_history=TRAIN, on_note=notes.__setitem__
    )
    model = towards(0.25, bias)

    chosen = fit_shrinkage(TRAIN, context, model, Shrinkage())
    refitted = fit_shrinkage(HIDDEN, FitContext(epochs=3), model, chosen)

    assert chosen.share == refitted.share == pytest.approx(0.25, rel=1e-5)
    assert notes == {"distance kept from the bias model": "0.25"}
    asked = TRAIN, HIDDEN.users, HIDDEN.items
    pulled = chosen.shrunk(model(*asked), *asked)
    np.testing.assert_allclose(HIDDEN.values, pulled, rtol=1e-4)
    assert refitted.bias is not None
    assert refitted.bias.mean == fit_bias_model(HIDDEN).mean


def test_without_validation_nothing_is_pulled_whatever_was_before() -> None:
    before = Shrinkage(share=0.5, bias=fit_bias_model(TRAIN))

    after = fit_shrinkage(TRAIN, FitContext(), towards(0.5, before.bias), before)

    assert after.bias is None
    predicted = np.array([7.0], np.float32)
    asked = np.zeros(1, np.int32)
    assert after.shrunk(predicted, TRAIN, asked, asked) is predicted


@pytest.mark.parametrize("share", [None, 0.3])
def test_a_saved_shrinkage_pulls_the_same(share) -> None:
    bias = None if share is None else fit_bias_model(TRAIN)
    before = Shrinkage(share=share or 1.0, bias=bias)

    after = Shrinkage.from_state(before.state)

    asked = TRAIN, HIDDEN.users, HIDDEN.items
    one, other = (each.shrunk(HIDDEN.values, *asked) for each in (before, after))
    np.testing.assert_array_equal(one, other)
    assert before.n_parameters == after.n_parameters == (0 if share is None else 32)

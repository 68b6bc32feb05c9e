import numpy as np
import pytest
from benchbox_baselines import benchbox_models
from benchbox_baselines.bias import Bias
from benchbox_baselines.means import GlobalMean, ItemMean, UserMean
from benchbox_baselines.options import BiasOptions
from hypothesis import given
from hypothesis import strategies as st

from benchbox import FitContext, Ratings
from benchbox.models.bias import fit_bias_model
from benchbox.options import NoOptions
from tests.support.toy_ratings import all_pairs, from_matrix

X = np.nan

# User 2 and item 3 are cold.
TRAIN = from_matrix([[5, 3, X, X], [1, X, 0, X], [X, X, X, X]])

MODELS = [
    pytest.param(lambda: GlobalMean(NoOptions()), id="global-mean"),
    pytest.param(lambda: UserMean(NoOptions()), id="user-mean"),
    pytest.param(lambda: ItemMean(NoOptions()), id="item-mean"),
    pytest.param(lambda: Bias(BiasOptions()), id="bias"),
]


def predict_all(model, train: Ratings, history: Ratings | None = None):
    history = train if history is None else history
    model.fit(train, FitContext())
    predicted = model.predict(history, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def test_global_mean_is_the_mean_of_all_ratings() -> None:
    predicted = predict_all(GlobalMean(NoOptions()), TRAIN)

    assert np.full((3, 4), 2.25).tolist() == predicted.tolist()


def test_user_mean_counts_a_zero_and_falls_back_to_the_global_mean() -> None:
    predicted = predict_all(UserMean(NoOptions()), TRAIN)

    assert predicted.tolist() == [[4.0] * 4, [0.5] * 4, [2.25] * 4]


def test_item_mean_counts_a_zero_and_falls_back_to_the_global_mean() -> None:
    predicted = predict_all(ItemMean(NoOptions()), TRAIN)

    assert predicted.tolist() == [[3.0, 3.0, 0.0, 2.25]] * 3


def test_user_mean_takes_the_mean_of_the_history() -> None:
    history = from_matrix([[X, X, X, X], [X, X, X, X], [1, 2, X, X]])

    predicted = predict_all(UserMean(NoOptions()), TRAIN, history)

    assert predicted[2].tolist() == [1.5] * 4


def test_bias_equals_the_reference_model() -> None:
    options = BiasOptions(user_damping=3, item_damping=1, n_sweeps=4)
    reference = fit_bias_model(TRAIN, user_damping=3, item_damping=1, n_sweeps=4)
    expected = reference.predict(*all_pairs(TRAIN)).reshape(3, 4)

    assert np.array_equal(expected, predict_all(Bias(options), TRAIN))


def test_bias_recovers_offsets_that_add_up() -> None:
    users, items = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.0, 0.5])
    matrix = 3 + np.add.outer(users, items)
    options = BiasOptions(user_damping=0, item_damping=0)

    predicted = predict_all(Bias(options), from_matrix(matrix))

    np.testing.assert_allclose(matrix, predicted, rtol=1e-6)


def test_bias_takes_a_new_user_s_offset_from_the_history() -> None:
    options = BiasOptions(user_damping=0)
    history = from_matrix([[X] * 4, [X] * 4, [5, 5, X, X]])
    model = Bias(options)

    predicted = predict_all(model, TRAIN, history)

    assert predicted[2, :2].mean() == pytest.approx(5)


@pytest.mark.parametrize("make", MODELS)
@given(rating=st.floats(-10, 10, width=32))
def test_one_rating_is_enough_and_is_predicted_everywhere(make, rating: float) -> None:
    predicted = predict_all(make(), from_matrix([[rating, X], [X, X]]))

    np.testing.assert_allclose(predicted, rating, rtol=1e-6)


@pytest.mark.parametrize("make", MODELS)
def test_a_second_fit_forgets_the_first(make) -> None:
    used = make()
    used.fit(from_matrix([[1, 1], [5, 5], [3, 3]]), FitContext())

    assert np.array_equal(predict_all(make(), TRAIN), predict_all(used, TRAIN))


@pytest.mark.parametrize("make", MODELS)
def test_ratings_are_not_modified(make) -> None:
    for column in (TRAIN.users, TRAIN.items, TRAIN.values):
        column.flags.writeable = False

    predicted = predict_all(make(), TRAIN)

    assert np.float32 == predicted.dtype
    assert np.isfinite(predicted).all()


def test_every_spec_states_its_capabilities() -> None:
    specs = benchbox_models()

    assert [s.name for s in specs] == ["global-mean", "user-mean", "item-mean", "bias"]
    assert all(s.capabilities.inductive for s in specs)
    assert not any(s.capabilities.stochastic for s in specs)
    assert all(s.summary for s in specs)

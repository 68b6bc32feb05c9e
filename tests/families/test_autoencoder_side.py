"""Side inputs: what an autoencoder gets about a row in addition to its ratings."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.side import fit_side

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError
from benchbox.options import decode
from benchbox.ratings import RatingScale
from tests.support.toy_ratings import from_matrix, hide, rmse

X = np.nan
FIVE_STARS = RatingScale(1, 5, 1)
OPTIONS = AutoencoderOptions(
    hidden_units=(8,), learning_rate=0.02, weight_decay=1e-4, epochs=60, batch_size=40
)


def with_features(ratings: Ratings, **features) -> Ratings:
    return replace(ratings, **features)


def with_side_inputs(*kinds: str, **settings) -> AutoencoderOptions:
    return msgspec.structs.replace(OPTIONS, side_inputs=kinds, **settings)


def test_attributes_are_the_features_of_the_row_s_user_or_item() -> None:
    ratings = with_features(
        from_matrix([[1.0, 5.0], [2.0, X]], FIVE_STARS),
        user_features={"gender": np.array(["F", "M"])},
        item_features={"year": np.array([1990, 2000])},
    )
    options = with_side_inputs("attributes")

    of_users = fit_side(ratings, options, of_users=True).inputs(ratings)
    of_items = fit_side(ratings, options, of_users=False).inputs(ratings)

    assert of_users.tolist() == [[1, 0], [0, 1]]
    assert of_items.tolist() == [[-1], [1]]


def test_tastes_count_the_ratings_in_the_upper_half_per_feature() -> None:
    ratings = with_features(
        from_matrix([[3.0, 5.0, 4.0], [1.0, 2.0, 4.0], [X, X, X]], FIVE_STARS),
        item_features={"genres": np.array(["A", "A|B", "B"])},
    )
    side = fit_side(ratings, with_side_inputs("tastes"), of_users=True)

    counts = np.array([[2, 2], [0, 1], [0, 0]])
    expected = (counts - counts.mean(axis=0)) / counts.std(axis=0)
    np.testing.assert_allclose(side.inputs(ratings), expected, rtol=1e-5)


def test_tastes_of_new_rows_are_scaled_as_those_of_training_rows() -> None:
    genres = {"genres": np.array(["A", "B"])}
    train = with_features(
        from_matrix([[5.0, 1.0], [1.0, 1.0], [1.0, 5.0]], FIVE_STARS),
        item_features=genres,
    )
    later = with_features(
        from_matrix([[5.0, 5.0], [X, X], [X, X]], FIVE_STARS), item_features=genres
    )
    side = fit_side(train, with_side_inputs("tastes"), of_users=True)

    np.testing.assert_allclose(side.inputs(later)[0], side.inputs(train).max(axis=0))


def test_the_tastes_of_items_count_features_of_users() -> None:
    ratings = with_features(
        from_matrix([[5.0, 1.0], [5.0, 1.0], [1.0, 5.0]], FIVE_STARS),
        user_features={"gender": np.array(["F", "F", "M"])},
    )
    side = fit_side(ratings, with_side_inputs("tastes"), of_users=False)

    # The first item is liked by two women, the second by one man.
    np.testing.assert_allclose(side.inputs(ratings), [[1, -1], [-1, 1]])


@pytest.mark.parametrize(
    ("kind", "model", "what"),
    [
        ("attributes", UserAutoencoder, "user"),
        ("tastes", UserAutoencoder, "item"),
        ("attributes", ItemAutoencoder, "item"),
        ("tastes", ItemAutoencoder, "user"),
    ],
)
def test_side_inputs_without_features_are_refused(kind, model, what) -> None:
    train = from_matrix(np.eye(4))

    with pytest.raises(ModelError, match=f"{kind} needs {what} features"):
        model(with_side_inputs(kind)).fit(train, FitContext())


def gendered(n_users: int, n_items: int) -> Ratings:
    """Return ratings where women like half of the items and men the other half."""
    draw = np.random.default_rng(0)
    is_woman = draw.random(n_users) < 0.5
    likes = is_woman[:, None] == (np.arange(n_items) % 2 == 0)
    ratings = from_matrix(np.where(likes, 5.0, 1.0), FIVE_STARS)
    return with_features(
        ratings, user_features={"gender": np.where(is_woman, "F", "M")}
    )


@pytest.mark.parametrize("route", ["dense", "sparse"])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_attributes_help_if_there_are_no_ratings(route, optimizer) -> None:
    whole = gendered(200, 12)
    cells = np.full((200, 12), X)
    cells[whole.users, whole.items] = whole.values
    train, hidden = hide(cells, 0.5, seed=1)
    train = with_features(train, user_features=whole.user_features)
    # Predictions are made without any rating; high input dropout trains for that.
    nothing = train.take(np.zeros(0, dtype=np.int64))
    errors = {}
    for kinds in ((), ("attributes",)):
        options = with_side_inputs(
            *kinds, route=route, optimizer=optimizer, input_dropout=0.9
        )
        model = UserAutoencoder(options)
        model.fit(train, FitContext(n_threads=2))
        predicted = model.predict(nothing, hidden.users, hidden.items)
        errors[kinds] = rmse(predicted, hidden.values)

    assert errors["attributes",] < 1 < errors[()]


def test_side_inputs_are_read_from_the_command_line() -> None:
    options = decode(
        AutoencoderOptions, {"side_inputs": "attributes-tastes"}, "autorec-user"
    )

    assert options.side_inputs == ("attributes", "tastes")


@pytest.mark.parametrize("route", ["dense", "sparse"])
def test_noise_on_the_input_acts_only_in_training(route) -> None:
    train, _ = hide(np.random.default_rng(0).normal(size=(30, 20)), 0.3, seed=0)
    predicted = []
    for noise in (0.0, 0.5, 0.5):
        options = msgspec.structs.replace(
            OPTIONS, input_noise=noise, input_dropout=0.0, epochs=5, route=route
        )
        model = UserAutoencoder(options)
        model.fit(train, FitContext(seed=1))
        once, again = (model.predict(train, train.users, train.items) for _ in "12")
        assert np.array_equal(once, again)
        predicted.append(once)

    assert not np.array_equal(predicted[0], predicted[1])
    assert np.array_equal(predicted[1], predicted[2])


def test_tied_layers_have_half_the_weights() -> None:
    train = from_matrix(np.random.default_rng(0).normal(size=(9, 7)))
    numbers = {}
    for tied in (False, True):
        options = AutoencoderOptions(hidden_units=(5, 3, 5), tied=tied, epochs=1)
        model = UserAutoencoder(options)
        model.fit(train, FitContext())
        numbers[tied] = sum(p.numel() for p in model._network.weights)

    assert numbers == {False: 2 * (35 + 15), True: 35 + 15}

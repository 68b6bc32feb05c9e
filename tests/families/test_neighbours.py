from dataclasses import replace

import numpy as np
import pytest
from benchbox_neighbours.co_clustering import CoClustering
from benchbox_neighbours.knn import KNNItem, KNNUser
from benchbox_neighbours.options import (
    CoClusteringOptions,
    KNNItemOptions,
    KNNUserOptions,
    SlopeOneOptions,
)
from benchbox_neighbours.slope_one import SlopeOne

from benchbox import FitContext, Ratings, RatingScale
from benchbox.models import fit_bias_model
from benchbox.testing.made_up import made_up_ratings
from tests.support.toy_ratings import (
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    rmse,
)

X = np.nan

MODELS = [
    pytest.param(lambda: KNNItem(KNNItemOptions(k=3)), id="knn-item"),
    pytest.param(lambda: KNNUser(KNNUserOptions(k=3)), id="knn-user"),
    pytest.param(lambda: SlopeOne(SlopeOneOptions()), id="slope-one"),
    pytest.param(lambda: CoClustering(CoClusteringOptions()), id="co-clustering"),
]


def predict_all(model, train: Ratings, history: Ratings | None = None, seed: int = 0):
    model.fit(train, FitContext(seed=seed))
    predicted = model.predict(train if history is None else history, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items).astype(np.float64)


def matrix_of(ratings: Ratings):
    matrix = np.full((ratings.n_users, ratings.n_items), X)
    matrix[ratings.users, ratings.items] = ratings.values
    return matrix


def centres_of(train: Ratings):
    bias = fit_bias_model(train)
    predicted = bias.predict(*all_pairs(train)).reshape(train.n_users, train.n_items)
    return predicted.astype(np.float64)


def similarities(rest, shrinkage: float, min_overlap: int):
    """Of all pairs of columns of *rest*, which is NaN where nothing is rated."""
    n = rest.shape[1]
    found = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = ~np.isnan(rest[:, i]) & ~np.isnan(rest[:, j])
            x, y = rest[both, i], rest[both, j]
            if i != j and both.sum() >= min_overlap and (x @ x) * (y @ y) > 0:
                likeness = x @ y / np.sqrt((x @ x) * (y @ y))
                found[i, j] = max(0, likeness) * both.sum() / (both.sum() + shrinkage)
    return found


def by_neighbours(rest, like, k: int, damping: float):
    """Weighted means over the columns that are most like each column."""
    means = np.zeros(rest.shape)
    for u, i in np.ndindex(*rest.shape):
        near = [j for j in np.argsort(-like[i]) if not np.isnan(rest[u, j])]
        near = [j for j in near if like[i, j] > 0][:k]
        if near:
            weights = like[i, near]
            means[u, i] = weights @ rest[u, near] / (weights.sum() + damping)
    return means


@pytest.mark.parametrize("by_item", [True, False], ids=["knn-item", "knn-user"])
@pytest.mark.parametrize("k", [2, 100])
def test_nearest_neighbours_equal_plain_loops(by_item: bool, k: int) -> None:
    train = made_up_ratings(20, 14, seed=3)
    kind, options = (KNNItem, KNNItemOptions) if by_item else (KNNUser, KNNUserOptions)
    model = kind(options(k=k, shrinkage=5.0, min_overlap=3, damping=0.4))

    predicted = predict_all(model, train)

    centres = centres_of(train)
    rest = matrix_of(train) - centres
    # The damping is for residuals with standard deviation 1, as similarities are.
    if not by_item:
        rest = rest.T
    means = by_neighbours(rest, similarities(rest, 5.0, 3), k, 0.4)
    expected = centres + (means if by_item else means.T)
    np.testing.assert_allclose(expected, predicted, atol=1e-4)


def test_few_candidates_are_the_most_similar_items() -> None:
    train = made_up_ratings(30, 25, seed=4)
    few = predict_all(KNNItem(KNNItemOptions(k=1, n_candidates=24)), train)

    same = predict_all(KNNItem(KNNItemOptions(k=1, n_candidates=1000)), train)
    fewer = predict_all(KNNItem(KNNItemOptions(k=1, n_candidates=1)), train)

    assert np.array_equal(same, few)
    assert not np.array_equal(fewer, few)


def slope_one(matrix):
    """The published scheme: means of the user's ratings plus mean differences."""
    predicted = np.full(matrix.shape, X)
    for u, i in np.ndindex(*matrix.shape):
        terms = [
            matrix[u, j] + np.nanmean(matrix[:, i] - matrix[:, j])
            for j in np.flatnonzero(~np.isnan(matrix[u]))
            if j != i and not np.isnan(matrix[:, i] - matrix[:, j]).all()
        ]
        predicted[u, i] = np.mean(terms)
    return predicted


def test_slope_one_without_weights_is_the_published_one() -> None:
    train = made_up_ratings(20, 14, seed=5)
    plain = SlopeOneOptions(shrinkage=0, damping=0)

    predicted = predict_all(SlopeOne(plain), train)

    np.testing.assert_allclose(slope_one(matrix_of(train)), predicted, atol=1e-4)


def test_slope_one_with_much_damping_is_the_bias_model() -> None:
    train = made_up_ratings(seed=6)

    predicted = predict_all(SlopeOne(SlopeOneOptions(damping=1e9)), train)

    np.testing.assert_allclose(centres_of(train), predicted, atol=1e-4)


def test_slope_one_weighs_a_difference_by_the_number_of_users_behind_it() -> None:
    # Item 0 is rated with item 1 by three users, and with item 2 by one.
    rows = [[4, 3, X], [4, 3, X], [4, 3, X], [2, X, 4], [X, 3, 3]]
    train = from_matrix(rows)

    plain, weighted = (
        predict_all(SlopeOne(SlopeOneOptions(shrinkage=s, damping=0)), train)[4, 0]
        for s in (0, 1e6)
    )

    # The two differences are 1 and -2.
    assert plain == pytest.approx(3 + (1 - 2) / 2)
    assert weighted == pytest.approx(3 + (3 * 1 - 2) / 4, abs=1e-3)


def test_co_clusters_have_the_published_means() -> None:
    train = made_up_ratings(24, 18, seed=7)
    options = CoClusteringOptions(
        n_user_clusters=2, n_item_clusters=3, epochs=20, offsets="means"
    )
    model = CoClustering(options)

    predicted = predict_all(model, train)

    matrix, of_items = matrix_of(train), model._item_clusters
    of_users = clusters_of_users(matrix, of_items, model._blocks)
    users, items = np.nanmean(matrix, axis=1), np.nanmean(matrix, axis=0)
    for u, i in np.ndindex(*matrix.shape):
        own, other = of_users == of_users[u], of_items == of_items[i]
        both = np.nanmean(matrix[np.ix_(own, other)])
        user = users[u] - np.nanmean(matrix[own])
        item = items[i] - np.nanmean(matrix[:, other])
        assert predicted[u, i] == pytest.approx(both + user + item, abs=1e-4)


def clusters_of_users(matrix, of_items, blocks):
    """Assign each user to the cluster with the least squared error."""
    users, items = np.nanmean(matrix, axis=1), np.nanmean(matrix, axis=0)
    rest = matrix - users[:, None] - items + np.nanmean(matrix)
    errors = [np.nansum((rest - own[of_items]) ** 2, axis=1) for own in blocks]
    return np.argmin(errors, axis=0)


def test_co_clustering_with_one_cluster_is_the_bias_model() -> None:
    train = made_up_ratings(seed=8)
    options = CoClusteringOptions(n_user_clusters=1, n_item_clusters=1)

    predicted = predict_all(CoClustering(options), train)

    rest = train.values - fit_bias_model(train).predict(train.users, train.items)
    np.testing.assert_allclose(centres_of(train) + rest.mean(), predicted, atol=1e-4)


def test_co_clustering_finds_a_checkerboard() -> None:
    train, hidden = hide(checkerboard(20, 16), 0.3, seed=3)
    model = CoClustering(CoClusteringOptions())
    model.fit(train, FitContext(seed=1))

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.5


@pytest.mark.parametrize("make", MODELS)
def test_a_linear_map_of_the_ratings_maps_the_predictions(make) -> None:
    train = made_up_ratings(40, 30, seed=9)
    mapped = replace(
        train, values=5 * train.values - 15, scale=RatingScale(-10.0, 10.0)
    )

    predicted = predict_all(make(), train)

    expected = 5 * predicted - 15
    np.testing.assert_allclose(expected, predict_all(make(), mapped), atol=2e-3)


@pytest.mark.parametrize("make", MODELS)
def test_a_new_user_gets_the_predictions_of_a_trained_one_with_that_history(
    make,
) -> None:
    # User 0 has no training rating, but the same history as user 1.
    full = made_up_ratings(30, 20, seed=10)
    train = full.take(np.flatnonzero(full.users > 0))
    own = full.take(np.flatnonzero(full.users == 1))
    twin = replace(own, users=np.zeros_like(own.users))
    unrated = np.setdiff1d(np.arange(20, dtype=np.int32), own.items)
    model = make()
    model.fit(train, FitContext())

    new = model.predict(twin, np.zeros_like(unrated), unrated)
    trained = model.predict(own, np.ones_like(unrated), unrated)

    np.testing.assert_allclose(trained, new, atol=1e-5)


def test_a_history_of_fewer_users_finds_neighbours_among_all_trained_ones() -> None:
    train = made_up_ratings(40, 20, seed=12)
    first = replace(train.take(np.flatnonzero(train.users == 0)), n_users=1)
    model = KNNUser(KNNUserOptions())
    model.fit(train, FitContext())
    users, items = np.zeros(20, np.int32), np.arange(20, dtype=np.int32)

    alone = model.predict(first, users, items)

    np.testing.assert_allclose(model.predict(train, users, items), alone, atol=1e-5)


@pytest.mark.parametrize("make", MODELS[:3])
def test_any_number_of_threads_gives_the_same_bytes(make) -> None:
    train = made_up_ratings(60, 50, seed=11)
    answers = []
    for n_threads in (1, 3):
        model = make()
        model.fit(train, FitContext(n_threads=n_threads))
        answers.append(model.predict(train, *all_pairs(train)).tobytes())

    assert answers[0] == answers[1]

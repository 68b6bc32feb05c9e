"""SVD++, Asymmetric SVD and non-negative factors."""

from dataclasses import replace

import numpy as np
import pytest
from benchbox_factorization import gradient_kernels as kernels
from benchbox_factorization.nmf import NMF
from benchbox_factorization.options import (
    AsymmetricSVDOptions,
    NMFOptions,
    SVDPlusPlusOptions,
)
from benchbox_factorization.svdpp import AsymmetricSVD, SVDPlusPlus

from benchbox import FitContext, RatingScale
from benchbox.models import fit_bias_model
from benchbox.testing.made_up import made_up_ratings
from tests.support.toy_ratings import all_pairs

MODELS = [
    pytest.param(lambda: SVDPlusPlus(SVDPlusPlusOptions(epochs=3)), id="svdpp"),
    pytest.param(
        lambda: AsymmetricSVD(AsymmetricSVDOptions(epochs=3)), id="asymmetric"
    ),
    pytest.param(lambda: NMF(NMFOptions(n_factors=4, epochs=5)), id="nmf"),
]


class Parameters:
    """Random parameters of a small model with one user, who rated *n* of ten items."""

    def __init__(self, n: int, *, is_asymmetric: bool) -> None:
        draw = np.random.default_rng(0)

        def normal(*shape: int):
            return draw.standard_normal(shape)

        self.order = np.zeros(1, np.int64)
        self.offsets = np.array([0, n])
        self.items = draw.permutation(10)[:n].astype(np.int32)
        self.rest = normal(n)
        self.biases, self.item_biases = normal(1), normal(10)
        self.p = normal(0 if is_asymmetric else 1, 3)
        self.q, self.y = normal(10, 3), normal(10, 3)
        self.x = normal(10 if is_asymmetric else 0, 3)

    @property
    def learned(self) -> list:
        return [self.biases, self.item_biases, self.p, self.q, self.x, self.y]

    def learn(self, rate: float, decay: float) -> None:
        rows = self.order, self.offsets, self.items, self.rest
        kernels.learn(*rows, *self.learned, rate, decay)

    def objective(self, rating: int, decay: float) -> float:
        """Half of a rating's squared error and penalties (Koren, 2008, eq. 13, 15)."""
        i, items = self.items[rating], self.items
        vector = self.y[items].sum(axis=0)
        if len(self.x):
            vector = vector + self.rest @ self.x[items]
        vector = vector / np.sqrt(len(items)) + self.p.sum(axis=0)
        estimate = self.biases[0] + self.item_biases[i] + self.q[i] @ vector
        used = [self.biases, self.item_biases[i], self.p, self.q[i], self.y[items]]
        used += [self.x[items]] if len(self.x) else []
        penalty = sum(np.square(each).sum() for each in used)
        return ((self.rest[rating] - estimate) ** 2 + decay * penalty) / 2

    def step_by_differences(self, rating: int, rate: float, decay: float) -> None:
        """Take a step against the gradient, computed by finite differences."""
        tiny, steps = 1e-6, []
        for each in self.learned:
            step = np.zeros_like(each)
            for place in np.ndindex(*each.shape):
                was, around = each[place], []
                for change in (tiny, -tiny):
                    each[place] = was + change
                    around.append(self.objective(rating, decay))
                each[place] = was
                step[place] = rate * (around[0] - around[1]) / (2 * tiny)
            steps.append(step)
        for each, step in zip(self.learned, steps, strict=True):
            each -= step


@pytest.mark.parametrize("is_asymmetric", [False, True], ids=["svdpp", "asymmetric"])
def test_a_step_follows_the_gradient(is_asymmetric: bool) -> None:
    expected = Parameters(1, is_asymmetric=is_asymmetric)
    found = Parameters(1, is_asymmetric=is_asymmetric)
    expected.step_by_differences(0, rate=0.05, decay=0.3)

    found.learn(rate=0.05, decay=0.3)

    for one, other in zip(expected.learned, found.learned, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("is_asymmetric", [False, True], ids=["svdpp", "asymmetric"])
def test_steps_noted_for_a_whole_user_equal_those_taken_one_by_one(
    is_asymmetric: bool,
) -> None:
    expected = Parameters(6, is_asymmetric=is_asymmetric)
    found = Parameters(6, is_asymmetric=is_asymmetric)
    for rating in range(6):
        expected.step_by_differences(rating, rate=0.05, decay=0.3)

    found.learn(rate=0.05, decay=0.3)

    for one, other in zip(expected.learned, found.learned, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_placing_a_user_equals_learning_with_items_fixed() -> None:
    all_learned = Parameters(5, is_asymmetric=False)
    all_learned.biases[:], all_learned.p[:] = 0, 0
    rows = all_learned.offsets, all_learned.items, all_learned.rest
    fixed = kernels.tastes(*rows, all_learned.x, all_learned.y)
    # Without steps of the items, one pass is the same but for the items' own changes.
    biases, own = np.zeros(1), np.zeros((1, 3))
    learned = biases, all_learned.item_biases.copy(), own, all_learned.q.copy()
    kernels.place(np.zeros(1, np.int64), 1, *rows, *learned, fixed, 1e-4, 0.1)

    all_learned.learn(rate=1e-4, decay=0.1)

    np.testing.assert_allclose(all_learned.biases, biases, atol=1e-6)
    np.testing.assert_allclose(all_learned.p, own, atol=1e-6)


def test_a_multiplicative_update_equals_the_published_one() -> None:
    train = made_up_ratings(12, 9, seed=1)
    draw = np.random.default_rng(2)
    users, items = draw.random((12, 3)), draw.random((9, 3))
    rated, values = np.zeros((12, 9)), np.zeros((12, 9))
    rated[train.users, train.items] = 1
    values[train.users, train.items] = train.values
    penalty = 0.2 * rated.sum(axis=1)[:, None] * users
    expected = (
        users * (values @ items) / ((rated * (users @ items.T)) @ items + penalty)
    )
    rows = train.by_user()

    kernels.multiply(
        rows.offsets, rows.indices, rows.values.astype(float), users, items, 0.2
    )

    np.testing.assert_allclose(expected, users, rtol=1e-9)


def test_no_update_raises_the_objective_of_nmf() -> None:
    train = made_up_ratings(30, 20, seed=3)
    rows, columns = train.by_user(), train.by_item()
    draw = np.random.default_rng(4)
    users, items = draw.random((30, 3)), draw.random((20, 3))
    n_users, n_items = rows.counts, columns.counts

    def objective() -> float:
        error = train.values - (users @ items.T)[train.users, train.items]
        sizes = n_users @ (users**2).sum(axis=1) + n_items @ (items**2).sum(axis=1)
        return error @ error + 0.1 * sizes

    found = [objective()]
    for _ in range(5):
        for own, side, other in ((users, rows, items), (items, columns, users)):
            values = side.values.astype(float)
            kernels.multiply(side.offsets, side.indices, values, own, other, 0.1)
            found.append(objective())

    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("make", MODELS)
def test_a_linear_map_of_the_ratings_maps_the_predictions(make) -> None:
    train = made_up_ratings(40, 30, seed=9)
    mapped = replace(
        train, values=5 * train.values - 15, scale=RatingScale(-10.0, 10.0)
    )
    one, other = make(), make()
    one.fit(train, FitContext())
    other.fit(mapped, FitContext())

    expected = 5 * one.predict(train, *all_pairs(train)) - 15

    found = other.predict(mapped, *all_pairs(train))
    np.testing.assert_allclose(expected, found, atol=5e-3)


@pytest.mark.parametrize("make", MODELS)
def test_a_new_user_is_placed_by_their_history(make) -> None:
    full = made_up_ratings(40, 30, seed=11)
    train = full.take(np.flatnonzero(full.users > 0))
    model = make()
    model.fit(train, FitContext())
    own = full.take(np.flatnonzero(full.users == 0))

    error = np.abs(model.predict(own, own.users, own.items) - own.values).mean()

    unknown = model.predict(train, own.users, own.items)
    assert error < np.abs(unknown - own.values).mean()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SVDPlusPlus(SVDPlusPlusOptions(epochs=3, shrink=False)),
        lambda: AsymmetricSVD(AsymmetricSVDOptions(epochs=3, shrink=False)),
    ],
    ids=["svdpp", "asymmetric"],
)
def test_validation_chooses_the_epoch_and_keeps_its_parameters(make) -> None:
    train = made_up_ratings(40, 30, seed=10)
    is_hidden = np.arange(len(train)) % 5 == 0
    seen, hidden = (train.take(np.flatnonzero(c)) for c in (~is_hidden, is_hidden))
    reports = []
    context = FitContext(
        validation=hidden, validation_history=seen, on_report=reports.append
    )
    model = make()

    model.fit(seen, context)

    errors = [report.validation_rmse for report in reports]
    predicted = hidden.scale.clip(model.predict(seen, hidden.users, hidden.items))
    error = np.sqrt(np.mean(np.square(predicted - hidden.values)))
    assert error == pytest.approx(min(errors), abs=1e-6)


def test_centred_by_the_mean_the_offsets_are_learned() -> None:
    train = made_up_ratings(40, 30, seed=12)
    options = SVDPlusPlusOptions(
        centring="mean", epochs=60, patience=0, start_spread=1e-6, weight_decay=1e-6
    )
    model = SVDPlusPlus(options)
    model.fit(train, FitContext())

    offsets = fit_bias_model(train, user_damping=0.0, item_damping=0.0)
    biases = offsets.predict(train.users, train.items)
    predicted = model.predict(train, train.users, train.items)
    assert np.corrcoef(predicted, biases)[0, 1] > 0.9
    centre = train.values.mean()
    assert predicted.std() > 0.5 * (biases - centre).std()

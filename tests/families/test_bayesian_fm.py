import numpy as np
import pytest
from benchbox_factorization.bayesian_fm.blocks import Coefficients
from benchbox_factorization.bayesian_fm.chain import Chain
from benchbox_factorization.bayesian_fm.days import Days
from benchbox_factorization.bayesian_fm.facts import in_steps
from benchbox_factorization.bayesian_fm.layout import lay_out
from benchbox_factorization.bayesian_fm.model import BayesianFM
from benchbox_factorization.bayesian_fm.priors import draw_noise, draw_normal
from benchbox_factorization.bayesian_fm.step_kernels import draw_latent, quantile
from benchbox_factorization.options import BayesianFMOptions
from scipy.stats import norm, truncnorm

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError
from benchbox.models import EncodedFeatures, read_state, write_state
from tests.support.toy_ratings import (
    ANY_SCALE,
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

DAY = 86_400
QUICK = BayesianFMOptions(n_factors=2, burn_in=5, epochs=20, thin=2)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def predict_all(model, train: Ratings, seed: int = 0):
    model.fit(train, FitContext(seed=seed, n_threads=2))
    predicted = model.predict(train, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def timed_ratings(seed: int = 0) -> Ratings:
    """Nine users, seven items, three days, in no order, with one empty row each."""
    draw = np.random.default_rng(seed)
    cells = draw.permutation(9 * 7)[:30]
    users, items = np.divmod(cells, 7)
    kept = (users != 4) & (items != 2)
    users, items = users[kept].astype(np.int32), items[kept].astype(np.int32)
    return Ratings(
        users=users,
        items=items,
        values=draw.standard_normal(len(users)).astype(np.float32),
        timestamps=draw.integers(0, 3, len(users)) * DAY,
        n_users=9,
        n_items=7,
        scale=ANY_SCALE,
    )


class Dense:
    """The same blocks as dense matrices, to compute each conditional from scratch."""

    def __init__(self, train: Ratings, days, features) -> None:
        seen = np.zeros((train.n_users, train.n_items))
        seen[train.users, train.items] = 1
        per_user, per_item = (
            np.sqrt(np.maximum(seen.sum(axis=axis), 1)) for axis in (1, 0)
        )
        self.facts = [
            np.hstack([np.eye(9), seen / per_user[:, None], features[0].matrix]),
            np.hstack([np.eye(7), seen.T / per_item[:, None], features[1].matrix]),
            np.eye(3),
        ]
        self.rows = [train.users, train.items, days]
        self.train = train

    def values(self, coefficients: Coefficients, k: int):
        parts = (coefficients.own, coefficients.history, coefficients.side)
        return np.concatenate([part[k].astype(np.float64) for part in parts])

    def predict(self, chain: Chain):
        blocks = [
            np.array([facts @ self.values(c, k) for k in range(len(c.own))])
            for facts, c in zip(self.facts, chain.coefficients, strict=True)
        ]
        one, two, three = (
            block[:, rows] for block, rows in zip(blocks, self.rows, strict=True)
        )
        pairs = one * two + one * three + two * three
        return one[0] + two[0] + three[0] + pairs[1:].sum(axis=0)


def planted_chain(seed: int = 0):
    """Return a chain on timed ratings with features, and its dense counterpart."""
    train = timed_ratings(seed)
    options = BayesianFMOptions(n_factors=2, time=True, side=True)
    days = Days.of(train.timestamps)
    numbers = days.numbers(train.timestamps, len(train))
    draw = np.random.default_rng(seed)
    features = tuple(
        EncodedFeatures(
            names=("age", "sex=f", "sex=m"),
            matrix=draw.standard_normal((n, 3)).astype(np.float32),
        )
        for n in (9, 7)
    )
    layout = lay_out(train, options, numbers, features, 2)
    start = draw.standard_normal((2, 7)).astype(np.float32)
    targets = train.values[layout.order]
    chain = Chain(layout.blocks, layout.positions, targets, start, generator(seed))
    return chain, Dense(train, numbers, features), layout


def test_residuals_stay_those_of_the_dense_model() -> None:
    chain, dense, layout = planted_chain()

    for _ in range(5):
        squares = chain.sweep(2.0)

    rest = dense.train.values - dense.predict(chain)
    np.testing.assert_allclose(rest[layout.order], chain.errors, atol=1e-4)
    assert squares == pytest.approx(np.square(rest).sum(), rel=1e-4)


def test_each_coefficient_is_drawn_from_its_dense_conditional(monkeypatch) -> None:
    chain, dense, layout = planted_chain()
    for _ in range(3):
        chain.sweep(2.0)
    before = [Coefficients(*(a.copy() for a in c)) for c in chain.coefficients]
    recorded = []
    original = chain._normals
    monkeypatch.setattr(
        chain, "_normals", lambda like: recorded.append(original(like)) or recorded[-1]
    )
    priors = list(chain.priors)

    chain.sweep(2.0)

    # Repeat the sweep, coefficient by coefficient, in float64.
    state = [Coefficients(*(a.astype(np.float64) for a in c)) for c in before]
    after, chain.coefficients = chain.coefficients, state
    for block, prior in enumerate(priors):
        normals = recorded[3 * block : 3 * block + 3]
        for k in range(3):
            for part, of in ((0, "own"), (2, "side"), (1, "history")):
                coefficients = getattr(state[block], of)
                for f in range(coefficients.shape[1]):
                    group = part
                    if of == "side":
                        group = int(layout.blocks[block].side.groups[f])
                    present = coefficients[k, f]
                    coefficients[k, f] = 0
                    without = dense.predict(chain)
                    coefficients[k, f] = 1
                    x = dense.predict(chain) - without
                    precision = prior.precisions[group, k]
                    known = precision + 2.0 * x @ x
                    mean = 2.0 * x @ (dense.train.values - without)
                    mean += precision * prior.means[group, k]
                    drawn = mean / known + normals[part][k, f] / np.sqrt(known)
                    assert present != drawn
                    coefficients[k, f] = drawn
    for expected, actual in zip(state, after, strict=True):
        for name in ("own", "history", "side"):
            np.testing.assert_allclose(
                getattr(expected, name), getattr(actual, name), atol=2e-3
            )


def test_coefficients_of_a_kind_have_the_posterior_of_the_conjugate_prior() -> None:
    values = np.array([[1.0, 2.0, 4.0]], dtype=np.float32)
    draw, means, drawn = generator(), np.zeros(1), []
    for _ in range(10_000):
        means, precisions = draw_normal(values, means, draw)
        drawn.append((means[0], precisions[0]))

    # Normal-Gamma: mean weight 1, shape and rate one half (Murphy, 2007, eqs. 85-89).
    rate = 0.5 + 14 / 3 / 2 + 3 / 4 / 2 * (7 / 3) ** 2
    mean, precision = np.mean(drawn, axis=0)
    assert mean == pytest.approx(7 / 4, abs=0.04)
    assert precision == pytest.approx((0.5 + 1.5) / rate, rel=0.04)


def test_the_noise_is_drawn_from_its_gamma_posterior() -> None:
    draw = generator()

    drawn = [draw_noise(50.0, 200, draw) for _ in range(20_000)]

    assert np.mean(drawn) == pytest.approx(100.5 / 25.5, rel=0.01)


def test_quantiles_are_those_of_scipy() -> None:
    shares = np.array([1e-200, 1e-9, 0.01, 0.3, 0.5])

    np.testing.assert_allclose(norm.ppf(shares), [*map(quantile, shares)], atol=1e-6)


@pytest.mark.parametrize("predicted", [-6.0, 0.0, 0.4, 9.0])
def test_latent_numbers_are_drawn_from_their_intervals(predicted: float) -> None:
    n = 20_000
    cuts = np.array([-1e30, -1.0, 0.5, 1e30])
    steps = np.repeat(np.arange(3, dtype=np.uint8), n)
    latent = np.full(3 * n, predicted, dtype=np.float32)
    errors = np.zeros(3 * n, dtype=np.float32)
    uniforms = (np.tile(np.arange(n), 3) + 0.5).astype(np.float32) / n

    draw_latent(np.array([0, 3 * n]), steps, cuts, uniforms, latent, errors)

    np.testing.assert_allclose(latent - predicted, errors, atol=1e-5)
    for step in range(3):
        exact = truncnorm(*(cuts[step : step + 2] - predicted), loc=predicted)
        drawn = latent[steps == step]
        assert exact.mean() == pytest.approx(drawn.mean(), abs=0.01)
        assert exact.std() == pytest.approx(drawn.std(), rel=0.02)


def test_planted_factors_under_noise_are_recovered() -> None:
    truth = low_rank(120, 90, rank=2, seed=5)
    noisy = truth + 0.5 * np.random.default_rng(5).standard_normal(truth.shape)
    train, _ = hide(noisy, 0.5, seed=5)

    predicted = predict_all(
        BayesianFM(BayesianFMOptions(n_factors=4, epochs=60)), train
    )

    assert rmse(predicted, truth) < 0.27


def test_scaled_and_shifted_ratings_give_scaled_and_shifted_predictions() -> None:
    train, _ = hide(low_rank(30, 20, rank=2, seed=1), 0.3, seed=1)
    moved, _ = hide(20 * low_rank(30, 20, rank=2, seed=1) - 7, 0.3, seed=1)

    one, other = (predict_all(BayesianFM(QUICK), ratings) for ratings in (train, moved))

    np.testing.assert_allclose(20 * one - 7, other, atol=0.2)


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_threads() -> None:
    train, _ = hide(low_rank(40, 30, rank=2, seed=0), 0.3, seed=0)
    models = [BayesianFM(QUICK) for _ in range(3)]

    for model, seed, n_threads in zip(models, (1, 1, 2), (1, 2, 2), strict=True):
        model.fit(train, FitContext(seed=seed, n_threads=n_threads))

    one, again, other = (model.predict(train, *all_pairs(train)) for model in models)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_predictions_for_known_users_are_those_for_new_ones_with_their_history() -> (
    None
):
    train, _ = hide(low_rank(30, 20, rank=2, seed=0), 0.3, seed=0)
    model = BayesianFM(QUICK)
    known = predict_all(model, train)
    swapped = Ratings(
        users=(29 - train.users).astype(np.int32),
        items=train.items,
        values=train.values,
        n_users=30,
        n_items=20,
        scale=ANY_SCALE,
    )

    new = model.predict(swapped, *all_pairs(train)).reshape(30, 20)

    np.testing.assert_allclose(known, new[::-1], atol=1e-5)


def test_cold_users_and_items_get_finite_predictions_near_the_mean() -> None:
    matrix = checkerboard(12, 8)
    matrix[5, :] = matrix[:, 7] = np.nan

    predicted = predict_all(BayesianFM(QUICK), from_matrix(matrix))

    np.testing.assert_allclose(3.0, predicted[5], atol=1.5)
    np.testing.assert_allclose(3.0, predicted[:, 7], atol=1.5)


def test_a_probit_model_gives_a_distribution_whose_mean_it_predicts() -> None:
    noisy = low_rank(60, 40, rank=2, seed=3)
    train, hidden = hide(np.clip(np.round(noisy + 3), 1, 5), 0.3, seed=3)
    model = BayesianFM(
        BayesianFMOptions(n_factors=3, epochs=40, likelihood="ordered-probit")
    )
    model.fit(train, FitContext())

    posterior = model.predict_distribution(train, hidden.users, hidden.items)

    assert posterior.probabilities.shape == (len(hidden), 5)
    np.testing.assert_allclose(1, posterior.probabilities.sum(axis=1))
    means = posterior.probabilities @ np.arange(1, 6)
    np.testing.assert_allclose(
        means, model.predict(train, hidden.users, hidden.items), rtol=1e-6
    )
    assert rmse(means, hidden.values) < 0.8 * hidden.values.std()
    levels = hidden.values.astype(int) - 1
    frequencies = np.bincount(levels, minlength=5) / len(hidden)
    np.testing.assert_allclose(
        frequencies, posterior.probabilities.mean(axis=0), atol=0.05
    )


def test_a_probit_model_refuses_ratings_without_steps() -> None:
    train, _ = hide(low_rank(20, 20, rank=2, seed=3), 0.3, seed=3)
    model = BayesianFM(BayesianFMOptions(likelihood="ordered-probit"))

    with pytest.raises(ModelError, match="at most 100 different values"):
        model.fit(train, FitContext())


def test_features_that_are_asked_for_must_be_there() -> None:
    model = BayesianFM(BayesianFMOptions(side=True))

    with pytest.raises(ModelError, match="side=true needs features"):
        model.fit(from_matrix(checkerboard(4, 4)), FitContext())


def test_a_day_without_training_ratings_is_an_unknown_one() -> None:
    days = Days.of(np.array([3 * DAY + 5, DAY, DAY + 7]))
    times = np.array([DAY + 9, 2 * DAY, 3 * DAY, -DAY, 10**12])

    assert days.numbers(times, 5).tolist() == [0, 2, 1, 2, 2]
    assert Days.of(None).numbers(times, 5).tolist() == [0] * 5


def test_validation_ratings_choose_the_number_of_sweeps() -> None:
    train, hidden = hide(low_rank(30, 20, rank=2, seed=0), 0.3, seed=0)
    reports = []
    validating = FitContext(
        validation=hidden, validation_history=train, on_report=reports.append
    )
    model = BayesianFM(QUICK)
    model.fit(train, validating)

    assert reports[0].validation_rmse is None
    assert len(reports) == 25
    assert reports[-1].loss < reports[0].loss
    best = min(
        (each for each in reports if each.validation_rmse is not None),
        key=lambda each: each.validation_rmse,
    )
    predicted = model.predict(train, hidden.users, hidden.items)
    # Pulled towards the bias model by next to nothing.
    assert rmse(predicted, hidden.values) == pytest.approx(
        best.validation_rmse, rel=1e-2
    )

    again = []
    model.fit(train, FitContext(epochs=best.epoch, on_report=again.append))

    assert len(again) == best.epoch


def test_with_few_ratings_validation_keeps_the_chain_from_fitting_noise() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 60))
    train, hidden = hide(noise, 0.8, seed=0)
    errors = []
    model = BayesianFM(BayesianFMOptions(burn_in=5, epochs=100))
    for validation in (None, hidden):
        model.fit(train, FitContext(validation=validation, validation_history=train))
        predicted = model.predict(train, hidden.users, hidden.items)
        errors.append(rmse(predicted, hidden.values))

    assert errors[1] < 0.98 * errors[0]


def test_numbers_are_facts_in_steps_that_as_many_rows_have() -> None:
    features = {
        "age": np.append(np.arange(40.0), np.nan),
        "year": np.repeat([1990, 1991, 1992], [1, 39, 1]),
        "job": np.array(["cook"] * 41),
    }

    steps = in_steps(features)

    counts = np.unique(steps["age"], return_counts=True)
    assert dict(zip(*counts, strict=True)) == {"": 1} | {str(k): 4 for k in range(10)}
    assert len(np.unique(steps["year"])) == 2
    assert steps["job"] is features["job"]
    assert in_steps(None) is None


@pytest.mark.parametrize("likelihood", ["gaussian", "ordered-probit"])
def test_a_restored_model_predicts_the_same(likelihood, tmp_path) -> None:
    train = timed_ratings()
    options = BayesianFMOptions(
        n_factors=2, burn_in=1, epochs=2, time=True, likelihood=likelihood
    )
    model, restored = BayesianFM(options), BayesianFM(options)
    model.fit(train, FitContext())

    write_state(tmp_path, model.state())
    restored.restore(read_state(tmp_path))

    one, other = (
        m.predict(train, train.users, train.items, train.timestamps)
        for m in (model, restored)
    )
    assert np.array_equal(one, other)
    later = model.predict(train, train.users, train.items, train.timestamps + DAY)
    assert not np.array_equal(one, later)

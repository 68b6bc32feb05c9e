import numpy as np
import pytest
from benchbox_factorization import bayesian_mf
from benchbox_factorization.bayesian_mf import (
    BayesianMF,
    draw_noise,
    draw_population,
    draw_wishart_root,
)
from benchbox_factorization.options import BayesianMFOptions

from benchbox import FitContext, Ratings
from tests.support.toy_ratings import (
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

X = np.nan
QUICK = BayesianMFOptions(n_factors=2, burn_in=5, epochs=20, thin=2)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def predict_all(model, train: Ratings, history: Ratings | None = None, seed: int = 0):
    model.fit(train, FitContext(seed=seed))
    predicted = model.predict(train if history is None else history, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def test_wishart_draws_have_the_right_mean_and_variance() -> None:
    scatter = np.array([[2.0, 0.5], [0.5, 1.0]])
    scale, degrees = np.linalg.inv(scatter), 7
    draw = generator()
    roots = np.array([draw_wishart_root(scatter, degrees, draw) for _ in range(20_000)])

    draws = roots @ roots.transpose(0, 2, 1)

    diagonal = np.diag(scale)
    variance = degrees * (scale**2 + np.outer(diagonal, diagonal))
    np.testing.assert_allclose(degrees * scale, draws.mean(axis=0), rtol=0.03)
    np.testing.assert_allclose(variance, draws.var(axis=0), rtol=0.06)


def test_a_large_population_is_drawn_close_to_its_members() -> None:
    covariance = np.array([[0.5, 0.2], [0.2, 0.3]])
    members = generator(1).multivariate_normal([1.0, -2.0], covariance, 50_000)

    population = draw_population(members.astype(np.float32), 0.2, generator())

    np.testing.assert_allclose([1.0, -2.0], population.mean, atol=0.02)
    np.testing.assert_allclose(
        covariance, np.linalg.inv(population.precision), atol=0.02
    )


def test_a_population_has_the_posterior_mean_of_the_conjugate_prior() -> None:
    members = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    spread, draw = 0.5, generator()
    drawn = [
        draw_population(members.astype(np.float32), spread, draw) for _ in range(20_000)
    ]

    # Murphy (2007), eqs. 229 to 234, with kappa 1, nu 3 and mean 0 in the prior.
    mean = members.mean(axis=0)
    scatter = 3 * spread**2 * np.eye(2) + (members - mean).T @ (members - mean)
    scatter += 3 / 4 * np.outer(mean, mean)
    means = np.mean([population.mean for population in drawn], axis=0)
    precisions = np.mean([population.precision for population in drawn], axis=0)
    np.testing.assert_allclose(members.sum(axis=0) / 4, means, atol=0.02)
    np.testing.assert_allclose(6 * np.linalg.inv(scatter), precisions, rtol=0.05)


def test_a_population_without_members_is_drawn_from_its_prior() -> None:
    draw = generator()
    nobody = np.empty((0, 1), dtype=np.float32)
    drawn = [draw_population(nobody, 0.5, draw) for _ in range(20_000)]

    # One dimension, two degrees of freedom: the mean precision is 1 / spread ** 2.
    assert np.mean([population.precision for population in drawn]) == pytest.approx(
        4, rel=0.05
    )
    assert np.mean([population.mean for population in drawn]) == pytest.approx(
        0, abs=0.05
    )


def test_the_noise_is_drawn_from_its_gamma_posterior() -> None:
    draw = generator()

    drawn = [draw_noise(50.0, 200, draw) for _ in range(20_000)]

    # A Gamma distribution of shape 101 and rate 25.5.
    assert np.mean(drawn) == pytest.approx(101 / 25.5, rel=0.01)
    assert np.var(drawn) == pytest.approx(101 / 25.5**2, rel=0.05)


def test_predictions_average_over_the_samples() -> None:
    train, _ = hide(low_rank(20, 15, rank=2, seed=0), 0.3, seed=0)
    model = BayesianMF(QUICK)
    whole = predict_all(model, train)
    samples = model._samples
    parts = []
    for sample in samples:
        model._samples = [sample]
        parts.append(model.predict(train, *all_pairs(train)))

    assert len(samples) == 10
    np.testing.assert_allclose(whole.ravel(), np.mean(parts, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("burn_in", "epochs", "thin", "expected"),
    [(5, 4, 1, 4), (0, 4, 1, 4), (9, 5, 2, 3), (3, 2, 10, 1)],
)
def test_the_burn_in_is_discarded_and_the_rest_thinned(
    monkeypatch, burn_in: int, epochs: int, thin: int, expected: int
) -> None:
    sweeps = []
    original = bayesian_mf._Chain.sweep

    def sweep(chain) -> None:
        original(chain)
        # Use the noise to mark each sample with the number of its sweep.
        sweeps.append(1.0 + len(sweeps))
        chain._noise = sweeps[-1]

    monkeypatch.setattr(bayesian_mf._Chain, "sweep", sweep)
    options = BayesianMFOptions(n_factors=1, burn_in=burn_in, epochs=epochs, thin=thin)
    model = BayesianMF(options)
    model.fit(from_matrix(checkerboard(6, 5)), FitContext())

    stored = [sample.noise for sample in model._samples]
    assert expected == len(stored)
    assert len(sweeps) == burn_in + epochs == stored[-1]
    assert min(stored) > burn_in
    assert set(np.diff(stored)) <= {thin}


def test_every_sweep_is_reported() -> None:
    reports = []
    context = FitContext(on_report=reports.append)
    options = BayesianMFOptions(n_factors=1, burn_in=2, epochs=3)
    BayesianMF(options).fit(from_matrix(checkerboard(4, 4)), context)

    assert [(r.epoch, r.n_epochs) for r in reports] == [(k, 5) for k in range(1, 6)]


def test_planted_factors_under_noise_are_recovered() -> None:
    truth = low_rank(120, 90, rank=2, seed=5)
    noisy = truth + 0.5 * np.random.default_rng(5).standard_normal(truth.shape)
    train, _ = hide(noisy, 0.5, seed=5)
    options = BayesianMFOptions(n_factors=4, burn_in=20, epochs=60)
    model = BayesianMF(options)

    predicted = predict_all(model, train)

    # Two factors and two biases add about 4 * 210 / 5400 of the noise's variance.
    assert rmse(predicted, truth) < 0.25
    noise = np.mean([sample.noise for sample in model._samples])
    assert model._centre.spread / np.sqrt(noise) == pytest.approx(0.5, rel=0.05)


def test_scaled_and_shifted_ratings_give_scaled_and_shifted_predictions() -> None:
    train, _ = hide(low_rank(30, 20, rank=2, seed=1), 0.3, seed=1)
    moved, _ = hide(20 * low_rank(30, 20, rank=2, seed=1) - 7, 0.3, seed=1)

    one, other = (predict_all(BayesianMF(QUICK), ratings) for ratings in (train, moved))

    np.testing.assert_allclose(20 * one - 7, other, atol=0.2)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    train, _ = hide(low_rank(40, 30, rank=2, seed=0), 0.3, seed=0)

    one, again, other = (
        predict_all(BayesianMF(QUICK), train, seed=seed) for seed in (1, 1, 2)
    )

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_cold_users_and_items_get_the_means_of_their_populations() -> None:
    matrix = checkerboard(12, 8)
    matrix[5, :] = matrix[:, 7] = X
    train = from_matrix(matrix)
    model = BayesianMF(QUICK)

    predicted = predict_all(model, train)

    assert np.isfinite(predicted).all()
    # Users and items are symmetric here: each is liked by half of the others.
    np.testing.assert_allclose(3.0, predicted[5], atol=1.5)
    np.testing.assert_allclose(3.0, predicted[:, 7], atol=1.5)
    for sample in model._samples:
        assert not np.array_equal(sample.items[6], sample.items[7])


def test_predictions_do_not_depend_on_the_other_pairs() -> None:
    train, _ = hide(low_rank(30, 20, rank=2, seed=0), 0.3, seed=0)
    model = BayesianMF(QUICK)
    whole = predict_all(model, train)
    users = np.array([17, 3, 17], dtype=np.int32)
    items = np.array([4, 0, 19], dtype=np.int32)

    np.testing.assert_allclose(
        whole[users, items], model.predict(train, users, items), rtol=1e-4, atol=1e-5
    )


def test_no_pairs_give_no_predictions() -> None:
    train = from_matrix(checkerboard(4, 4))
    model = BayesianMF(QUICK)
    model.fit(train, FitContext())
    none = np.empty(0, dtype=np.int32)

    assert model.predict(train, none, none).shape == (0,)


def test_all_stored_numbers_count_as_parameters() -> None:
    model = BayesianMF(QUICK)
    model.fit(from_matrix(checkerboard(6, 5)), FitContext())

    # Ten samples of five items, a mean, a covariance and the noise.
    assert model.n_parameters == 2 + 10 * (5 * 3 + 3 + 9 + 1)

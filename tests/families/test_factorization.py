import subprocess
import sys

import msgspec
import numpy as np
import pytest
from benchbox_factorization import benchbox_models, moments
from benchbox_factorization import matrix as matrices
from benchbox_factorization.bayesian_mf import BayesianMF
from benchbox_factorization.biased_mf import BiasedMF
from benchbox_factorization.matrix import starting_factors
from benchbox_factorization.options import (
    BayesianMFOptions,
    BiasedMFOptions,
    SVDOptions,
)
from benchbox_factorization.svd import SVD, right_vectors, zero_model
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import random_array

from benchbox import FitContext, Ratings
from benchbox.arrays import grouping, mapped, parallel
from benchbox.data.dataset import load_dataset
from benchbox.models.bias import fit_bias_model
from benchbox.options import decode
from benchbox.plugins.registry import discover
from benchbox.targets import resolve
from tests.support.memory import peak_bytes
from tests.support.source_kinds import kind_of
from tests.support.toy_ratings import (
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

X = np.nan

# The 18 x 10 matrix and its rounded rank-3 reconstruction, as printed in the course
# material (CPSC 552, assignment 12); 0 means no rating.
TOY = """
0200300000 4000300050 0000030000 0500000002 0000000500 5200000000 0003004052
0304000000 0040020001 0000503020 1500040000 0040500302 1004000100 0503000040
4000400000 0005020000 0300004000 3300000005
"""
TOY_RECONSTRUCTED = [
    [1, 1, 1, 0, 2, 0, 0, 0, 1, 1],
    [2, 0, 1, 1, 4, 0, 2, 1, 3, 1],
    [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 4, 0, 1, 0, 1, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
    [2, 3, 1, 0, 1, 1, 0, 0, 0, 1],
    [0, 0, 0, 4, 1, 0, 3, 0, 4, 0],
    [0, 3, 0, 2, -1, 1, 1, 0, 1, 1],
    [1, 1, 0, 0, 1, 0, 0, 0, 0, 0],
    [1, -1, 1, 1, 4, 0, 1, 1, 3, 1],
    [2, 5, 0, 1, 0, 1, 0, 0, 0, 1],
    [2, 0, 1, -1, 4, 0, 0, 1, 1, 1],
    [0, 1, 0, 2, 0, 0, 1, 0, 2, 0],
    [1, 4, 0, 4, 0, 1, 1, 0, 3, 1],
    [2, 0, 1, -1, 4, 0, 0, 1, 1, 1],
    [-1, 1, 0, 3, -1, 0, 1, 0, 2, 0],
    [1, 2, 0, 1, 0, 1, 0, 0, 1, 1],
    [2, 4, 1, 0, 1, 1, 0, 0, 0, 2],
]

MODELS = [
    pytest.param(lambda: SVD(SVDOptions(n_factors=2)), id="svd-bias"),
    pytest.param(lambda: SVD(SVDOptions(n_factors=2, fill="zero")), id="svd-zero"),
    pytest.param(lambda: BiasedMF(BiasedMFOptions(n_factors=3)), id="biased-mf"),
    pytest.param(
        lambda: BayesianMF(BayesianMFOptions(n_factors=3, epochs=6, burn_in=2)),
        id="bayesian-mf",
    ),
]


def toy_matrix():
    return np.array([[int(digit) for digit in row] for row in TOY.split()], dtype=float)


def toy_ratings() -> Ratings:
    matrix = toy_matrix()
    return from_matrix(np.where(matrix == 0, X, matrix))


def predict_all(model, train: Ratings, history: Ratings | None = None, seed: int = 0):
    model.fit(train, FitContext(seed=seed))
    predicted = model.predict(train if history is None else history, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def test_svd_with_zeros_matches_the_reconstruction_of_the_course() -> None:
    predicted = predict_all(SVD(SVDOptions(n_factors=3, fill="zero")), toy_ratings())

    assert np.array_equal(TOY_RECONSTRUCTED, np.round(predicted))


def test_svd_with_zeros_recommends_item_7_to_user_2() -> None:
    predicted = predict_all(SVD(SVDOptions(n_factors=3, fill="zero")), toy_ratings())
    unrated = np.where(toy_matrix()[1] == 0, predicted[1], -np.inf)

    assert 1 + unrated.argmax() == 7


def test_the_bundled_toy_data_and_preset_match_the_course_too() -> None:
    registry = discover()
    card = registry.find("datasets", "svd-toy").value
    spec = registry.find("models", "svd").value
    dataset = load_dataset(card, kind_of=kind_of, notify=lambda text: None)
    options = decode(spec.options, spec.presets["zero"], "svd")

    predicted = predict_all(resolve(spec.target)(options), dataset.ratings)

    assert dataset.ratings.user_ids[1] == "2"
    assert np.array_equal(TOY_RECONSTRUCTED, np.round(predicted))


def test_svd_with_zeros_equals_the_truncated_decomposition() -> None:
    left, singular, right = np.linalg.svd(toy_matrix(), full_matrices=False)
    expected = left[:, :4] * singular[:4] @ right[:4]

    predicted = predict_all(SVD(SVDOptions(n_factors=4, fill="zero")), toy_ratings())

    np.testing.assert_allclose(expected, predicted, atol=1e-6)


def test_sparse_and_dense_decompositions_span_the_same_space() -> None:
    matrix = random_array((90, 80), density=0.2, rng=np.random.default_rng(0)).tocsr()
    _, _, right = np.linalg.svd(matrix.toarray())

    vectors = right_vectors(matrix, 5)

    np.testing.assert_allclose(right[:5].T @ right[:5], vectors @ vectors.T, atol=1e-9)


def test_svd_survives_residuals_that_are_all_zero() -> None:
    train = from_matrix(np.full((70, 70), 3.0))

    predicted = predict_all(SVD(SVDOptions(n_factors=2)), train)

    np.testing.assert_allclose(predicted, 3.0, rtol=1e-6)


def test_svd_of_residuals_recovers_a_full_low_rank_matrix() -> None:
    matrix = low_rank(30, 20, rank=2, seed=1)

    # Two ranks for the planted factors, two for the offsets that damping leaves behind.
    predicted = predict_all(SVD(SVDOptions(n_factors=4)), from_matrix(matrix))

    np.testing.assert_allclose(matrix, predicted, atol=1e-4)


def test_single_precision_suffices_with_hardly_any_damping() -> None:
    matrix = np.full((3, 40), 1e3, dtype=np.float32)
    options = BiasedMFOptions(n_factors=6, damping=1e-30, weight_decay=0.0)

    predicted = predict_all(BiasedMF(options), from_matrix(matrix))

    np.testing.assert_allclose(1e3, predicted, rtol=0.05)


def test_starting_factors_span_the_leading_directions_of_the_residuals() -> None:
    matrix = low_rank(60, 40, rank=2, seed=4)
    train = from_matrix(matrix)
    draw = np.random.Generator(np.random.PCG64(0))
    bias = zero_model(train)

    factors = starting_factors(train, bias, 2, draw)

    _, _, right = np.linalg.svd(matrix)
    inside = right[:2].T @ (right[:2] @ factors)
    np.testing.assert_allclose(factors, inside, atol=1e-4)
    assert np.square(factors).mean() == pytest.approx(0.09)


def test_starting_factors_are_the_same_from_several_matrices(monkeypatch) -> None:
    train = with_a_cold_user_and_item()

    def factors():
        draw = np.random.Generator(np.random.PCG64(0))
        return starting_factors(train, zero_model(train), 2, draw)

    expected = factors()
    monkeypatch.setattr(matrices, "MOST_PER_MATRIX", 30)

    # Sums over users have another order, and single precision.
    np.testing.assert_allclose(factors(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_biased_mf_gives_the_same_bytes_from_files(monkeypatch, order) -> None:
    train = from_matrix(low_rank(60, 40, rank=2, seed=4))
    if order == "shuffled":
        train = train.take(np.random.default_rng(0).permutation(len(train)))
    options = BiasedMFOptions(n_factors=2)
    expected = predict_all(BiasedMF(options), train)
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", 100)

    assert predict_all(BiasedMF(options), train).tobytes() == expected.tobytes()


def test_a_fit_of_biased_mf_takes_little_memory_beside_files(monkeypatch) -> None:
    train = from_matrix(low_rank(2000, 200, rank=2, seed=4))
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 10_000)
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", 5000)
    monkeypatch.setattr(parallel, "_PART", 10_000)
    monkeypatch.setattr(parallel, "_LONG_PART", 10_000)
    # Smaller blocks than for the cache, because there are fewer ratings than usual.
    monkeypatch.setattr(moments, "_BLOCK", 1 << 16)
    model = BiasedMF(BiasedMFOptions(n_factors=2, epochs=1))
    # The first fit imports what it needs.
    model.fit(train, FitContext())

    # A column of all ratings in memory would take four bytes each.
    assert peak_bytes(lambda: model.fit(train, FitContext())) < 3 * len(train)


def objective(train: Ratings, options: BiasedMFOptions) -> float:
    """Return the documented objective of biased MF, with users solved last."""
    model = BiasedMF(options)
    model.fit(train, FitContext())
    items, users = model._items, model._users(train)
    error = train.values - model.predict(train, train.users, train.items)
    error /= train.values.std()
    total = float(error @ error)
    for side, index, damping in (
        (users, train.users, options.user_damping),
        (items, train.items, options.item_damping),
    ):
        counts = np.bincount(index, minlength=len(side))
        ridge = options.damping + options.weight_decay * counts
        total += (
            ridge @ (side[:, 1:] ** 2).sum(axis=1) + damping * side[:, 0] @ side[:, 0]
        )
    return total


def test_no_sweep_of_biased_mf_raises_its_objective() -> None:
    train, _ = hide(low_rank(40, 30, rank=3, seed=0), 0.5, seed=0)
    options = BiasedMFOptions(
        n_factors=3, damping=1, weight_decay=0.1, user_damping=5, item_damping=2
    )

    values = [
        objective(train, msgspec.structs.replace(options, epochs=epochs))
        for epochs in range(1, 7)
    ]

    assert values == sorted(values, reverse=True)


def test_biased_mf_fills_in_a_checkerboard() -> None:
    train, hidden = hide(checkerboard(20, 16), 0.3, seed=3)
    options = BiasedMFOptions(n_factors=2, damping=0.01, weight_decay=0.0)
    model = BiasedMF(options)
    model.fit(train, FitContext())

    predicted = model.predict(train, hidden.users, hidden.items)

    # Biases pick up some of the pattern, because it is sampled unevenly.
    assert rmse(predicted, hidden.values) < 0.5
    assert np.array_equal(predicted > 3, hidden.values > 3)


def test_biased_mf_recovers_planted_factors() -> None:
    train, hidden = hide(low_rank(80, 60, rank=3, seed=2), 0.4, seed=2)
    options = BiasedMFOptions(n_factors=6, damping=0.05, weight_decay=0.0, epochs=30)
    model = BiasedMF(options)
    model.fit(train, FitContext())

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.1 * hidden.values.std()


@pytest.mark.parametrize("make", MODELS)
def test_a_new_user_with_a_known_user_s_history_gets_their_predictions(make) -> None:
    matrix = np.vstack([checkerboard(12, 8), np.full(8, X)])
    matrix[0, 3] = X
    train = from_matrix(matrix)
    matrix[12] = matrix[0]

    predicted = predict_all(make(), train, history=from_matrix(matrix))

    np.testing.assert_allclose(predicted[0], predicted[12], rtol=1e-5)


def with_a_cold_user_and_item() -> Ratings:
    matrix = checkerboard(12, 8)
    matrix[5, :] = matrix[:, 7] = X
    return from_matrix(matrix)


@pytest.mark.parametrize("most", [1, 7, 40, 96])
def test_users_that_are_solved_for_in_parts_are_predicted_as_at_once(
    monkeypatch, most
) -> None:
    train = with_a_cold_user_and_item()
    whole = predict_all(BiasedMF(BiasedMFOptions(n_factors=2)), train)
    seen = []

    def noted(*args):
        seen.append(of_users(*args))
        return seen[-1]

    of_users = matrices.of_users
    monkeypatch.setattr(matrices, "MOST_AT_ONCE", most)
    monkeypatch.setattr(matrices, "of_users", noted)

    predicted = predict_all(BiasedMF(BiasedMFOptions(n_factors=2)), train)

    np.testing.assert_allclose(predicted, whole, rtol=1e-6)
    assert sum(map(len, seen)) == len(train)
    assert sum(part.n_users for part in seen) == train.n_users
    # Eleven users have seven ratings each, and nobody's are split.
    assert all(len(part) < most + 7 for part in seen)
    assert (len(seen) > 1) == (most < len(train))


def test_svd_leaves_cold_users_and_items_to_the_bias_model() -> None:
    train = with_a_cold_user_and_item()
    expected = fit_bias_model(train).predict(*all_pairs(train)).reshape(12, 8)

    predicted = predict_all(SVD(SVDOptions(n_factors=2)), train)

    np.testing.assert_allclose(expected[5], predicted[5], rtol=1e-5)
    np.testing.assert_allclose(expected[:, 7], predicted[:, 7], rtol=1e-5)


def test_biased_mf_predicts_by_biases_for_cold_users_and_items() -> None:
    train = with_a_cold_user_and_item()
    model = BiasedMF(BiasedMFOptions(n_factors=2))

    predicted = predict_all(model, train)

    mean = train.values.mean(dtype=np.float64)
    assert predicted[5, 7] == pytest.approx(mean)
    offsets = model._centre.spread * model._items[:, 0]
    np.testing.assert_allclose(mean + offsets, predicted[5], rtol=1e-5)


@pytest.mark.parametrize("make", MODELS)
@given(matrix=st.lists(st.sampled_from([-3.0, 0.0, 2.5, X]), min_size=1, max_size=12))
@settings(deadline=None)
def test_all_predictions_are_finite_whatever_the_ratings(make, matrix) -> None:
    matrix[0] = 0.0
    for shape in ((1, len(matrix)), (len(matrix), 1)):
        predicted = predict_all(make(), from_matrix(np.reshape(matrix, shape)))

        assert np.isfinite(predicted).all()
        assert np.float32 == predicted.dtype


@pytest.mark.parametrize("make", MODELS)
def test_a_second_fit_forgets_the_first_and_modifies_no_input(make) -> None:
    train, _ = hide(low_rank(90, 80, rank=2, seed=0), 0.5, seed=0)
    for column in (train.users, train.items, train.values):
        column.flags.writeable = False
    used = make()
    used.fit(from_matrix(checkerboard(5, 7)), FitContext(seed=3))

    assert np.array_equal(predict_all(make(), train), predict_all(used, train))


def test_the_seed_decides_the_start_of_biased_mf() -> None:
    train, _ = hide(low_rank(20, 15, rank=2, seed=0), 0.3, seed=0)
    options = BiasedMFOptions(n_factors=2, epochs=1, damping=1.0)

    one, other = (predict_all(BiasedMF(options), train, seed=s) for s in (1, 2))

    assert not np.array_equal(one, other)


def test_every_epoch_of_biased_mf_is_reported() -> None:
    reports = []
    context = FitContext(on_report=reports.append)
    BiasedMF(BiasedMFOptions(epochs=3)).fit(from_matrix(checkerboard(4, 4)), context)

    assert [(r.epoch, r.n_epochs) for r in reports] == [(1, 3), (2, 3), (3, 3)]


def test_the_family_never_imports_torch() -> None:
    code = (
        "import sys, benchbox_factorization.svd, benchbox_factorization.biased_mf,"
        "benchbox_factorization.bayesian_mf,"
        "benchbox_factorization.bayesian_fm.model;"
        "sys.exit('torch' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
    )


def test_every_spec_states_its_capabilities() -> None:
    specs = {spec.name: spec for spec in benchbox_models()}

    assert set(specs) == {
        "svd",
        "biased-mf",
        "bayesian-mf",
        "bayesian-fm",
        "nmf",
        "svdpp",
        "asymmetric-svd",
    }
    assert not specs["svd"].capabilities.stochastic
    assert specs["biased-mf"].capabilities.stochastic
    assert specs["bayesian-mf"].capabilities.stochastic
    assert all(spec.capabilities.inductive for spec in specs.values())

import subprocess
import sys
from collections.abc import Iterator
from unittest import mock

import msgspec
import numpy as np
import pytest
import torch
from benchbox_autoencoders import benchbox_models
from benchbox_autoencoders.device import DeviceCells
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions, StackedOptions
from benchbox_autoencoders.reading import Reader
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import by_column
from benchbox_autoencoders.training import train as train_network
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbox import FitContext, Ratings
from benchbox.models.bias import fit_bias_model
from benchbox.models.training.activations import ACTIVATIONS
from benchbox.models.training.centring import fit_centre
from benchbox.options import decode, split_choice
from tests.support.devices import ACCELERATOR, DEVICES, set_determinism
from tests.support.toy_ratings import (
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

X = np.nan
SMALL = AutoencoderOptions(hidden_units=(6,), epochs=4, batch_size=4)

MODELS = [
    pytest.param(UserAutoencoder, SMALL, id="user"),
    pytest.param(ItemAutoencoder, SMALL, id="item"),
    pytest.param(
        UserAutoencoder,
        msgspec.structs.replace(SMALL, hidden_units=(5, 3, 5), dropout=0.2),
        id="stacked",
    ),
]


@pytest.fixture(autouse=True)
def two_threads(request) -> Iterator[None]:
    """Use the settings of the runner."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    set_determinism(request)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def predict_all(model, train: Ratings, history: Ratings | None = None, seed: int = 0):
    model.fit(train, FitContext(seed=seed))
    predicted = model.predict(train if history is None else history, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def as_rows(matrix) -> Rows:
    ratings = from_matrix(matrix)
    return Rows.from_grouped(ratings.by_user(), ratings.values, "cpu")


def random_matrix(shape, share: float, seed: int):
    draw = np.random.default_rng(seed)
    return np.where(draw.random(shape) < share, draw.standard_normal(shape), X)


def a_network(rows: Rows, options: AutoencoderOptions = SMALL) -> Network:
    network = Network(rows, options, torch.Generator().manual_seed(0))
    # No weight stays 0, so that all gradients count.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
    return network.eval()


def dense_forward(network: Network, x: torch.Tensor, activation: str) -> torch.Tensor:
    """Compute the network by definition, on whole rows."""
    (*inner, last), (*offsets, end) = network.weights, network.offsets
    for weight, offset in zip(inner, offsets, strict=True):
        x = ACTIVATIONS[activation](x @ weight + offset)
    return x @ last.T + end


@given(
    n_rows=st.integers(1, 9),
    n_columns=st.integers(1, 6),
    size=st.integers(1, 5),
    at_once=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_batches_of_reordered_rows_hold_the_same_cells(
    n_rows: int, n_columns: int, size: int, at_once: int, seed: int
) -> None:
    matrix = random_matrix((n_rows, n_columns), 0.5, seed)
    order = np.random.default_rng(seed).permutation(n_rows)

    with mock.patch("benchbox_autoencoders.rows._AT_ONCE", at_once):
        batches = [*as_rows(matrix).batches(torch.from_numpy(order), size, True)]

    expected = np.nan_to_num(matrix[order]).astype(np.float32)
    dense = [batch.cells.dense(batch.values) for batch in batches]
    assert [len(part) for part in dense[:-1]] == [size] * (len(dense) - 1)
    assert np.array_equal(expected, torch.cat(dense))
    transposed = [
        by_column(batch.cells, batch.values, torch.eye(batch.cells.n_rows)).T
        for batch in batches
    ]
    assert np.array_equal(expected, torch.cat(transposed))


@pytest.mark.parametrize("hidden_units", [(4,), (4, 2, 3)])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_loss_and_gradients_equal_a_masked_dense_computation(
    hidden_units: tuple[int, ...], activation: str
) -> None:
    rows = as_rows(random_matrix((7, 5), 0.6, seed=1))
    # With a learning rate of 1, weights change by exactly the gradient.
    options = AutoencoderOptions(
        hidden_units=hidden_units,
        activation=activation,
        optimizer="sgd",
        learning_rate=1.0,
        weight_decay=0.0,
    )
    network = a_network(rows, options)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    batch = next(rows.batches(torch.arange(7), 7))
    x = batch.cells.dense(batch.values)
    mask = batch.cells.dense(torch.ones_like(batch.values))
    naive = (mask * (dense_forward(network, x, activation) - x)).square().sum()
    naive = naive / mask.sum()
    expected = torch.autograd.grad(naive, list(network.parameters()))

    loss = DeviceCells(network, options).epoch(rows, torch.arange(7))

    assert loss == pytest.approx(float(naive.detach()))
    moved = [
        one - other for one, other in zip(before, network.parameters(), strict=True)
    ]
    torch.testing.assert_close(moved, [*expected])


def test_one_step_of_training_follows_the_naive_gradient() -> None:
    rows = as_rows(random_matrix((6, 5), 0.6, seed=2))
    options = AutoencoderOptions(
        hidden_units=(3,),
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.01,
        input_dropout=0,
        batch_size=6,
        epochs=1,
    )
    start = Network(rows, options, torch.Generator().manual_seed(5))
    batch = next(rows.batches(torch.arange(6), 6))
    x = batch.cells.dense(batch.values)
    mask = (x != 0).float()
    output = dense_forward(start, x, "sigmoid")
    loss = (mask * (output - x)).square().sum() / mask.sum()
    slopes = torch.autograd.grad(loss, list(start.weights))

    trained = train_network(rows, options, FitContext(seed=5))

    for before, slope, after in zip(
        start.weights, slopes, trained.weights, strict=True
    ):
        expected = before - 0.1 * (slope + 0.01 * before)
        torch.testing.assert_close(after, expected)


def test_cells_are_read_in_any_order_and_as_often_as_asked(monkeypatch) -> None:
    matrix = random_matrix((11, 5), 0.5, seed=3)
    rows = as_rows(matrix)
    network = a_network(rows)
    draw = np.random.default_rng(0)
    asked = draw.integers(0, 11, 40), draw.integers(0, 5, 40)
    x = torch.from_numpy(np.nan_to_num(matrix)).float()
    expected = dense_forward(network, x, "sigmoid").detach().numpy()[asked]
    monkeypatch.setattr("benchbox_autoencoders.reading._BLOCK", 4)

    read = Reader(rows, *asked).read(network)

    np.testing.assert_allclose(expected, read, rtol=1e-5)


def test_no_pairs_give_no_predictions() -> None:
    none = np.zeros(0, dtype=np.int32)
    train = from_matrix(checkerboard(4, 4))
    model = UserAutoencoder(SMALL)
    model.fit(train, FitContext())

    assert model.predict(train, none, none).shape == (0,)


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    model, options
) -> None:
    train, _ = hide(low_rank(60, 50, rank=2, seed=0), 0.5, seed=0)

    one, same, other = (predict_all(model(options), train, seed=s) for s in (1, 1, 2))

    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_a_second_fit_forgets_the_first_and_modifies_no_input(model, options) -> None:
    train, _ = hide(low_rank(12, 10, rank=2, seed=0), 0.5, seed=0)
    for column in (train.users, train.items, train.values):
        column.flags.writeable = False
    used = model(options)
    used.fit(from_matrix(checkerboard(5, 7)), FitContext(seed=3))

    assert np.array_equal(predict_all(model(options), train), predict_all(used, train))


@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
@pytest.mark.parametrize("route", ["sparse", "dense"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", DEVICES)
def test_a_checkerboard_is_filled_in(model, route, precision, device) -> None:
    train, hidden = hide(checkerboard(60, 50), 0.3, seed=0)
    options = AutoencoderOptions(hidden_units=(10,), learning_rate=0.02, epochs=40)
    options = msgspec.structs.replace(options, batch_size=20, weight_decay=1e-4)
    model = model(msgspec.structs.replace(options, route=route))
    model.fit(train, FitContext(device=device, precision=precision))

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.3


@pytest.mark.parametrize("hidden_units", [(16,), (16, 8, 16)])
def test_planted_factors_that_biases_cannot_see_are_found(hidden_units) -> None:
    train, hidden = hide(low_rank(150, 80, rank=2, seed=4), 0.3, seed=4)
    options = AutoencoderOptions(
        hidden_units=hidden_units,
        activation="tanh",
        learning_rate=0.01,
        weight_decay=1e-4,
        epochs=60,
        batch_size=30,
    )
    model = UserAutoencoder(options)
    model.fit(train, FitContext())
    bias = fit_bias_model(train).predict(hidden.users, hidden.items)

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.5 * rmse(bias, hidden.values)


@pytest.mark.parametrize(("model", "options"), [MODELS[0], MODELS[2]])
def test_a_new_user_with_a_known_user_s_history_gets_their_predictions(
    model, options
) -> None:
    matrix = np.vstack([checkerboard(12, 8), np.full(8, X)])
    matrix[0, 3] = X
    train = from_matrix(matrix)
    matrix[12] = matrix[0]

    predicted = predict_all(model(options), train, history=from_matrix(matrix))

    np.testing.assert_allclose(predicted[0], predicted[12], rtol=1e-5)


def test_a_changed_history_changes_only_that_user_s_predictions() -> None:
    matrix = checkerboard(12, 8)
    train = from_matrix(matrix)
    matrix[3] = matrix[3, ::-1]
    model = UserAutoencoder(SMALL)

    before = predict_all(model, train)
    after = predict_all(model, train, history=from_matrix(matrix))

    changed = ~np.isclose(before, after, rtol=1e-5).all(axis=1)
    assert np.flatnonzero(changed).tolist() == [3]


def test_the_item_model_reads_training_columns_whatever_the_history() -> None:
    train = from_matrix(checkerboard(12, 8))
    of_user_3 = train.take(np.flatnonzero(train.users == 3))
    model = ItemAutoencoder(SMALL)

    before = predict_all(model, train)
    after = predict_all(model, train, history=of_user_3)

    np.testing.assert_allclose(before[3], after[3], rtol=1e-5)


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_cold_items_are_predicted_by_the_bias_model_or_almost(model, options) -> None:
    matrix = checkerboard(12, 8)
    matrix[5, :] = matrix[:, 7] = X
    train = from_matrix(matrix)
    expected = fit_bias_model(train).predict(*all_pairs(train)).reshape(12, 8)

    predicted = predict_all(model(options), train)

    cold = np.s_[:, 7] if model is UserAutoencoder else np.s_[5, :]
    np.testing.assert_allclose(expected[cold], predicted[cold], rtol=1e-5)
    np.testing.assert_allclose(expected, predicted, atol=3)


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_moving_and_stretching_the_scale_moves_and_stretches_predictions(
    model, options
) -> None:
    # Some of these ratings are 0 or negative, which makes no difference.
    matrix, _ = hide(low_rank(12, 10, rank=2, seed=0), 0.4, seed=0)
    cells = np.full((12, 10), X)
    cells[matrix.users, matrix.items] = np.round(matrix.values)

    one = predict_all(model(options), from_matrix(cells))
    other = predict_all(model(options), from_matrix(10 * cells + 3))

    np.testing.assert_allclose(10 * one + 3, other, atol=1e-3)


@pytest.mark.parametrize(("model", "options"), MODELS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 3)])
def test_one_rating_or_equal_ratings_give_finite_predictions(
    model, options, shape
) -> None:
    alone = np.full(shape, X)
    alone[0, 0] = 0.0

    for matrix in (alone, np.full(shape, 4.0)):
        predicted = predict_all(model(options), from_matrix(matrix))

        assert np.isfinite(predicted).all()
        assert np.float32 == predicted.dtype


@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
def test_no_matrix_of_all_users_and_items_is_ever_made(model) -> None:
    # Dense, these ratings would take 160 GB.
    train = Ratings(
        users=np.array([0, 7, 199_999], dtype=np.int32),
        items=np.array([5, 199_999, 5], dtype=np.int32),
        values=np.array([1, 2, 3], dtype=np.float32),
        n_users=200_000,
        n_items=200_000,
        scale=from_matrix([[1.0]]).scale,
    )
    model = model(msgspec.structs.replace(SMALL, hidden_units=(2,), epochs=1))
    model.fit(train, FitContext())

    assert np.isfinite(model.predict(train, train.users, train.items)).all()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_lowers_the_loss(optimizer: str) -> None:
    losses = []
    options = msgspec.structs.replace(
        SMALL, optimizer=optimizer, epochs=8, learning_rate=0.01, input_dropout=0
    )
    context = FitContext(on_report=lambda report: losses.append(report.loss))

    UserAutoencoder(options).fit(from_matrix(checkerboard(20, 12)), context)

    assert losses[-1] < losses[0]


def validating(train: Ratings, hidden: Ratings, reports: list) -> FitContext:
    return FitContext(
        validation=hidden, validation_history=train, on_report=reports.append
    )


@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
def test_training_ends_by_patience_and_returns_the_best_epoch(model) -> None:
    # Pure noise: after the first epochs there is only overfitting.
    noise = random_matrix((40, 30), 1.0, seed=0)
    train, hidden = hide(noise, 0.3, seed=0)
    options = AutoencoderOptions(
        learning_rate=0.05,
        weight_decay=0,
        epochs=50,
        patience=3,
        input_dropout=0,
        shrink=False,
    )
    reports: list = []
    model = model(options)
    model.fit(train, validating(train, hidden, reports))

    errors = [report.validation_rmse for report in reports]
    best = int(np.argmin(errors))
    predicted = model.predict(train, hidden.users, hidden.items)

    assert best + 1 + 3 == len(errors) < 50
    assert rmse(predicted, hidden.values) == pytest.approx(errors[best], rel=1e-5)


def test_a_refit_trains_for_the_given_number_of_epochs() -> None:
    reports: list = []
    context = FitContext(epochs=7, on_report=reports.append)
    UserAutoencoder(SMALL).fit(from_matrix(checkerboard(6, 6)), context)

    assert [(n, 7) for n in range(1, 8)] == [(r.epoch, r.n_epochs) for r in reports]
    assert {None} == {r.validation_rmse for r in reports}


@pytest.mark.parametrize("kind", ["bias", "mean", "none"])
def test_centring_is_undone_exactly(kind) -> None:
    ratings, _ = hide(3 + low_rank(9, 8, rank=1, seed=0), 0.4, seed=0)
    centre = fit_centre(ratings, kind)

    scaled = centre.scaled(ratings)
    centres = centre.of(ratings, ratings.users, ratings.items)
    restored = centre.restored(scaled, centres)

    np.testing.assert_allclose(ratings.values, restored, atol=1e-5)
    if kind == "none":
        np.testing.assert_array_equal(ratings.values, scaled)
    else:
        assert np.sqrt(np.mean(np.square(scaled))) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "expected"), [("300", (300,)), ("300-100-300", (300, 100, 300))]
)
def test_hidden_units_are_read_from_the_command_line(text: str, expected) -> None:
    _, settings = split_choice(f"autorec-user:hidden_units={text}")

    assert expected == decode(AutoencoderOptions, settings, "autorec-user").hidden_units


def test_a_saved_model_predicts_without_loading_numba() -> None:
    code = (
        "import sys, benchbox_autoencoders.models;"
        "sys.exit('numba' in sys.modules or 'torch' not in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
    )


def test_only_models_over_users_are_inductive() -> None:
    specs = {spec.name: spec for spec in benchbox_models()}

    inductive = {name for name, s in specs.items() if s.capabilities.inductive}
    assert inductive == {"autorec-user", "stacked-autoencoder"}
    assert set(specs) - inductive == {"autorec-item", "sparse-fc", "glocal-k"}
    assert len(StackedOptions().hidden_units) == 3


@pytest.mark.parametrize("device", [ACCELERATOR])
@pytest.mark.parametrize("route", ["sparse", "dense"])
@pytest.mark.parametrize(("model", "options"), MODELS)
def test_a_gpu_predicts_the_same_as_the_cpu(model, options, route, device) -> None:
    train, _ = hide(low_rank(60, 50, rank=2, seed=0), 0.5, seed=0)
    # No dropout, because each device draws its own.
    options = msgspec.structs.replace(
        options, input_dropout=0.0, dropout=0.0, route=route
    )
    predicted = []
    for where in ("cpu", device):
        fitted = model(options)
        fitted.fit(train, FitContext(device=where))
        predicted.append(fitted.predict(train, *all_pairs(train)))

    np.testing.assert_allclose(*predicted, atol=1e-3)

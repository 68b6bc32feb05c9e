"""The sparse route: the same steps as the dense ones, at rated cells alone."""

import itertools

import numpy as np
import pytest
import torch
from benchbox_autoencoders import kernels
from benchbox_autoencoders.dense import DenseSteps
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.reading import Reader
from benchbox_autoencoders.route import choose_route
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import SparseSteps
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_ratings import all_pairs, from_matrix, hide, low_rank

from benchbox import FitContext
from benchbox.errors import ModelError


def some_rows(n_rows: int = 11, n_columns: int = 7, share: float = 0.5) -> Rows:
    """Return random rows in float64; some may be empty, and some columns unrated."""
    draw = np.random.default_rng(3)
    matrix = np.where(draw.random((n_rows, n_columns)) < share, 1.0, np.nan)
    matrix *= draw.normal(size=matrix.shape)
    matrix[:, -1] = np.nan
    matrix[2] = np.nan
    matrix[0, 0] = 0.0
    ratings = from_matrix(matrix)
    rows = Rows.from_grouped(ratings.by_user(), ratings.values, "cpu")
    return Rows(
        offsets=rows.offsets,
        columns=rows.columns,
        values=rows.values.double(),
        n_columns=rows.n_columns,
    )


def twins(rows: Rows, options: AutoencoderOptions) -> tuple[Network, Network]:
    """Return two equal networks in float64, away from their starts of zeros."""
    made = []
    for _ in range(2):
        network = Network(rows, options, torch.Generator().manual_seed(0)).double()
        noise = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.3 * torch.randn(
                    parameter.shape, generator=noise, dtype=torch.float64
                )
        made.append(network.train())
    return made[0], made[1]


COMMON = {"batch_size": 4, "learning_rate": 0.05, "input_dropout": 0.0}
CASES = [
    {"hidden_units": (5,)},
    {"hidden_units": (5, 3, 4), "activation": "tanh"},
    {"hidden_units": (4, 4), "activation": "selu", "weight_decay": 0.1},
    {"hidden_units": (3,), "output_activation": "sigmoid"},
    {"hidden_units": (3,), "output_activation": "tanh", "weight_decay": 0.05},
    {"hidden_units": (3,), "optimizer": "adamw", "weight_decay": 2.0},
    {"hidden_units": (1,), "activation": "relu", "batch_size": 1},
]


@pytest.mark.parametrize("settings", CASES, ids=str)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_sparse_and_dense_steps_move_every_weight_alike(settings, n_threads) -> None:
    options = AutoencoderOptions(**COMMON | settings)
    rows = some_rows()
    dense, sparse = twins(rows, options)
    order = torch.tensor([0, 5, 1, 3, 4, 10, 9, 8, 7, 6])
    steps = DenseSteps(dense, options), SparseSteps(sparse, options, n_threads)

    for _ in range(3):
        losses = [taker.epoch(rows, order) for taker in steps]

        assert losses[0] == pytest.approx(losses[1], rel=1e-10)
    for one, other in zip(dense.parameters(), sparse.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@given(
    n_rows=st.integers(1, 8),
    n_columns=st.integers(2, 8),
    share=st.floats(0.2, 1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25)
def test_any_pattern_of_ratings_is_read_alike_on_both_routes(
    n_rows, n_columns, share, seed
) -> None:
    draw = np.random.default_rng(seed)
    rated = draw.random((n_rows, n_columns)) < share
    rated[0, 0] = True
    ratings = from_matrix(np.where(rated, draw.normal(size=rated.shape), np.nan))
    rows = Rows.from_grouped(ratings.by_user(), ratings.values, "cpu")
    options = AutoencoderOptions(hidden_units=(4, 3))
    network = Network(rows, options, torch.Generator().manual_seed(0))
    torch.nn.init.normal_(network.weights[-1], generator=torch.Generator())
    asked = draw.integers(0, n_rows, 20), draw.integers(0, n_columns, 20)
    reader = Reader(rows, *asked)

    network.route = "dense"
    dense = reader.read(network)
    network.route = "sparse"
    sparse = reader.read(network)

    np.testing.assert_allclose(sparse, dense, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
def test_both_routes_learn_the_same_model(model) -> None:
    train, hidden = hide(low_rank(30, 20, rank=2, seed=1), 0.4, seed=2)
    predicted = []
    for route in ("dense", "sparse"):
        options = AutoencoderOptions(
            hidden_units=(8,), input_dropout=0.0, epochs=5, batch_size=8, route=route
        )
        fitted = model(options)
        fitted.fit(train, FitContext(seed=4, n_threads=2))
        predicted.append(fitted.predict(train, hidden.users, hidden.items))

    np.testing.assert_allclose(predicted[0], predicted[1], rtol=1e-3, atol=1e-3)


def test_the_same_seed_and_threads_give_the_same_bytes() -> None:
    train, _ = hide(low_rank(40, 25, rank=2, seed=1), 0.7, seed=2)
    options = AutoencoderOptions(hidden_units=(8, 4, 8), epochs=4, route="sparse")
    predicted = []
    for _ in range(2):
        model = UserAutoencoder(options)
        model.fit(train, FitContext(seed=4, n_threads=2))
        predicted.append(model.predict(train, *all_pairs(train)).tobytes())

    assert predicted[0] == predicted[1]


def test_the_route_follows_from_density_device_and_optimizer() -> None:
    thin, thick = some_rows(share=0.1), some_rows(share=0.9)
    options = AutoencoderOptions()

    assert choose_route(thin, options, "cpu") == "sparse"
    assert choose_route(thick, options, "cpu") == "dense"
    assert choose_route(thin, options, "cuda:0") == "dense"
    for optimizer, device in itertools.product(("rmsprop", "sgd"), ("cpu",)):
        other = AutoencoderOptions(optimizer=optimizer)
        assert choose_route(thin, other, device) == "dense"


def test_the_route_taken_is_noted() -> None:
    notes: dict[str, str] = {}
    train, _ = hide(low_rank(30, 20, rank=2, seed=1), 0.9, seed=2)
    context = FitContext(on_note=notes.__setitem__)

    UserAutoencoder(AutoencoderOptions(hidden_units=(3,), epochs=1)).fit(train, context)

    assert notes == {"route": "sparse"}


@pytest.mark.parametrize(
    ("optimizer", "device", "message"),
    [
        ("sgd", "cpu", "adam or adamw, not by sgd"),
        ("adam", "cuda:0", "runs on the cpu, not on cuda:0"),
    ],
)
def test_a_sparse_route_where_there_is_none_is_refused(
    optimizer, device, message, monkeypatch
) -> None:
    from benchbox_autoencoders.route import check_route

    options = AutoencoderOptions(optimizer=optimizer, route="sparse")

    with pytest.raises(ModelError, match=message):
        check_route(options, device)


def test_the_kernels_are_loaded_when_the_model_is_built_not_when_it_is_fitted() -> None:
    UserAutoencoder(AutoencoderOptions())

    assert all(kernel.signatures for kernel in (kernels.step_output, kernels.sample))


def test_a_loss_that_is_no_number_stays_none() -> None:
    rows = some_rows()
    options = AutoencoderOptions(hidden_units=(3,), batch_size=20, input_dropout=0.0)
    _, network = twins(rows, options)
    with torch.no_grad():
        network.weights[-1].fill_(torch.nan)

    loss = SparseSteps(network, options, 2).epoch(rows, torch.tensor([0, 1, 3]))

    assert np.isnan(loss)

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import msgspec
import numpy as np
import pytest
import torch
from benchbox_embeddings import benchbox_models
from benchbox_embeddings.centring import TensorCentre
from benchbox_embeddings.heads import InnerProduct, Perceptron
from benchbox_embeddings.models import BiasedMFSGD, NeuralCF
from benchbox_embeddings.negatives import Negatives
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import (
    BiasedMFSGDOptions,
    EmbeddingOptions,
    NeuralCFOptions,
    RowOptimizer,
)
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.rows import rows_of
from benchbox_embeddings.training import Steps
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError, UsageError
from benchbox.models.bias import fit_bias_model
from benchbox.models.training.activations import ACTIVATIONS
from benchbox.models.training.centring import fit_centre
from benchbox.options import decode, split_choice
from tests.support.devices import DEVICES, set_determinism
from tests.support.toy_ratings import (
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

X = np.nan
ROW_OPTIMIZERS = ["row-sgd", "row-adagrad", "row-adam"]
OPTIMIZERS = ["adam", "adamw", "rmsprop", "sgd", *ROW_OPTIMIZERS]
SMALL_MF = BiasedMFSGDOptions(
    centring="mean",
    n_factors=4,
    optimizer="adam",
    weight_decay=3e-4,
    ridge=0.0,
    learning_rate=0.01,
    schedule="constant",
    epochs=4,
    batch_size=16,
)
SMALL_CF = NeuralCFOptions(
    n_factors=4,
    hidden_units=(6,),
    activation="relu",
    optimizer="adam",
    weight_decay=3e-4,
    ridge=0.0,
    learning_rate=0.01,
    schedule="constant",
    epochs=4,
    batch_size=16,
)

MODELS = [
    pytest.param(BiasedMFSGD, SMALL_MF, id="mf"),
    pytest.param(NeuralCF, SMALL_CF, id="cf"),
    pytest.param(
        NeuralCF,
        msgspec.structs.replace(
            SMALL_CF, hidden_units=(5, 3), dropout=0.2, negative_ratio=0.5, l1=1e-4
        ),
        id="cf-all",
    ),
]


@pytest.fixture(autouse=True)
def threads(request) -> Iterator[None]:
    """Use the runner's settings for the CPU; such small steps need only one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(getattr(request, "param", 1))
    set_determinism(request)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(before)


def predict_all(model, train: Ratings, seed: int = 0, precision: str = "float32"):
    model.fit(train, FitContext(seed=seed, precision=precision))
    return model.predict(train, *all_pairs(train)).reshape(train.n_users, train.n_items)


def half_hidden(shape=(12, 10), seed: int = 0) -> Ratings:
    train, _ = hide(low_rank(*shape, rank=2, seed=seed), 0.5, seed=seed)
    return train


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def a_network(train: Ratings, options: EmbeddingOptions = SMALL_CF) -> Network:
    """Return a float64 network without zero weights, so that all gradients count."""
    sides = getattr(options, "side_features", ())
    rows = [
        rows_of(train, side, with_features=side in sides) for side in ("users", "items")
    ]
    head: InnerProduct | Perceptron
    if isinstance(options, NeuralCFOptions):
        head = Perceptron(*rows, options, generator(), generator())
    else:
        head = InnerProduct(train.n_users, train.n_items)
    network = Network(*rows, options.n_factors, head, generator(1)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
    return network


def as_pairs(train: Ratings) -> Pairs:
    return Pairs(
        torch.from_numpy(train.users),
        torch.from_numpy(train.items),
        torch.from_numpy(train.values.astype(np.float64)),
    )


def naive_forward(network: Network, user: int, item: int) -> torch.Tensor:
    """Compute one prediction by definition."""
    head = network.head
    p, q = network.users.weight[user], network.items.weight[item]
    if isinstance(head, InnerProduct):
        return head.offsets[0][user] + head.offsets[1][item] + sum(p * q)
    x = torch.cat([p, q, head.user_features[user], head.item_features[item]])
    *inner, last = zip(head.weights, head.offsets, strict=True)
    for weight, offset in inner:
        x = head._activation(weight @ x + offset)
    return head._output_activation(last[0] @ x + last[1])[0]


def naive_loss(network: Network, train: Ratings) -> torch.Tensor:
    cells = zip(train.users, train.items, train.values.astype(float), strict=True)
    errors = [naive_forward(network, u, i) - value for u, i, value in cells]
    return torch.stack(errors).square().sum()


PERCEPTRONS = [
    NeuralCFOptions(n_factors=3, hidden_units=units, activation=f, output_activation=g)
    for units in ((4,), (4, 2, 3))
    for f, g in (("relu", "identity"), ("tanh", "sigmoid"), ("swish", "tanh"))
]


@pytest.mark.parametrize("options", [SMALL_MF, *PERCEPTRONS])
def test_loss_and_gradients_equal_a_computation_pair_by_pair(options) -> None:
    train = half_hidden((7, 5))
    network = a_network(train, options)
    parameters = list(network.parameters())

    loss = Steps(network, options, 16).squared_error(as_pairs(train))
    gradients = torch.autograd.grad(loss, parameters)

    naive = naive_loss(network, train)
    expected = torch.autograd.grad(naive, parameters)
    torch.testing.assert_close(loss, naive)
    torch.testing.assert_close(gradients, expected)


def test_features_are_inputs_in_addition_to_the_embeddings() -> None:
    train = with_features(half_hidden((7, 5)))
    options = msgspec.structs.replace(SMALL_CF, side_features=("users", "items"))
    network = a_network(train, options)

    loss = Steps(network, options, 16).squared_error(as_pairs(train))

    assert network.head.weights[0].shape == (6, 4 + 4 + 1 + 2)
    torch.testing.assert_close(loss, naive_loss(network, train))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_works_in_hidden_and_output_layers(activation: str) -> None:
    train = half_hidden((7, 5))
    options = msgspec.structs.replace(
        SMALL_CF, activation=activation, output_activation=activation
    )
    network = a_network(train, options)

    loss = Steps(network, options, 16).squared_error(as_pairs(train))

    torch.testing.assert_close(loss, naive_loss(network, train))


@pytest.mark.parametrize("options", [SMALL_MF, SMALL_CF])
def test_one_step_follows_the_naive_gradient_with_weight_decay_only_on_weights(
    options,
) -> None:
    train = half_hidden((7, 5))
    options = msgspec.structs.replace(
        options,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.01,
        l1=0.003,
        batch_size=len(train),
    )
    start, network = a_network(train, options), a_network(train, options)
    slopes = torch.autograd.grad(
        naive_loss(start, train) / len(train), list(start.parameters())
    )

    Steps(network, options, len(train)).epoch(as_pairs(train), generator())

    undecayed = {id(offsets) for offsets in start.offsets}
    assert undecayed
    for before, slope, after in zip(
        start.parameters(), slopes, network.parameters(), strict=True
    ):
        decay = 0.0 if id(before) in undecayed else 0.01
        whole = slope + decay * before + 0.003 * before.sign()
        torch.testing.assert_close(after, before - 0.1 * whole)


def test_every_parameter_is_either_decayed_or_not() -> None:
    for options in (SMALL_MF, SMALL_CF):
        network = a_network(half_hidden(), options)

        own = [id(p) for p in (*network.weights, *network.offsets)]

        assert sorted(own) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("options", [SMALL_MF, SMALL_CF])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_network_returns_one_number_per_pair(options, n: int) -> None:
    network = a_network(half_hidden(), options)
    index = torch.zeros(n, dtype=torch.int32)

    assert network(index, index).shape == (n,)


@pytest.mark.parametrize("n", [1, 2])
def test_a_head_that_returns_a_column_is_refused(n: int) -> None:
    class Column(InnerProduct):
        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return super().forward(*inputs)[:, None]

    train = half_hidden()
    rows = [rows_of(train, side, with_features=False) for side in ("users", "items")]
    head = Column(train.n_users, train.n_items)
    network = Network(*rows, 2, head, generator())
    some = train.take(np.arange(n))

    # Broadcasting against the ratings would make the network learn only their mean.
    with pytest.raises(RuntimeError, match="1D tensors expected"):
        Steps(network.double(), SMALL_MF, 16).squared_error(as_pairs(some))


@given(n=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 99))
def test_every_pair_is_in_exactly_one_batch(n: int, size: int, seed: int) -> None:
    column = torch.arange(n)
    order = torch.randperm(n, generator=generator(seed))

    batches = list(Pairs(column, column + 1, column + 2).batches(order, size))

    assert [size] * (n // size) == [len(b) for b in batches if len(b) == size]
    assert sorted(torch.cat([b.users for b in batches]).tolist()) == list(range(n))
    assert all((b.items - b.users == 1).all() for b in batches)
    assert all((b.targets - b.users == 2).all() for b in batches)


cells = st.lists(
    st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6
).filter(lambda rows: any(map(any, rows)))


@given(rated=cells, ratio=st.floats(0, 3.5), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_negatives_are_as_many_unrated_items_as_asked_for(rated, ratio, seed) -> None:
    mask = np.array(rated)
    train = from_matrix(np.where(mask, 1.0, X))
    known = mask.any(axis=0)
    free = (known & ~mask).any(axis=1)
    n_eligible = int(free[train.users].sum())

    negatives = Negatives(train, ratio, "cpu")
    users, items = (x.numpy() for x in negatives.draw(generator(seed)))

    assert not mask[users, items].any()
    assert known[items].all()
    whole = int(ratio)
    assert len(users) == whole * n_eligible + round((ratio - whole) * n_eligible)
    counts = np.bincount(train.users[free[train.users]], minlength=len(mask))
    drawn = np.bincount(users, minlength=len(mask))
    assert (drawn >= whole * counts).all()
    assert (drawn <= (whole + 1) * counts).all()


def test_all_unrated_items_are_drawn_equally_often() -> None:
    matrix = np.full((2, 12), X)
    matrix[0, [0, 3, 4, 11]] = matrix[1] = 1.0
    train = from_matrix(matrix)

    _, items = Negatives(train, 2_000, "cpu").draw(generator())

    drawn = np.bincount(items.numpy(), minlength=12)
    assert np.flatnonzero(drawn).tolist() == [1, 2, 5, 6, 7, 8, 9, 10]
    # Mean 1000, deviation about 30.
    assert abs(drawn[drawn > 0] - 1000).max() < 150


def test_users_who_rated_everything_get_no_negatives() -> None:
    users, items = Negatives(from_matrix(np.ones((3, 4))), 5.0, "cpu").draw(generator())

    assert len(users) == len(items) == 0


def test_negatives_pull_unrated_items_towards_a_rating_of_zero() -> None:
    train, hidden = hide(4 + checkerboard(30, 20) / 5, 0.3, seed=0)
    options = msgspec.structs.replace(
        SMALL_CF, epochs=30, learning_rate=0.02, batch_size=64
    )
    without = NeuralCF(options)
    misled = NeuralCF(msgspec.structs.replace(options, negative_ratio=2.0))
    predicted = []
    for model in (without, misled):
        model.fit(train, FitContext())
        predicted.append(model.predict(train, hidden.users, hidden.items))

    assert rmse(predicted[0], hidden.values) < 0.5
    assert predicted[1].mean() < 2
    assert rmse(predicted[1], hidden.values) > 2


def test_every_epoch_draws_new_negatives() -> None:
    negatives, chance = Negatives(half_hidden((30, 20)), 1.0, "cpu"), generator()

    one, other = (negatives.draw(chance)[1].tolist() for _ in range(2))

    assert one != other


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_factors", 5),
        ("centring", "none"),
        ("centring", "bias"),
        ("negative_ratio", 0.3),
        ("l1", 0.01),
        ("optimizer", "adamw"),
        ("optimizer", "rmsprop"),
        ("optimizer", "sgd"),
        ("optimizer", "row-sgd"),
        ("optimizer", "row-adagrad"),
        ("optimizer", "row-adam"),
        ("learning_rate", 0.1),
        ("ridge", 0.5),
        ("weight_decay", 0.5),
        ("batch_size", 7),
        ("epochs", 3),
        ("hidden_units", (5, 4)),
        ("activation", "tanh"),
        ("output_activation", "tanh"),
        ("dropout", 0.4),
        ("side_features", ("users",)),
        ("side_features", ("items",)),
        ("side_features", ("users", "items")),
    ],
)
@pytest.mark.parametrize("model", [BiasedMFSGD, NeuralCF])
def test_every_option_has_an_effect(model, setting: str, value) -> None:
    options = SMALL_MF if model is BiasedMFSGD else SMALL_CF
    if not hasattr(options, setting):
        pytest.skip("only the other model has this option")
    train = with_features(half_hidden())
    other = msgspec.structs.replace(options, **{setting: value})

    assert not np.array_equal(
        predict_all(model(options), train), predict_all(model(other), train)
    )


@pytest.mark.parametrize(
    "text",
    [
        "n_factors=0",
        "hidden_units=",
        "hidden_units=5-0",
        "dropout=1",
        "negative_ratio=-1",
        "l1=-1",
        "learning_rate=0",
        "centring=median",
        "activation=step",
        "side_features=films",
    ],
)
def test_an_option_out_of_range_is_refused(text: str) -> None:
    _, chosen = split_choice(f"neural-cf:{text}")

    with pytest.raises(UsageError, match=r"^neural-cf cannot take "):
        decode(NeuralCFOptions, chosen, "neural-cf")


def test_options_are_read_from_the_command_line() -> None:
    _, chosen = split_choice(
        "neural-cf:hidden_units=128-128,side_features=users-items,negative_ratio=0.5"
    )

    options = decode(NeuralCFOptions, chosen, "neural-cf")

    assert options.hidden_units == (128, 128)
    assert options.side_features == ("users", "items")
    assert options.negative_ratio == 0.5


def test_the_option_negative_ratio_states_its_cost() -> None:
    assert "predicted worse" in " ".join(str(EmbeddingOptions.__doc__).split())


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    model, options
) -> None:
    train = half_hidden((30, 20))

    one, same, other = (predict_all(model(options), train, seed=s) for s in (1, 1, 2))

    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize("optimizer", get_args(RowOptimizer))
@pytest.mark.parametrize(
    ("model", "options"), [(BiasedMFSGD, SMALL_MF), (NeuralCF, SMALL_CF)]
)
def test_every_optimizer_gives_the_same_bytes_twice(model, options, optimizer) -> None:
    options = msgspec.structs.replace(options, optimizer=optimizer, epochs=2)
    train = half_hidden((30, 20))

    one, same = (predict_all(model(options), train) for _ in range(2))

    assert one.tobytes() == same.tobytes()


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize(("model", "options"), MODELS)
def test_two_threads_give_the_same_bytes_each_time(model, options, monkeypatch) -> None:
    # Large enough for both to have a share of every sum.
    monkeypatch.setattr("benchbox_embeddings.threads._PRODUCTS", 0)
    train = half_hidden((400, 300))
    options = msgspec.structs.replace(
        options, n_factors=32, batch_size=20_000, epochs=2
    )

    one, same = (predict_all(model(options), train) for _ in range(2))

    assert one.tobytes() == same.tobytes()


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize(
    ("options", "n_threads"),
    [
        ({}, 1),
        ({"batch_size": 1 << 20, "n_factors": 64}, 2),
        ({"n_factors": 1 << 16}, 2),
    ],
)
def test_small_steps_take_one_thread_and_give_the_others_back(
    options, n_threads: int
) -> None:
    seen, notes = [], {}
    context = FitContext(
        on_report=lambda report: seen.append(torch.get_num_threads()),
        on_note=notes.__setitem__,
    )

    options = msgspec.structs.replace(SMALL_MF, epochs=1, **options)
    BiasedMFSGD(options).fit(half_hidden(), context)

    assert seen == [n_threads]
    assert notes == {"threads": str(n_threads)}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_a_second_fit_forgets_the_first_and_inputs_stay(model, options) -> None:
    train = half_hidden()
    for column in (train.users, train.items, train.values):
        column.flags.writeable = False
    used = model(options)
    used.fit(from_matrix(checkerboard(5, 7)), FitContext(seed=3))

    assert np.array_equal(predict_all(model(options), train), predict_all(used, train))


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_requests_may_be_empty_repeated_read_only_and_in_any_order(
    model, options, monkeypatch
) -> None:
    monkeypatch.setattr("benchbox_embeddings.models._BLOCK", 7)
    train = half_hidden()
    fitted = model(options)
    whole = predict_all(fitted, train)
    draw = np.random.default_rng(0)

    for n in (0, 1, 7, 40):
        users = draw.integers(0, 12, n, dtype=np.int32)
        items = draw.integers(0, 10, n, dtype=np.int32)
        users.flags.writeable = items.flags.writeable = False
        predicted = fitted.predict(train, users, items)

        assert predicted.dtype == np.float32
        np.testing.assert_allclose(whole[users, items], predicted, atol=1e-5)


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


@pytest.mark.parametrize(("model", "options"), [MODELS[0], MODELS[1]])
@pytest.mark.parametrize("centring", ["bias", "mean"])
def test_moving_and_stretching_the_scale_moves_and_stretches_predictions(
    model, options, centring
) -> None:
    # Some of these ratings are 0 or negative, which makes no difference.
    ratings = half_hidden()
    cells = np.full((12, 10), X)
    cells[ratings.users, ratings.items] = np.round(ratings.values)
    options = msgspec.structs.replace(options, centring=centring)

    one = predict_all(model(options), from_matrix(cells))
    other = predict_all(model(options), from_matrix(10 * cells + 3))

    np.testing.assert_allclose(10 * one + 3, other, atol=1e-3)


def well_trained(model, learning_rate: float):
    shared = {
        "n_factors": 4,
        "learning_rate": learning_rate,
        "schedule": "constant",
        "batch_size": 256,
        "optimizer": "adam",
        "ridge": 0.0,
    }
    if model is NeuralCF:
        options = NeuralCFOptions(weight_decay=1e-5, epochs=80, **shared)
    else:
        options = BiasedMFSGDOptions(weight_decay=1e-4, epochs=150, **shared)
    return model(options)


@pytest.mark.parametrize("model", [BiasedMFSGD, NeuralCF])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", DEVICES)
def test_a_checkerboard_is_filled_in(model, precision, device) -> None:
    train, hidden = hide(checkerboard(60, 50), 0.3, seed=0)
    model = well_trained(model, learning_rate=0.02)
    model.fit(train, FitContext(device=device, precision=precision))

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.3


@pytest.mark.parametrize("model", [BiasedMFSGD, NeuralCF])
def test_planted_factors_that_biases_cannot_see_are_found(model) -> None:
    train, hidden = hide(low_rank(150, 80, rank=2, seed=4), 0.3, seed=4)
    model = well_trained(model, learning_rate=0.01)
    model.fit(train, FitContext())
    bias = fit_bias_model(train).predict(hidden.users, hidden.items)

    predicted = model.predict(train, hidden.users, hidden.items)

    assert rmse(predicted, hidden.values) < 0.5 * rmse(bias, hidden.values)


def with_a_cold_user_and_item() -> Ratings:
    matrix = 3 + low_rank(40, 30, rank=1, seed=0) / 3 + np.linspace(-2, 2, 30)
    matrix[5, :] = matrix[:, 7] = X
    return from_matrix(matrix)


@pytest.mark.parametrize("centring", ["bias", "mean"])
@pytest.mark.parametrize(("model", "options"), MODELS[:2])
def test_a_cold_user_is_predicted_as_one_with_the_mean_embedding(
    model, options, centring
) -> None:
    train = with_a_cold_user_and_item()
    options = msgspec.structs.replace(options, centring=centring, epochs=20)
    fitted = model(options)
    predicted = predict_all(fitted, train)
    network = fitted._network
    trained = np.delete(np.arange(40), 5)
    with torch.no_grad():
        network.users.weight[5] = network.users.weight[trained].mean(0)
        network.users.cold[5] = 0
        centre = fitted._centre
        expected = [
            float(naive_forward(network, 5, item) * centre.spread + centre.mean)
            + float(centre.item_bias[item])
            for item in np.delete(np.arange(30), 7)
        ]

    np.testing.assert_allclose(expected, np.delete(predicted[5], 7), rtol=1e-4)


# With nonlinear layers, the mean embedding does not give the mean prediction.
@pytest.mark.parametrize(
    ("model", "options", "share"),
    [(BiasedMFSGD, SMALL_MF, 0.1), (NeuralCF, SMALL_CF, 0.7)],
)
def test_cold_users_and_items_are_predicted_almost_as_by_the_bias_model(
    model, options, share: float
) -> None:
    train = with_a_cold_user_and_item()
    options = msgspec.structs.replace(options, epochs=20, batch_size=64)
    expected = fit_bias_model(train).predict(*all_pairs(train)).reshape(40, 30)

    predicted = predict_all(model(options), train)

    spread = train.values.std()
    assert rmse(predicted[5], expected[5]) < share * spread
    assert rmse(predicted[:, 7], expected[:, 7]) < share * spread


@pytest.mark.parametrize("negative_ratio", [0.0, 2.0])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_step_moves_the_embedding_of_a_cold_row(optimizer, negative_ratio) -> None:
    options = msgspec.structs.replace(
        SMALL_CF, optimizer=optimizer, negative_ratio=negative_ratio, l1=1e-4
    )
    fitted = NeuralCF(options)
    fitted.fit(with_a_cold_user_and_item(), FitContext())

    assert not fitted._network.users.weight[5].any()
    assert not fitted._network.items.weight[7].any()
    assert fitted._network.users.weight[4].any()


def with_features(ratings: Ratings) -> Ratings:
    return replace(
        ratings,
        user_features={"parity": np.arange(ratings.n_users) % 2},
        item_features={
            "genre": np.array(["even", "odd"])[np.arange(ratings.n_items) % 2]
        },
    )


def test_only_side_features_help_to_predict_for_cold_users() -> None:
    matrix = checkerboard(60, 40)
    matrix[40:, :] = X
    train = with_features(from_matrix(matrix))
    hidden = np.repeat(np.arange(40, 60, dtype=np.int32), 40)
    items = np.tile(np.arange(40, dtype=np.int32), 20)
    truth = checkerboard(60, 40)[hidden, items]
    errors = {}
    for chosen in ((), ("users",), ("users", "items")):
        options = msgspec.structs.replace(
            SMALL_CF,
            learning_rate=0.02,
            batch_size=256,
            epochs=40,
            side_features=chosen,
        )
        model = NeuralCF(options)
        model.fit(train, FitContext())
        errors[chosen] = rmse(model.predict(train, hidden, items), truth)

    assert errors[()] > 1.5
    assert errors["users",] < 1
    assert errors["users", "items"] < 1


@pytest.mark.parametrize("side", ["users", "items"])
def test_missing_side_features_are_refused(side: str) -> None:
    options = msgspec.structs.replace(SMALL_CF, side_features=(side,))

    with pytest.raises(ModelError, match=f"side_features={side} needs {side[:-1]} fe"):
        NeuralCF(options).fit(half_hidden(), FitContext())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("model", "options"), MODELS[:2])
def test_every_optimizer_lowers_the_loss(model, options, optimizer: str) -> None:
    losses = []
    options = msgspec.structs.replace(options, optimizer=optimizer, epochs=10)
    context = FitContext(on_report=lambda report: losses.append(report.loss))

    model(options).fit(with_a_cold_user_and_item(), context)

    assert losses[-1] < losses[0]


def test_the_loss_reported_is_the_mean_squared_error_before_each_step() -> None:
    train = half_hidden()
    reports: list = []
    options = msgspec.structs.replace(
        SMALL_MF, epochs=1, batch_size=len(train), weight_decay=0.3, l1=0.1
    )
    BiasedMFSGD(options).fit(train, FitContext(on_report=reports.append))

    # Ratings are scaled to a deviation of 1, and hardly anything is learned yet.
    assert reports[0].loss == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("schedule", ["step", "plateau"])
def test_a_schedule_lowers_the_learning_rate(schedule: str) -> None:
    train = half_hidden()
    options = msgspec.structs.replace(SMALL_CF, epochs=12, learning_rate=0.3)
    falling = msgspec.structs.replace(
        options, schedule=schedule, schedule_epochs=1, schedule_factor=0.01
    )

    constant, lowered = (
        predict_all(NeuralCF(chosen), train) for chosen in (options, falling)
    )

    assert not np.array_equal(constant, lowered)


def validating(train: Ratings, hidden: Ratings, reports: list) -> FitContext:
    return FitContext(
        validation=hidden, validation_history=train, on_report=reports.append
    )


@pytest.mark.parametrize("model", [BiasedMFSGD, NeuralCF])
def test_training_ends_by_patience_and_returns_the_best_epoch(model) -> None:
    # Pure noise: after the first epochs there is only overfitting.
    noise = np.random.default_rng(0).standard_normal((40, 30))
    train, hidden = hide(noise, 0.3, seed=0)
    kind = NeuralCFOptions if model is NeuralCF else BiasedMFSGDOptions
    options = kind(
        learning_rate=0.05,
        weight_decay=0,
        epochs=50,
        patience=3,
        batch_size=64,
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


def test_epochs_are_chosen_by_errors_on_the_scale() -> None:
    reports: list = []
    train = half_hidden()
    high = replace(train, values=np.full(len(train), 100, np.float32))
    hidden = replace(high, scale=type(train.scale)(0, 1))

    BiasedMFSGD(SMALL_MF).fit(train, validating(train, hidden, reports))

    assert all(99 <= report.validation_rmse <= 100 for report in reports)


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_a_refit_trains_for_the_given_number_of_epochs(model, options) -> None:
    reports: list = []
    context = FitContext(epochs=7, on_report=reports.append)
    model(options).fit(from_matrix(checkerboard(6, 6)), context)

    assert [(n, 7) for n in range(1, 8)] == [(r.epoch, r.n_epochs) for r in reports]
    assert {None} == {r.validation_rmse for r in reports}


def test_empty_validation_ratings_are_ignored() -> None:
    train = half_hidden()
    reports: list = []

    NeuralCF(SMALL_CF).fit(train, validating(train, train.take(np.arange(0)), reports))

    assert [r.validation_rmse for r in reports] == [None] * 4


@pytest.mark.parametrize("kind", ["bias", "mean", "none"])
def test_centring_is_undone_exactly(kind) -> None:
    ratings, _ = hide(3 + low_rank(9, 8, rank=1, seed=0), 0.4, seed=0)
    centre = TensorCentre.on("cpu", fit_centre(ratings, kind))
    pairs = torch.from_numpy(ratings.users), torch.from_numpy(ratings.items)

    scaled = centre.scaled(torch.from_numpy(ratings.values), *pairs)
    restored = centre.restored(scaled, *pairs)

    np.testing.assert_allclose(ratings.values, restored, atol=1e-5)
    if kind == "none":
        np.testing.assert_array_equal(ratings.values, scaled)
    else:
        assert scaled.square().mean().sqrt() == pytest.approx(1, rel=1e-5)
    assert centre.n_parameters == {"bias": 1 + 9 + 8, "mean": 1, "none": 0}[kind]


@pytest.mark.parametrize("side_features", [(), ("items",)])
@pytest.mark.parametrize("centring", ["bias", "mean"])
@pytest.mark.parametrize(("model", "options"), MODELS)
def test_a_restored_model_predicts_the_same_as_the_fitted_one(
    model, options, centring, side_features
) -> None:
    train = with_features(with_a_cold_user_and_item())
    options = msgspec.structs.replace(options, centring=centring)
    if model is NeuralCF:
        options = msgspec.structs.replace(options, side_features=side_features)
    fitted, restored = model(options), model(options)
    expected = predict_all(fitted, train)

    state = {name: np.asarray(value) for name, value in fitted.state().items()}
    for value in state.values():
        value.flags.writeable = False
    restored.restore(state)

    predicted = restored.predict(train, *all_pairs(train)).reshape(expected.shape)
    assert np.array_equal(expected, predicted)
    assert restored.n_parameters == fitted.n_parameters


def test_parameters_of_network_and_centre_are_counted() -> None:
    train = half_hidden()
    mf, cf = BiasedMFSGD(SMALL_MF), NeuralCF(SMALL_CF)
    predict_all(mf, train)
    predict_all(cf, train)

    assert mf.n_parameters == (12 + 10) * (4 + 1) + 1
    assert cf.n_parameters == (12 + 10) * 4 + (8 * 6 + 6) + (6 + 1) + 1


@pytest.mark.slow
@pytest.mark.parametrize(("model", "options"), MODELS[:2])
def test_training_in_bfloat16_works_and_differs(model, options) -> None:
    train, hidden = hide(checkerboard(60, 50), 0.3, seed=0)
    options = msgspec.structs.replace(options, learning_rate=0.02, batch_size=64)
    options = msgspec.structs.replace(options, epochs=60)
    errors, answers = [], []
    for precision in ("float32", "tf32", "bfloat16"):
        fitted = model(options)
        fitted.fit(train, FitContext(precision=precision))
        answers.append(fitted.predict(train, hidden.users, hidden.items))
        errors.append(rmse(answers[-1], hidden.values))

    assert max(errors) < 1
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize("model", [BiasedMFSGD, NeuralCF])
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
    kind = NeuralCFOptions if model is NeuralCF else BiasedMFSGDOptions
    model = model(kind(n_factors=2, epochs=1, negative_ratio=1.0))
    model.fit(train, FitContext())

    assert np.isfinite(model.predict(train, train.users, train.items)).all()


def test_every_spec_states_its_capabilities() -> None:
    specs = {spec.name: spec.capabilities for spec in benchbox_models()}

    assert {"biased-mf-sgd", "neural-cf"} == set(specs)
    assert not any(capabilities.inductive for capabilities in specs.values())
    assert specs["neural-cf"].uses_features
    assert not specs["biased-mf-sgd"].uses_features


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("model", "options"), MODELS)
def test_every_device_draws_and_validates(model, options, precision, device) -> None:
    train, hidden = hide(checkerboard(60, 50), 0.3, seed=0)
    options = msgspec.structs.replace(options, learning_rate=0.02, epochs=60)
    reports: list = []
    context = validating(train, hidden, reports)

    fitted = model(options)
    fitted.fit(train, replace(context, device=device, precision=precision))

    assert reports[-1].loss < reports[0].loss
    assert all(np.isfinite(report.validation_rmse) for report in reports)
    assert np.isfinite(fitted.predict(train, hidden.users, hidden.items)).all()

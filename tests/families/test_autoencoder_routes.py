"""Routes: whole rows, rated cells and our own kernels all take the same steps."""

import itertools
import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import get_args

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbox_autoencoders import fused_cells, fused_rows, models
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.column_kernels import steps_of
from benchbox_autoencoders.device import DeviceCells, DeviceRows
from benchbox_autoencoders.fused import aligned_zeros
from benchbox_autoencoders.fused_cells import FusedCells, Together
from benchbox_autoencoders.fused_rows import FusedRows
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.reading import Reader
from benchbox_autoencoders.refeeding import Refed, is_factored
from benchbox_autoencoders.route import choose_route, make_steps
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.steps import decayed
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from benchbox import FitContext
from benchbox.errors import UsageError
from benchbox.models.training import Optimizer
from benchbox.models.training.optimizers import make_optimizer
from benchbox.options import decode
from tests.support.toy_ratings import all_pairs, from_matrix, hide, low_rank


def some_rows(
    n_rows: int = 11, n_columns: int = 7, share: float = 0.5, n_side: int = 0
) -> Rows:
    """Return random rows in float64; some are empty, and some columns unrated."""
    draw = np.random.default_rng(3)
    matrix = np.where(draw.random((n_rows, n_columns)) < share, 1.0, np.nan)
    matrix *= draw.normal(size=matrix.shape)
    matrix[:, -1] = np.nan
    matrix[2] = np.nan
    matrix[0, 0] = 0.0
    ratings = from_matrix(matrix)
    side = draw.normal(size=(n_rows, n_side)).astype(np.float32) if n_side else None
    rows = Rows.from_grouped(ratings.by_user(), ratings.values, "cpu", side)
    return in_float64(rows)


def in_float64(rows: Rows) -> Rows:
    side = None if rows.side is None else rows.side.double()
    return replace(rows, values=rows.values.double(), side=side)


def away_from_zero(
    rows: Rows, options: AutoencoderOptions, route: str = "sparse"
) -> Network:
    """Return a float64 network whose weights all differ from their initial values."""
    network = Network(rows, options, torch.Generator().manual_seed(0)).double()
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = torch.randn(parameter.shape, generator=noise, dtype=torch.float64)
            parameter.add_(0.3 * drawn)
    network.seed(torch.Generator().manual_seed(2))
    network.route = route
    return network.train()


COMMON = {"batch_size": 4, "learning_rate": 0.05, "input_dropout": 0.0}
CASES = [
    {"hidden_units": (5,)},
    {"hidden_units": (5, 3, 4), "activation": "tanh"},
    {"hidden_units": (4, 4), "activation": "selu", "weight_decay": 0.1},
    {"hidden_units": (3,), "output_activation": "sigmoid"},
    {"hidden_units": (3,), "output_activation": "tanh", "weight_decay": 0.05},
    {"hidden_units": (3,), "optimizer": "adamw", "weight_decay": 2.0},
    {"hidden_units": (1,), "activation": "relu", "batch_size": 1},
    {"hidden_units": (4, 3, 4), "dropout": 0.4},
    {"hidden_units": (5,), "tied": True},
    {"hidden_units": (5, 2, 5), "tied": True, "output_activation": "tanh"},
    {"hidden_units": (5, 3, 3, 5), "tied": True, "weight_decay": 0.1},
    {"hidden_units": (3,), "refeeding": 1},
    {"hidden_units": (3,), "refeeding": 2, "output_activation": "sigmoid"},
    {"hidden_units": (2,), "refeeding": 2, "batch_size": 10},
    {"hidden_units": (3, 2, 3), "refeeding": 1, "tied": True},
    {"hidden_units": (2,), "refeeding": 1, "tied": True, "batch_size": 10},
    {"hidden_units": (4, 3), "activity_l1": 0.3, "dropout": 0.2},
    {"hidden_units": (3,), "activity_l1": 0.1, "refeeding": 1, "tied": True},
    {"hidden_units": (3, 2), "side_inputs": ("attributes",)},
    {"hidden_units": (3,), "side_inputs": ("tastes",), "refeeding": 1, "tied": True},
]
OTHER_OPTIMIZERS = [
    {"hidden_units": (5, 3, 5), "tied": True, "optimizer": "rmsprop"},
    {"hidden_units": (3,), "optimizer": "sgd", "refeeding": 1},
    {"hidden_units": (3,), "side_inputs": ("tastes",), "optimizer": "sgd"},
]
ORDER = torch.tensor([0, 5, 1, 3, 4, 10, 9, 8, 7, 6])


def rows_and_options(settings) -> tuple[Rows, AutoencoderOptions]:
    options = AutoencoderOptions(**COMMON | settings)
    return some_rows(n_side=2 if options.side_inputs else 0), options


class AutogradSteps:
    """Takes steps by definition: whole rows, masked, differentiated by torch."""

    def __init__(self, network: Network, options: AutoencoderOptions) -> None:
        self.network, self.options = network, options
        self.optimizer = make_optimizer(decayed(network), network.offsets, options)

    def epoch(self, rows: Rows, order: torch.Tensor) -> float:
        batches = rows.batches(order, self.options.batch_size)
        return sum(map(self.learn, batches)) / int(rows.counts[order].sum())

    def learn(self, batch: Batch) -> float:
        network, cells = self.network, batch.cells
        targets, mask = cells.dense(batch.values), cells.dense(1 + 0 * batch.values)
        inputs, losses = cells.dense(network.corrupt(batch.values)), []
        for _ in range(1 + self.options.refeeding):
            hidden = network.deepen(inputs @ network.first, batch.side)
            output = F.linear(hidden, network.last, network.offsets[-1])
            output = network.activate_output(output)
            squared = (mask * (output - targets)).square().sum()
            loss, penalty = squared / mask.sum(), network.penalty
            self.optimizer.zero_grad()
            (loss if penalty is None else loss + penalty).backward()
            self.optimizer.step()
            inputs = output.detach()
            losses.append(squared.item())
        return losses[0]


def check_all_equal(rows: Rows, networks, all_steps) -> None:
    """Check that all steps update their networks as the first ones do."""
    for _ in range(3):
        losses = [steps.epoch(rows, ORDER) for steps in all_steps]

        assert losses == pytest.approx([losses[0]] * len(losses), rel=1e-10)
    for network in networks[1:]:
        pairs = zip(networks[0].parameters(), network.parameters(), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("settings", CASES + OTHER_OPTIMIZERS, ids=str)
@pytest.mark.parametrize("kind", [DeviceCells, DeviceRows])
def test_steps_update_every_weight_as_autograd_does(settings, kind) -> None:
    rows, options = rows_and_options(settings)
    networks = [away_from_zero(rows, options) for _ in range(2)]

    all_steps = [AutogradSteps(networks[0], options), kind(networks[1], options)]
    check_all_equal(rows, networks, all_steps)


@pytest.mark.parametrize("settings", CASES + OTHER_OPTIMIZERS, ids=str)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("fused", [FusedCells, FusedRows])
def test_fused_kernels_update_every_weight_as_autograd_does(
    settings, n_threads, fused
) -> None:
    rows, options = rows_and_options(settings)
    networks = [away_from_zero(rows, options) for _ in range(2)]
    steps = fused(networks[1], options, n_threads)

    check_all_equal(rows, networks, [AutogradSteps(networks[0], options), steps])


@pytest.mark.parametrize("together", [1, 2, 3, 64])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("tied", [False, True])
def test_steps_taken_ahead_change_nothing(
    together, optimizer, tied, monkeypatch
) -> None:
    monkeypatch.setattr(fused_cells, "MOST_AHEAD", together)
    rows = some_rows(n_rows=40, n_columns=30, share=0.08)
    options = AutoencoderOptions(
        hidden_units=(3,),
        tied=tied,
        optimizer=optimizer,
        weight_decay=0.1,
        **COMMON,
    )
    networks = [away_from_zero(rows, options) for _ in range(2)]
    definition = AutogradSteps(networks[0], options)
    steps = FusedCells(networks[1], options, 2)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))

    for rate in (0.05, 0.01, 0.01):
        for taken in (definition, steps):
            taken.optimizer.param_groups[0]["lr"] = rate
            taken.optimizer.param_groups[1]["lr"] = rate
        losses = [taken.epoch(rows, order) for taken in (definition, steps)]

        assert losses[1] == pytest.approx(losses[0], rel=1e-10)
    for one, other in zip(*(n.parameters() for n in networks), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@given(
    n_batches=st.integers(1, 64),
    rated=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20),
)
def test_every_column_takes_every_step_once_and_none_too_late(n_batches, rated) -> None:
    bits = np.array(rated, np.uint64) & np.uint64(2**n_batches - 1)
    bits[0] &= np.uint64(1 << (n_batches - 1))
    taken = np.zeros(len(bits), int)

    for t in range(n_batches):
        first, stop = steps_of(bits, t, n_batches)
        now_rated = (bits >> np.uint64(t) & np.uint64(1)).astype(bool)
        assert (first[now_rated] == t).all()
        assert (taken[now_rated] == t).all()
        assert (first[first < stop] == taken[first < stop]).all()
        taken += stop - first

    assert (taken == n_batches).all()


@given(
    n_threads=st.integers(1, 5),
    batch_size=st.integers(1, 12),
    share=st.floats(0, 0.6),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40)
def test_batches_have_each_cell_once_by_column_and_threads_share_all_columns(
    n_threads, batch_size, share, seed
) -> None:
    rows = some_rows(n_rows=20, n_columns=9, share=share)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    together = Together(rows, order, batch_size)
    plain = rows.batches(order, batch_size)

    for batch, expected in zip(together.batches(n_threads), plain, strict=True):
        n_listed, bounds = int(batch.bounds[-1]), batch.bounds
        columns, starts = batch.columns[:n_listed], batch.starts[: n_listed + 1]
        found = np.zeros((batch.n_rows, rows.n_columns))
        of_cell = np.repeat(columns, np.diff(starts))
        np.add.at(found, (batch.places, of_cell), batch.targets)

        whole = expected.cells.dense(expected.values)
        np.testing.assert_array_equal(found, whole.numpy())
        assert batch.n_cells == len(batch.targets) == starts[-1] == len(expected.cells)
        assert (np.diff(columns) > 0).all()
        assert (batch.steps[0, :n_listed] < batch.steps[1, :n_listed]).all()
        assert bounds[0] == 0
        assert (np.diff(bounds) >= 0).all()


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("tied", [False, True])
def test_units_that_fill_up_a_cache_line_stay_zero(optimizer, tied) -> None:
    rows, options = rows_and_options(
        {
            "hidden_units": (3,),
            "tied": tied,
            "optimizer": optimizer,
            "weight_decay": 0.1,
            "activation": "selu",
        }
    )
    network = away_from_zero(rows, options)
    steps = FusedCells(network, options, 2)

    for _ in range(3):
        steps.epoch(rows, ORDER)

    for layer in (steps._first, steps._last):
        assert layer.shape[2] > 3
        assert np.abs(layer[:, :, :3]).max() > 0
        np.testing.assert_array_equal(layer[:, :, 3:], 0)


@given(n=st.integers(0, 100), dtype=st.sampled_from(["f4", "f8"]))
def test_zeros_start_at_a_cache_line(n, dtype) -> None:
    zeros = aligned_zeros((n, 3), np.dtype(dtype))

    assert zeros.shape == (n, 3)
    assert zeros.dtype == dtype
    assert not zeros.any()
    assert zeros.flags.c_contiguous
    assert n == 0 or zeros.ctypes.data % 64 == 0


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("linear", [True, False])
def test_whole_rows_are_multiplied_in_full_float32_precision(
    tied, linear, monkeypatch
) -> None:
    if not linear:
        monkeypatch.setattr(fused_rows, "_LINEAR", None)
    exact = some_rows(n_rows=70, n_columns=45)
    options = AutoencoderOptions(hidden_units=(33,), tied=tied, optimizer="sgd")
    networks = [away_from_zero(exact, options) for _ in range(2)]
    AutogradSteps(networks[0], options).epoch(exact, torch.arange(70))
    single = replace(exact, values=exact.values.float())
    FusedRows(networks[1].float(), options, 2).epoch(single, torch.arange(70))

    for one, other in zip(*(n.parameters() for n in networks), strict=True):
        torch.testing.assert_close(one, other.double(), rtol=1e-5, atol=1e-6)


class Copies(TorchDispatchMode):
    """Counts copies between devices, for which the host waits."""

    n_copies = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        there = kwargs.get("device")
        if func is torch.ops.aten._to_copy.default and there is not None:
            self.n_copies += args[0].device != there
        return func(*args, **kwargs)


@pytest.mark.parametrize("settings", CASES, ids=str)
@pytest.mark.parametrize("kind", [DeviceCells, DeviceRows])
def test_many_steps_wait_for_the_device_only_once(settings, kind, monkeypatch) -> None:
    # Meta tensors have no values: reading one, which would wait, raises an error.
    monkeypatch.setattr(kind, "_arithmetic", lambda *_: nullcontext())
    rows, options = rows_and_options(settings | {"optimizer": "rmsprop"})
    network = away_from_zero(rows, options).to("meta")
    network.seed(None)
    far = {
        name: None if tensor is None else tensor.to("meta")
        for name in ("offsets", "columns", "values", "side")
        for tensor in [getattr(rows, name)]
    }
    steps = kind(network, options)

    with Copies() as copies:
        losses = [*map(steps._learn, steps._batches(replace(rows, **far), ORDER))]

    assert len(losses) == -(-len(ORDER) // options.batch_size)
    assert {"meta"} == {loss.device.type for loss in losses}
    assert copies.n_copies == 1


@pytest.mark.parametrize("tied", [False, True])
def test_all_routes_add_noise_to_inputs_and_not_to_targets(tied, monkeypatch) -> None:
    # Routes draw noise for cells in different orders. Noise that depends on the rating
    # itself is the same for all.
    def corrupt(network, values):
        return torch.where(torch.sin(1e3 * values) > 0, 1.4 * values + 0.1, 0.0)

    monkeypatch.setattr(Network, "corrupt", corrupt)
    settings = {"hidden_units": (3,), "tied": tied, "input_noise": 1.0}
    rows, options = rows_and_options(settings)
    networks = [away_from_zero(rows, options) for _ in range(5)]
    kinds = AutogradSteps, DeviceCells, DeviceRows
    by_torch = [kind(*of, options) for kind, *of in zip(kinds, networks, strict=False)]
    fused = FusedCells(networks[3], options, 2), FusedRows(networks[4], options, 2)

    check_all_equal(rows, networks, [*by_torch, *fused])


def test_an_activity_penalty_adds_its_definition_to_the_loss() -> None:
    rows, options = rows_and_options(
        {"hidden_units": (4, 3), "activity_l1": 0.5, "activation": "tanh"}
    )
    network = away_from_zero(rows, options)
    batch = next(rows.batches(torch.tensor([0, 1, 3]), 3))
    x = batch.cells.dense(batch.values)

    network.hidden(batch)

    first = torch.tanh(x @ network.first + network.offsets[0])
    second = torch.tanh(first @ network.between[0] + network.offsets[1])
    expected = 0.5 * (first.abs().sum() + second.abs().sum()) / 3
    torch.testing.assert_close(network.penalty, expected)
    network.eval()
    network.hidden(batch)
    assert network.penalty is None


@pytest.mark.parametrize("tied", [False, True])
def test_refeeding_is_exact_whether_or_not_the_output_is_computed(
    tied, monkeypatch
) -> None:
    rows, options = rows_and_options({"hidden_units": (4,), "tied": tied})
    network = away_from_zero(rows, options)
    hidden = torch.randn(5, 4, dtype=torch.float64)
    slope = torch.randn(5, 4, dtype=torch.float64)
    found = []
    for factored in (False, True):
        monkeypatch.setattr(
            "benchbox_autoencoders.refeeding.is_factored",
            lambda n_rows, options, answer=factored: answer,
        )
        refed = Refed(network, hidden, options)
        found.append((refed.product(network.first), refed.gradient(slope)))

    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


def test_the_output_is_computed_if_that_takes_fewer_operations() -> None:
    linear = AutoencoderOptions(hidden_units=(500,))
    nonlinear = AutoencoderOptions(hidden_units=(500,), output_activation="tanh")

    assert is_factored(2048, linear)
    assert not is_factored(128, linear)
    assert not is_factored(2048, nonlinear)


def test_three_epochs_on_either_route_give_the_same_loss_curve() -> None:
    train, _ = hide(low_rank(300, 200, rank=3, seed=1), 0.9, seed=2)
    curves = []
    for route, optimizer in itertools.product(("dense", "sparse"), ("adam", "rmsprop")):
        options = AutoencoderOptions(
            hidden_units=(20,),
            input_dropout=0.0,
            optimizer=optimizer,
            epochs=3,
            batch_size=32,
            route=route,
        )
        losses: list[float] = []
        context = FitContext(
            n_threads=2, on_report=lambda report, to=losses: to.append(report.loss)
        )
        UserAutoencoder(options).fit(train, context)
        curves.append(losses)

    assert curves[2] == pytest.approx(curves[0], rel=1e-4)
    assert curves[3] == pytest.approx(curves[1], rel=1e-4)


@given(
    n_rows=st.integers(1, 8),
    n_columns=st.integers(2, 8),
    share=st.floats(0.2, 1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25)
def test_both_routes_predict_the_same_for_any_pattern_of_ratings(
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

    def read(route, *cells):
        network.route = route
        return Reader(rows, *cells).read(network)

    # Twenty cells are enough here to compute whole rows; a single one is not.
    for cells in (asked, tuple(part[:1] for part in asked)):
        dense, sparse = read("dense", *cells), read("sparse", *cells)
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


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("route", ["dense", "sparse"])
def test_the_same_seed_and_threads_give_the_same_bytes(route, optimizer) -> None:
    train, _ = hide(low_rank(40, 25, rank=2, seed=1), 0.7, seed=2)
    options = AutoencoderOptions(
        hidden_units=(8, 4, 8), epochs=4, route=route, optimizer=optimizer
    )
    predicted = []
    for _ in range(2):
        model = UserAutoencoder(options)
        model.fit(train, FitContext(seed=4, n_threads=2))
        predicted.append(model.predict(train, *all_pairs(train)).tobytes())

    assert predicted[0] == predicted[1]


@pytest.mark.parametrize("route", ["dense", "sparse"])
def test_training_restores_the_number_of_threads(route) -> None:
    train, _ = hide(low_rank(40, 25, rank=2, seed=1), 0.3, seed=2)
    before = torch.get_num_threads(), numba.get_num_threads()

    options = AutoencoderOptions(hidden_units=(8,), epochs=1, route=route)
    UserAutoencoder(options).fit(train, FitContext(n_threads=1))

    assert before == (torch.get_num_threads(), numba.get_num_threads())


@pytest.mark.parametrize("route", ["dense", "sparse"])
@pytest.mark.parametrize("tied", [False, True])
def test_weights_are_saved_and_restored_whatever_their_layout(route, tied) -> None:
    train, _ = hide(low_rank(40, 25, rank=2, seed=1), 0.3, seed=2)
    options = AutoencoderOptions(hidden_units=(8,), epochs=2, route=route, tied=tied)
    fitted, restored = UserAutoencoder(options), UserAutoencoder(options)
    fitted.fit(train, FitContext())

    restored.restore(fitted.state())

    pairs = all_pairs(train)
    expected = fitted.predict(train, *pairs)
    np.testing.assert_array_equal(restored.predict(train, *pairs), expected)


def chosen(rows: Rows, context: FitContext | None = None, **settings) -> str:
    return choose_route(rows, AutoencoderOptions(**settings), context or FitContext())


def test_the_route_follows_from_density_unless_one_is_asked_for() -> None:
    few, many = some_rows(share=0.1), some_rows(share=0.9)

    assert chosen(few) == "sparse"
    assert chosen(many) == "dense"
    assert chosen(few, route="dense") == "dense"
    assert chosen(many, route="sparse") == "sparse"


@pytest.mark.parametrize(
    ("context", "settings", "edge"),
    [
        (FitContext(), {"batch_size": 128}, 0.35),
        (FitContext(), {"batch_size": 129}, 0.25),
        (FitContext(precision="tf32"), {"batch_size": 2048}, 0.25),
        (FitContext(precision="bfloat16"), {}, 0.3),
        (FitContext(precision="bfloat16"), {"batch_size": 2048}, 0.18),
        (FitContext(device="cuda:0"), {}, 0.05),
        (FitContext(device="cuda:0", precision="tf32"), {}, 0.02),
        (FitContext(device="mps", precision="tf32"), {}, 0.02),
    ],
)
def test_the_limit_between_routes_depends_on_device_precision_and_batch(
    context, settings, edge
) -> None:
    for share, expected in ((edge - 0.005, "sparse"), (edge, "dense")):
        # This number of cells in a hundred rows of a hundred columns.
        n = round(10_000 * share)
        rows = Rows(
            counts=torch.zeros(100, dtype=torch.int64),
            offsets=torch.zeros(101, dtype=torch.int64),
            columns=torch.zeros(n, dtype=torch.int32),
            values=torch.zeros(n),
            n_columns=100,
        )

        assert chosen(rows, context, **settings) == expected


def test_steps_on_the_cpu_use_our_own_kernels() -> None:
    rows, options = rows_and_options({"hidden_units": (3,)})
    kinds = {
        (route, device.partition(":")[0]): type(
            make_steps(
                away_from_zero(rows, options, route),
                options,
                FitContext(device=device),
            )
        )
        for route, device in itertools.product(("dense", "sparse"), ("cpu", "cuda:0"))
    }

    assert kinds == {
        ("dense", "cpu"): FusedRows,
        ("dense", "cuda"): DeviceRows,
        ("sparse", "cpu"): FusedCells,
        ("sparse", "cuda"): DeviceCells,
    }


def test_tied_layers_must_mirror_each_other() -> None:
    with pytest.raises(UsageError, match="such as 50-20-50, not 5-3"):
        decode(AutoencoderOptions, {"tied": "true", "hidden_units": "5-3"}, "autorec")


@pytest.mark.parametrize("route", ["dense", "sparse"])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_training_in_bfloat16_works_and_differs(route, optimizer) -> None:
    train, hidden = hide(low_rank(60, 40, rank=2, seed=1), 0.4, seed=2)
    errors = {}
    for precision in ("float32", "bfloat16"):
        options = AutoencoderOptions(
            hidden_units=(16, 8, 16),
            activation="tanh",
            optimizer=optimizer,
            learning_rate=0.01,
            weight_decay=1e-4,
            epochs=40,
            batch_size=20,
            route=route,
        )
        model = UserAutoencoder(options)
        model.fit(train, FitContext(precision=precision, n_threads=2))
        predicted = model.predict(train, hidden.users, hidden.items)
        errors[precision] = float(np.abs(predicted - hidden.values).mean())

    assert errors["bfloat16"] != errors["float32"]
    assert errors["bfloat16"] == pytest.approx(errors["float32"], rel=0.2)


def test_the_route_taken_is_noted() -> None:
    notes: dict[str, str] = {}
    train, _ = hide(low_rank(30, 20, rank=2, seed=1), 0.9, seed=2)
    context = FitContext(on_note=notes.__setitem__)

    UserAutoencoder(AutoencoderOptions(hidden_units=(3,), epochs=1)).fit(train, context)

    assert notes == {"route": "sparse"}


def test_kernels_for_processors_are_loaded_only_where_a_processor_trains(
    monkeypatch,
) -> None:
    loaded: list[AutoencoderOptions] = []
    monkeypatch.setattr(models, "warm_up", loaded.append)
    options = AutoencoderOptions()

    for device in ("cuda:0", "mps"):
        UserAutoencoder(options).prepare(device)
    assert not loaded

    UserAutoencoder(options).prepare("cpu")
    assert loaded == [options]


@pytest.mark.parametrize("route", ["sparse", "dense"])
def test_prepare_loads_all_kernels_that_fit_needs(route) -> None:
    # In a separate process, where nothing else has loaded kernels.
    script = f"""
from tests.support.toy_ratings import hide, low_rank
from benchbox import FitContext
from benchbox_autoencoders import kernels
from benchbox_autoencoders.models import UserAutoencoder
from benchbox_autoencoders.options import AutoencoderOptions

def loaded():
    return {{k: len(getattr(v, "signatures", ())) for k, v in vars(kernels).items()}}

options = AutoencoderOptions(hidden_units=(3,), epochs=1, route={route!r})
model = UserAutoencoder(options)
before = loaded()
model.prepare("cpu")
ready = loaded()
train, _ = hide(low_rank(30, 20, rank=2, seed=1), 0.5, seed=2)
model.fit(train, FitContext(n_threads=2))
assert ready != before
assert loaded() == ready, (ready, loaded())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fused", [FusedCells, FusedRows])
def test_a_loss_of_nan_stays_nan(fused) -> None:
    rows, options = rows_and_options({"hidden_units": (3,), "batch_size": 20})
    network = away_from_zero(rows, options)
    with torch.no_grad():
        network.last.fill_(torch.nan)

    loss = fused(network, options, 2).epoch(rows, torch.tensor([0, 1, 3]))

    assert np.isnan(loss)


def test_a_refed_output_is_multiplied_by_all_threads() -> None:
    n_threads = []
    for refeeding in (0, 1):
        rows, options = rows_and_options({"refeeding": refeeding})
        network = Network(rows, options, torch.Generator())
        n_threads.append(FusedCells(network, options, 2)._n_torch_threads)

    assert n_threads == [1, 2]

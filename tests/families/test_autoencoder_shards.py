"""Shards: many rows are trained on in parts, in files, and no step is smaller."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
import torch
from benchbox_autoencoders import shards
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.shards import EpochOrders, bounds
from benchbox_autoencoders.steps import Steps
from hypothesis import given
from hypothesis import strategies as st

from benchbox import FitContext
from benchbox.arrays import mapped, parallel
from tests.support.devices import DEVICES
from tests.support.memory import peak_bytes
from tests.support.toy_ratings import all_pairs, hide, low_rank, rmse

OPTIONS = AutoencoderOptions(hidden_units=(6,), epochs=3, batch_size=16)
COUNTS = st.lists(st.integers(0, 12), max_size=40)


def in_shards(patch: pytest.MonkeyPatch, n_ratings: int, least_rows: int) -> None:
    patch.setattr(shards, "SHARD_BYTES", shards.BYTES_PER_RATING * n_ratings)
    patch.setattr(shards, "LEAST_ROWS", least_rows)


@pytest.fixture
def many_shards(monkeypatch) -> None:
    """Shards of 25 or more rows, in files."""
    in_shards(monkeypatch, 300, 25)
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)


@given(counts=COUNTS, n_ratings=st.integers(1, 60), least=st.integers(1, 9))
def test_shards_are_neither_larger_nor_smaller_than_asked(
    counts, n_ratings, least
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        in_shards(patch, n_ratings, least)
        found = bounds(torch.tensor(counts, dtype=torch.int64))

    assert (found[0], found[-1]) == (0, len(counts))
    n_rows = [end - first for first, end in pairwise(found)]
    if len(n_rows) > 1:
        assert min(n_rows) >= least
    for first, end in [*pairwise(found)][:-1]:
        # Only the least number of rows makes a shard larger.
        assert sum(counts[first:end]) <= n_ratings or end - first == least
    if sum(counts) <= n_ratings:
        assert len(n_rows) == 1


@given(counts=COUNTS, n_ratings=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_an_epoch_has_every_rated_row_once_and_shard_by_shard(
    counts, n_ratings, seed
) -> None:
    tensor = torch.tensor(counts, dtype=torch.int64)
    with pytest.MonkeyPatch.context() as patch:
        in_shards(patch, n_ratings, 2)
        cuts = bounds(tensor)
        order = EpochOrders(tensor).draw(torch.Generator().manual_seed(seed)).numpy()

    assert sorted(order) == np.flatnonzero(counts).tolist()
    shard_of = np.searchsorted(cuts, order, side="right")
    # Every shard is entered once.
    assert np.count_nonzero(np.diff(shard_of)) == max(0, len(set(shard_of)) - 1)


def test_shards_and_their_rows_are_in_another_order_in_each_epoch(monkeypatch) -> None:
    in_shards(monkeypatch, 100, 20)
    orders = EpochOrders(torch.full((80,), 5))
    generator = torch.Generator().manual_seed(0)

    epochs = [orders.draw(generator) for _ in range(8)]

    shards_in_order = {tuple((epoch[::20] // 20).tolist()) for epoch in epochs}
    assert len(shards_in_order) > 1
    first_rows = {tuple(epoch[epoch < 20].tolist()) for epoch in epochs}
    assert len(first_rows) == len(epochs)


def test_one_shard_is_shuffled_as_all_rows_were() -> None:
    rated = torch.tensor([0, 2, 3, 5])

    order = EpochOrders(torch.tensor([1, 0, 4, 2, 0, 9])).draw(
        torch.Generator().manual_seed(3)
    )

    expected = torch.randperm(4, generator=torch.Generator().manual_seed(3))
    assert order.tolist() == rated[expected].tolist()


def a_problem():
    """Ratings of 150 users, of which more than a thousand are visible."""
    return hide(low_rank(150, 20, 2, seed=1), 0.4, seed=2)


@pytest.mark.usefixtures("many_shards")
@pytest.mark.parametrize("route", ["sparse", "dense"])
def test_no_step_is_smaller_because_of_shards(monkeypatch, route) -> None:
    train, _ = a_problem()
    sizes, learn = [], Steps._learn

    def recorded(self, batch):
        sizes.append(batch.n_rows)
        return learn(self, batch)

    monkeypatch.setattr(Steps, "_learn", recorded)
    options = msgspec.structs.replace(OPTIONS, route=route)

    UserAutoencoder(options).fit(train, FitContext())

    assert len(bounds(torch.from_numpy(train.by_user().counts))) > 3
    assert sizes == ([16] * 9 + [6]) * OPTIONS.epochs


@pytest.mark.usefixtures("many_shards")
@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
def test_two_fits_in_shards_give_the_same_bytes(model) -> None:
    train, hidden = a_problem()

    def predictions():
        fitted = model(OPTIONS)
        context = FitContext(seed=4, validation=hidden, validation_history=train)
        fitted.fit(train, context)
        restored = model(OPTIONS)
        restored.restore({k: np.asarray(v) for k, v in fitted.state().items()})
        found = [one.predict(train, *all_pairs(train)) for one in (fitted, restored)]
        assert np.array_equal(*found)
        return found[0]

    assert predictions().tobytes() == predictions().tobytes()


def test_training_in_shards_is_as_good_as_on_all_rows(monkeypatch) -> None:
    train, hidden = a_problem()
    options = msgspec.structs.replace(OPTIONS, epochs=40, learning_rate=0.01)

    def error() -> float:
        model = UserAutoencoder(options)
        model.fit(train, FitContext(seed=0))
        return rmse(model.predict(train, hidden.users, hidden.items), hidden.values)

    whole = error()
    in_shards(monkeypatch, 300, 25)
    assert error() == pytest.approx(whole, rel=0.1)
    assert whole < 0.8 * float(np.std(hidden.values))


@pytest.mark.parametrize("model", [UserAutoencoder, ItemAutoencoder])
def test_rows_in_files_give_the_same_bytes_as_rows_in_memory(
    monkeypatch, model
) -> None:
    train, _ = a_problem()

    def predictions():
        fitted = model(OPTIONS)
        fitted.fit(train, FitContext(seed=5))
        return fitted.predict(train, *all_pairs(train)).tobytes()

    expected = predictions()
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)

    assert predictions() == expected


@pytest.mark.parametrize("device", DEVICES)
def test_ratings_of_many_shards_stay_on_the_host(monkeypatch, device) -> None:
    train, _ = a_problem()
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))

    def batches():
        rows = Rows.from_grouped(train.by_user(), train.values, device)
        assert rows.device.type == torch.device(device).type
        return rows, [*rows.batches(order, 32, by_column=True)]

    _, expected = batches()
    in_shards(monkeypatch, 300, 25)
    rows, found = batches()

    assert {rows.columns.device.type, rows.values.device.type} == {"cpu"}
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one.values, other.values)
        assert torch.equal(one.cells.columns, other.cells.columns)
        assert other.values.device == one.values.device


def test_making_rows_takes_little_memory_beside_files(monkeypatch) -> None:
    train, _ = hide(low_rank(1000, 200, 2, seed=1), 0.1, seed=2)
    train = train.read_only()
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 10_000)
    monkeypatch.setattr(parallel, "_PART", 5000)
    monkeypatch.setattr(parallel, "_LONG_PART", 5000)
    made = []

    def make() -> None:
        values = mapped.copied(train.values, np.float32)
        made.append(Rows.from_grouped(train.by_user(), values, "cpu"))

    n_bytes = peak_bytes(make)

    # A copy of the columns or of the values would take four bytes per rating.
    assert n_bytes < 2 * len(train)

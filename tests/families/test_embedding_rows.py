"""Optimizers that move only the rows that a step's ratings name."""

import msgspec
import numpy as np
import pytest
import torch
from benchbox_embeddings.blocks import BlockSteps
from benchbox_embeddings.heads import InnerProduct
from benchbox_embeddings.models import BiasedMFSGD, NeuralCF
from benchbox_embeddings.named import Dealer, Named, each_once
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import BiasedMFSGDOptions, NeuralCFOptions
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.row_steps import RowSteps
from benchbox_embeddings.rows import rows_of
from benchbox_embeddings.tables import DeviceTable, HostTable

from benchbox import FitContext, Ratings
from benchbox.errors import UsageError
from benchbox.options import decode
from benchbox.testing.made_up import made_up_ratings
from tests.support.toy_ratings import all_pairs

LAWS = ["row-sgd", "row-adagrad", "row-adam"]
N, WIDTH = 9, 3


def options(law: str, **settings) -> BiasedMFSGDOptions:
    chosen = {"n_factors": WIDTH, "learning_rate": 0.03, "ridge": 0.7, "l1": 0.01}
    return BiasedMFSGDOptions(optimizer=law, **(chosen | settings))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class Row:
    """A row and its offset by definition: numbers, and one step after the other."""

    def __init__(self, law: str, weights: np.ndarray, penalties: tuple) -> None:
        self.law, self.weights, (self.ridge, self.lasso) = law, weights, penalties
        self.squares, self.means, self.n = np.zeros(2), np.zeros(WIDTH + 1), 0

    def step(self, gradient: np.ndarray, count: int, rate: float) -> None:
        square = np.array([np.mean(gradient[:WIDTH] ** 2), gradient[WIDTH] ** 2])
        self.n += 1
        divisor = np.ones(2)
        if self.law == "row-adagrad":
            self.squares += square
            divisor = np.sqrt(self.squares)
        elif self.law == "row-adam":
            self.squares = 0.999 * self.squares + 0.001 * square
            self.means = 0.9 * self.means + 0.1 * gradient
            gradient = self.means / (1 - 0.9**self.n)
            divisor = np.sqrt(self.squares / (1 - 0.999**self.n))
        own = np.repeat(rate / divisor, [WIDTH, 1])
        shrink = np.append(np.full(WIDTH, self.ridge), 0)
        # Adam corrects the bias of the mean, and the penalty follows the same rate.
        bias = 1 - 0.9**self.n if self.law == "row-adam" else 1.0
        own_shrink = own / bias
        moved = (self.weights - own * gradient) / (1 + own_shrink * count * shrink)
        by = own_shrink / (1 + own_shrink * count * shrink) * count * self.lasso
        self.weights = np.sign(moved) * np.maximum(np.abs(moved) - by, 0)


@pytest.mark.parametrize("kind", [HostTable, DeviceTable])
@pytest.mark.parametrize("law", LAWS)
def test_rows_move_by_the_stated_law_and_others_not_at_all(law: str, kind) -> None:
    weight, offset = drawn(N, WIDTH), drawn(N, seed=1)
    index = torch.tensor([2, 5, 2, 7, 2, 5])
    table = kind(weight, offset, options(law))
    table.spread_penalties(index, 6)
    naive = {
        int(r): Row(
            law,
            np.append(weight[r].numpy(), offset[r].numpy()),
            (0.7 / count, 0.01 * 3 / count),
        )
        for r, count in ((2, 3), (5, 2), (7, 1))
    }
    before = table.rows.clone()

    for at in (slice(0, 4), slice(4, 6), slice(0, 2)):
        gradients = drawn(len(index[at]), WIDTH + 1, seed=at.start)
        named = Named(index[at])
        if kind is HostTable:
            seen = np.full((1, N), -1, np.int32)
            (named,) = each_once(index[at].int().numpy(), seen, len(index[at]))
        own = gradients
        if named.slots is not None:
            own = torch.zeros(len(named.rows), WIDTH + 1, dtype=torch.float64)
            own.index_add_(0, named.slots, gradients)
        table.step(named, own, 2.0, 0.03)
        for r in np.unique(index[at]):
            own = index[at] == r
            naive[int(r)].step(
                2 * gradients[own].sum(0).numpy(), int(own.sum()), rate=0.03
            )

    for r, row in naive.items():
        found = table.rows[r, : WIDTH + 1].numpy()
        np.testing.assert_allclose(row.weights, found, rtol=1e-6, atol=1e-9)
    others = [r for r in range(N) if r not in naive]
    assert torch.equal(before[others], table.rows[others])


def a_network(train: Ratings, width: int = WIDTH) -> Network:
    rows = [rows_of(train, side, with_features=False) for side in ("users", "items")]
    head = InnerProduct(train.n_users, train.n_items)
    generator = torch.Generator().manual_seed(3)
    return Network(*rows, width, head, generator).double()


def as_pairs(train: Ratings, *, n: int | None = None) -> Pairs:
    return Pairs(
        torch.from_numpy(train.users[:n].astype(np.int64)),
        torch.from_numpy(train.items[:n].astype(np.int64)),
        torch.from_numpy(train.values[:n].astype(np.float64)),
    )


@pytest.mark.parametrize("law", LAWS)
def test_a_step_per_rating_in_blocks_is_a_batch_of_one(law: str) -> None:
    train = made_up_ratings(12, 9, seed=1)
    one, other = a_network(train), a_network(train)
    generator = torch.Generator().manual_seed(0)
    steps = BlockSteps(one, options(law), generator)
    batches = RowSteps(other, options(law), 1)
    # No two of these share a row, so that their order does not matter.
    n = min(train.n_users, train.n_items)
    some = torch.arange(n)
    pairs = Pairs(some, some.flip(0), drawn(n, seed=5))

    losses = [
        (steps.epoch(pairs, generator), batches.epoch(pairs, generator))
        for _ in range(3)
    ]

    for ours, theirs in losses:
        assert ours == pytest.approx(theirs, rel=1e-9)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_any_number_of_threads_gives_the_same_bytes(law: str, monkeypatch) -> None:
    monkeypatch.setattr("benchbox_embeddings.blocks._BLOCK", 40)
    train = made_up_ratings(60, 50, seed=2)
    states = []
    before = torch.get_num_threads()
    for n_threads in (1, 4, 4):
        torch.set_num_threads(n_threads)
        model = BiasedMFSGD(options(law, epochs=3))
        model.fit(train, FitContext(seed=1))
        states.append(model.predict(train, *all_pairs(train)))
    torch.set_num_threads(before)

    assert np.array_equal(states[0], states[1])
    assert np.array_equal(states[1], states[2])


def test_every_pair_is_learned_once_per_epoch(monkeypatch) -> None:
    monkeypatch.setattr("benchbox_embeddings.blocks._BLOCK", 30)
    train = made_up_ratings(30, 20, seed=2)
    pairs = as_pairs(train)
    network = a_network(train)
    generator = torch.Generator().manual_seed(0)
    # Nothing moves, so the mean loss is that of the start.
    still = msgspec.structs.replace(options("row-sgd"), learning_rate=1e-12)
    steps = BlockSteps(network, still, generator)
    with torch.no_grad():
        network.train()
        error = network(pairs.users, pairs.items) - pairs.targets

    losses = [steps.epoch(pairs, generator) for _ in range(2)]

    expected = float(error.square().mean())
    assert losses == pytest.approx([expected, expected], rel=1e-6)


@pytest.mark.parametrize("ridge_per", ["row", "rating"])
def test_an_epoch_pays_the_ridge_once_per_row_or_once_per_rating(ridge_per) -> None:
    index = torch.tensor([0, 0, 0, 1])
    settings = options("row-sgd", ridge_per=ridge_per, weight_decay=0.5, l1=0.0)
    table = HostTable(drawn(3, WIDTH), None, settings)

    table.spread_penalties(index, 4)

    # Half of the weight decay times the number of ratings is a ridge per row.
    paid = table.rows[:2, WIDTH + 3] * torch.tensor([3, 1])
    once = {"row": [0.7, 0.7], "rating": [3 * 0.7, 0.7]}[ridge_per]
    np.testing.assert_allclose(paid.numpy(), np.array(once) + 0.5 * 4 / 2)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("model", ["mf", "mf-in-batches", "cf"])
def test_the_same_seed_gives_the_same_bytes_twice(model: str, law: str) -> None:
    train = made_up_ratings(30, 20, seed=2)

    def fitted():
        if model == "cf":
            kind = NeuralCFOptions(optimizer=law, epochs=2, hidden_units=(4,))
            own = NeuralCF(kind)
        else:
            size = 0 if model == "mf" else 50
            own = BiasedMFSGD(options(law, epochs=2, batch_size=size))
        own.fit(train, FitContext(seed=1))
        return own.predict(train, *all_pairs(train))

    assert np.array_equal(fitted(), fitted())


def test_parts_of_the_ratings_give_the_same_bytes_as_all_at_once(monkeypatch) -> None:
    train = made_up_ratings(30, 20, seed=2)
    predicted = []
    for part in (1 << 20, 7):
        monkeypatch.setattr("benchbox_embeddings.tables._PART", part)
        monkeypatch.setattr("benchbox_embeddings.models._PART", part)
        model = BiasedMFSGD(options("row-adam", epochs=2))
        model.fit(train, FitContext(seed=1))
        predicted.append(model.predict(train, *all_pairs(train)))

    assert np.array_equal(*predicted)


@pytest.mark.parametrize("batch_size", [0, 50])
def test_a_schedule_lowers_the_rate_of_rows(batch_size: int) -> None:
    train = made_up_ratings(30, 20, seed=2)
    settings = {"batch_size": batch_size, "epochs": 6, "schedule_epochs": 1}
    predicted = []
    for schedule in ("constant", "step"):
        model = BiasedMFSGD(options("row-adam", schedule=schedule, **settings))
        model.fit(train, FitContext())
        predicted.append(model.predict(train, *all_pairs(train)))

    assert not np.array_equal(*predicted)


def test_a_ridge_per_rating_needs_steps_of_rows() -> None:
    chosen = {"optimizer": "adam", "ridge_per": "rating"}

    with pytest.raises(UsageError, match="ridge_per=rating needs optimizer=row-sgd"):
        decode(BiasedMFSGDOptions, chosen, "biased-mf-sgd")


def drawn_pairs(n: int, n_users: int, n_items: int) -> Pairs:
    random = np.random.Generator(np.random.PCG64(0))
    users, items = random.integers(n_users, size=n), random.integers(n_items, size=n)
    columns = (users.astype(np.int32), items.astype(np.int32), np.arange(n, dtype="f4"))
    return Pairs(*map(torch.from_numpy, columns))


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_every_pair_is_dealt_once_with_the_rows_it_names(
    n: int, n_threads: int, monkeypatch
) -> None:
    monkeypatch.setattr("benchbox_embeddings.named._HAND", 50)
    monkeypatch.setattr("benchbox_embeddings.named._GROUP", 200)
    pairs = drawn_pairs(n, 40, 30)
    dealer = Dealer(64, (40, 30), n_threads)
    chance = torch.Generator().manual_seed(0)

    epochs = [list(dealer.batches(pairs, chance)) for _ in range(2)]

    for batches in epochs:
        assert [len(batch) for batch in batches[:-1]] == [64] * (len(batches) - 1)
        for batch in batches:
            # A target is the number of its pair.
            own = batch.targets.long()
            for side, index in zip(
                batch.sides, (pairs.users, pairs.items), strict=True
            ):
                assert torch.equal(side.per_pair(side.rows), index[own])
                assert torch.equal(
                    side.rows.unique(return_counts=True)[1],
                    torch.ones(len(side.rows), dtype=torch.int64),
                )
                assert torch.equal(side.counts, side.slots.bincount().int())
        dealt = torch.cat([batch.targets for batch in batches])
        assert torch.equal(dealt.sort()[0], pairs.targets)
    orders = [[batch.targets.tolist() for batch in batches] for batches in epochs]
    assert n == 1 or orders[0] != orders[1]


def test_pairs_are_dealt_evenly_and_large_data_by_groups_of_users(monkeypatch) -> None:
    monkeypatch.setattr("benchbox_embeddings.named._HAND", 500)
    pairs = drawn_pairs(4000, 200, 30)
    chance = torch.Generator().manual_seed(0)

    def users_of_quarters() -> list[int]:
        dealer = Dealer(1000, (200, 30), 1)
        return [len(batch.sides[0].rows) for batch in dealer.batches(pairs, chance)]

    together = Dealer(1000, (200, 30), 1)
    places = torch.zeros(4000)
    n_epochs = 200
    for _ in range(n_epochs):
        order = torch.cat([b.targets for b in together.batches(pairs, chance)]).long()
        places[order] += torch.arange(4000.0)
    # The mean of a uniform place, four standard errors wide at most on average.
    mean, error = 4000 / 2, 4000 / 12**0.5 / n_epochs**0.5
    assert abs(places / n_epochs - mean).mean() < 1.2 * error
    assert min(users_of_quarters()) > 190

    monkeypatch.setattr("benchbox_embeddings.named._GROUP", 1000)
    assert max(users_of_quarters()) < 120


@pytest.mark.parametrize("law", LAWS)
def test_rows_move_the_same_for_any_number_of_threads(law: str) -> None:
    train = made_up_ratings(60, 50, seed=2)
    predicted = []
    before = torch.get_num_threads()
    for n_threads in (1, 3, 3):
        torch.set_num_threads(n_threads)
        model = NeuralCF(NeuralCFOptions(optimizer=law, epochs=2, batch_size=64))
        model.fit(train, FitContext(seed=1))
        predicted.append(model.predict(train, *all_pairs(train)))
    torch.set_num_threads(before)

    assert np.array_equal(predicted[0], predicted[1])
    assert np.array_equal(predicted[1], predicted[2])

"""Epochs of the embedding models against a plain loop, as ratios within one run.

``plain`` is what one writes in PyTorch: a `DataLoader` over pairs, `nn.Embedding`,
layers of `nn.Linear`, the mean squared error and Adam, in batches as large. With
``--device cuda`` both train there.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbox_datasets.synthetic import SyntheticOptions, plant
from benchbox_embeddings.heads import InnerProduct, Perceptron
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import (
    BiasedMFSGDOptions,
    EmbeddingOptions,
    NeuralCFOptions,
)
from benchbox_embeddings.pairs import Pairs, on_device
from benchbox_embeddings.rows import rows_of
from benchbox_embeddings.threads import is_small
from benchbox_embeddings.training import Steps
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchbox import Ratings
from benchbox.models.training.threads import at_most
from tests.benchmarks.clocks import N_THREADS, in_turn, seconds
from tests.benchmarks.ledger import Ledger

pytestmark = pytest.mark.usefixtures("threads")

SHAPES = {
    "ml-100k": SyntheticOptions(n_users=943, n_items=1682, n_ratings=100_000),
    "ml-1m": SyntheticOptions(n_users=6040, n_items=3706, n_ratings=1_000_000),
}
OPTIONS: dict[str, EmbeddingOptions] = {
    "biased-mf-sgd": BiasedMFSGDOptions(),
    "neural-cf": NeuralCFOptions(),
}
# An epoch of the plain loop takes seconds; the first of the rounds warms up.
ROUNDS = 2


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: Any) -> str:
    return request.param


@pytest.fixture(scope="module")
def ratings(shape: str) -> Ratings:
    planted = plant(SHAPES[shape])
    return Ratings(
        users=planted.users,
        items=planted.items,
        values=planted.values.astype("f4"),
        n_users=SHAPES[shape].n_users,
        n_items=SHAPES[shape].n_items,
        scale=planted.scale,
    )


@pytest.fixture(scope="module")
def pairs(ratings: Ratings, device: str) -> Pairs:
    values = torch.from_numpy(ratings.values)
    return Pairs(
        on_device(ratings.users, device),
        on_device(ratings.items, device),
        ((values - values.mean()) / values.std()).to(device),
    )


class Plain(nn.Module):
    """Biased factors, or a perceptron, of torch's own parts."""

    def __init__(self, ratings: Ratings, options: EmbeddingOptions) -> None:
        super().__init__()
        width = options.n_factors
        self.users = nn.Embedding(ratings.n_users, width)
        self.items = nn.Embedding(ratings.n_items, width)
        self.user_bias = nn.Embedding(ratings.n_users, 1)
        self.item_bias = nn.Embedding(ratings.n_items, 1)
        self.layers: nn.Sequential | None = None
        if isinstance(options, NeuralCFOptions):
            (units,) = options.hidden_units
            self.layers = nn.Sequential(
                nn.Linear(2 * width, units), nn.SiLU(), nn.Linear(units, 1)
            )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        left, right = self.users(users), self.items(items)
        if self.layers is not None:
            return self.layers(torch.cat([left, right], 1)).squeeze(1)
        biases = self.user_bias(users) + self.item_bias(items)
        return (left * right).sum(1) + biases.squeeze(1)


def plain_epoch(
    ratings: Ratings, pairs: Pairs, options: EmbeddingOptions
) -> Callable[[], object]:
    device = pairs.targets.device
    model = Plain(ratings, options).to(device)
    adam = torch.optim.Adam(model.parameters(), options.learning_rate)
    columns = TensorDataset(pairs.users.cpu(), pairs.items.cpu(), pairs.targets.cpu())
    loader = DataLoader(columns, options.batch_size, shuffle=True)

    def epoch() -> None:
        for batch in loader:
            users, items, targets = (column.to(device) for column in batch)
            adam.zero_grad()
            F.mse_loss(model(users, items), targets).backward()
            adam.step()

    return epoch


def our_epoch(
    ratings: Ratings, pairs: Pairs, options: EmbeddingOptions
) -> Callable[[], float]:
    device = pairs.targets.device
    generator = torch.Generator().manual_seed(0)
    chance = torch.Generator(device).manual_seed(0)
    users = rows_of(ratings, "users", with_features=False)
    items = rows_of(ratings, "items", with_features=False)
    head: InnerProduct | Perceptron
    if isinstance(options, NeuralCFOptions):
        head = Perceptron(users, items, options, generator, chance)
    else:
        head = InnerProduct(ratings.n_users, ratings.n_items)
    network = Network(users, items, options.n_factors, head, generator)
    steps = Steps(network.to(device).train(), options)

    n_threads = 1 if is_small(network, options.batch_size) else N_THREADS

    def epoch() -> float:
        order = torch.randperm(len(pairs), generator=chance, device=device)
        with at_most(n_threads):
            return steps.epoch(pairs, order)

    return epoch


@pytest.mark.parametrize("name", OPTIONS)
def test_an_epoch(
    benchmark: Any,
    ledger: Ledger,
    device: str,
    shape: str,
    ratings: Ratings,
    pairs: Pairs,
    name: str,
) -> None:
    ours = our_epoch(ratings, pairs, OPTIONS[name])
    works = {"ours": ours, "plain": plain_epoch(ratings, pairs, OPTIONS[name])}
    taken = in_turn(works, device, ROUNDS)
    figures = {
        "ratings/s": len(pairs) / taken["ours"],
        "plain ratings/s": len(pairs) / taken["plain"],
        "plain / ours": taken["plain"] / taken["ours"],
    }

    benchmark.extra_info |= figures
    ledger.note("Epochs of embeddings", {"shape": shape, "model": name, **figures})
    benchmark.pedantic(seconds, (ours, device), rounds=ROUNDS)
    assert ours() < 1

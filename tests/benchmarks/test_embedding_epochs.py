"""Epochs of the embedding models against others, as ratios within one run.

``plain`` is what one writes in PyTorch: a `DataLoader` over pairs, `nn.Embedding`,
layers of `nn.Linear`, the mean squared error and Adam, in batches of 2,048 or as large.
With ``--device cuda`` both train there. ``cornac`` is the MF of that library, with as
many factors and all cores, where it is installed.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbox_embeddings.blocks import BlockSteps
from benchbox_embeddings.heads import InnerProduct, Perceptron
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import (
    BiasedMFSGDOptions,
    EmbeddingOptions,
    NeuralCFOptions,
)
from benchbox_embeddings.pairs import Pairs, on_device
from benchbox_embeddings.row_steps import RowSteps
from benchbox_embeddings.rows import rows_of
from benchbox_embeddings.threads import is_small
from benchbox_embeddings.training import Stepper
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchbox import Ratings
from benchbox.models.training.threads import at_most
from tests.benchmarks.clocks import N_THREADS, in_turn, seconds
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.shapes import SYNTHETIC, planted

pytestmark = pytest.mark.usefixtures("threads")

OPTIONS: dict[str, EmbeddingOptions] = {
    "biased-mf-sgd": BiasedMFSGDOptions(),
    "neural-cf": NeuralCFOptions(),
}
# An epoch of the plain loop takes seconds; the first of the rounds warms up.
ROUNDS = 2
BATCH = 2048
LARGE = "ml-20m"
"""The shape on which the plain loop would take hours."""


@pytest.fixture(scope="module", params=SYNTHETIC)
def shape(request: Any) -> str:
    return request.param


@pytest.fixture(scope="module")
def ratings(shape: str) -> Ratings:
    return planted(SYNTHETIC[shape])


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
    loader = DataLoader(columns, options.batch_size or BATCH, shuffle=True)

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
    network = network.to(device).train()
    size = options.batch_size or BATCH
    steps: Stepper
    if options.batch_size == 0 and device.type == "cpu":
        steps = BlockSteps(network, options, generator)
    else:
        steps = RowSteps(network, options, size)
    n_threads = 1 if is_small(network, size, moves_rows=True) else N_THREADS

    def epoch() -> float:
        with at_most(n_threads):
            return steps.epoch(pairs, chance)

    return epoch


def cornac_epoch(
    ratings: Ratings, options: EmbeddingOptions
) -> Callable[[], object] | None:
    """Return an epoch of Cornac's MF, or nothing if it is not installed."""
    try:
        from cornac.data import Dataset
        from cornac.models import MF
    except ImportError:
        return None
    n_users, n_items = ratings.n_users, ratings.n_items
    columns = ratings.users.astype("i8"), ratings.items.astype("i8"), ratings.values
    known = Dataset(
        n_users,
        n_items,
        OrderedDict((user, user) for user in range(n_users)),
        OrderedDict((item, item) for item in range(n_items)),
        (*columns[:2], columns[2].astype(np.float64)),
    )

    def epoch() -> None:
        MF(k=options.n_factors, max_iter=1, verbose=False).fit(known)

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
    works: dict[str, Callable[[], object]] = {"ours": ours}
    if shape != LARGE:
        works["plain"] = plain_epoch(ratings, pairs, OPTIONS[name])
    cornac = cornac_epoch(ratings, OPTIONS[name])
    if name == "biased-mf-sgd" and cornac is not None:
        works["cornac"] = cornac
    # Without the plain loop there is time for more.
    taken = in_turn(works, device, 5 if shape == LARGE else ROUNDS)
    figures = {"ratings/s": len(pairs) / taken["ours"]}
    figures |= {
        f"{other} / ours": taken[other] / taken["ours"]
        for other in works
        if other != "ours"
    }

    benchmark.extra_info |= figures
    ledger.note("Epochs of embeddings", {"shape": shape, "model": name, **figures})
    benchmark.pedantic(seconds, (ours, device), rounds=ROUNDS)
    assert ours() < 1

"""Published recipes against a loop that takes one user at a time, as tutorials do.

The loop is the one that the tutorials on stacked autoencoders describe: a dense row of
all items per user, unrated ones 0; layers of `nn.Linear`; the output set to 0 where
nothing is rated; the mean squared error, and a step after every user. The presets train
in batches, by the same network, optimizer and settings. Both are measured per user: of
the loop so many users that it takes seconds, of ours whole epochs.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from benchbox_autoencoders import benchbox_models
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.route import make_steps
from benchbox_autoencoders.rows import Rows
from torch import Tensor, nn

from benchbox import FitContext
from benchbox.models.training.activations import ACTIVATIONS
from benchbox.models.training.optimizers import make_optimizer
from benchbox.options import decode
from tests.benchmarks.clocks import N_THREADS, in_turn, seconds
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.shapes import FILMS, film_rows

pytestmark = pytest.mark.usefixtures("threads")

PRESETS = {
    preset: decode(spec.options, settings, spec.name)
    for spec in benchbox_models()
    for preset, settings in spec.presets.items()
    # Networks of kernels have layers and steps of their own.
    if issubclass(spec.options, AutoencoderOptions) and preset != "published"
}
N_LOOPED = 24
ROUNDS = 3


@pytest.fixture(scope="module")
def rows() -> Rows:
    return film_rows(FILMS["ml-100k"])


class Stacked(nn.Module):
    """Layers of torch's own, from all items to all items."""

    def __init__(self, n_items: int, options: AutoencoderOptions) -> None:
        super().__init__()
        widths = [n_items, *options.hidden_units, n_items]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = ACTIVATIONS[options.activation]
        self.dropout = options.dropout

    def forward(self, row: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            row = F.dropout(self.activation(layer(row)), self.dropout)
        return self.layers[-1](row)


def looped(rows: Rows, options: AutoencoderOptions) -> Callable[[], object]:
    """Return what takes a step after each of the first users."""
    table = torch.zeros(N_LOOPED, rows.n_columns)
    for user, start in enumerate(rows.offsets[:N_LOOPED].tolist()):
        cells = slice(start, start + int(rows.counts[user]))
        table[user, rows.columns[cells].long()] = 1 + rows.values[cells].abs()
    network = Stacked(rows.n_columns, options)
    weights = [p for p in network.parameters() if p.dim() == 2]
    offsets = [p for p in network.parameters() if p.dim() == 1]
    optimizer = make_optimizer(weights, offsets, options)

    def loop() -> None:
        for user in range(N_LOOPED):
            target = table[user].unsqueeze(0)
            fed = target
            for _ in range(1 + options.refeeding):
                output = network(fed)
                masked = torch.where(target == 0, 0.0, output)
                optimizer.zero_grad()
                F.mse_loss(masked, target).backward()
                optimizer.step()
                fed = output.detach()

    return loop


def batched(rows: Rows, options: AutoencoderOptions) -> Callable[[], float]:
    generator = torch.Generator().manual_seed(0)
    network = Network(rows, options, generator)
    network.seed(generator)
    network.route = "sparse"
    steps = make_steps(network, options, FitContext(n_threads=N_THREADS))
    rated = rows.counts.nonzero().view(-1)

    def epoch() -> float:
        network.train()
        return steps.epoch(rows, rated[torch.randperm(len(rated))])

    return epoch


@pytest.mark.parametrize("preset", PRESETS)
def test_an_epoch_of_a_recipe(
    benchmark: Any, ledger: Ledger, rows: Rows, preset: str
) -> None:
    options = PRESETS[preset]
    ours = batched(rows, options)
    taken = in_turn({"ours": ours, "loop": looped(rows, options)}, "cpu", ROUNDS)
    mine, theirs = 1e3 * taken["ours"] / len(rows), 1e3 * taken["loop"] / N_LOOPED
    figures = {"loop ms/user": theirs, "ours ms/user": mine, "ratio": theirs / mine}

    benchmark.extra_info |= figures
    ledger.note(
        "Recipes of tutorials, one user at a time and in batches",
        {"preset": preset, "batch": options.batch_size, **figures},
    )
    benchmark.pedantic(seconds, (ours, "cpu"), rounds=ROUNDS)
    assert ours() > 0

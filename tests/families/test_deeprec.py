"""The preset `deeprec` against source document S2's recipe, written a second time."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from benchbox_autoencoders import benchbox_models
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import StackedOptions
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.training import train
from torch import Tensor, nn, optim

from benchbox import FitContext
from benchbox.options import decode
from tests.support.toy_ratings import from_matrix


def preset(**changed: object) -> StackedOptions:
    (spec,) = (s for s in benchbox_models() if s.name == "stacked-autoencoder")
    settings = dict(spec.presets["deeprec"]) | changed
    return decode(spec.options, settings, "deeprec")


def stars(seed: int = 0) -> Tensor:
    """Return ratings of 1 to 5, 0 where there is none; a column is never rated."""
    draw = np.random.default_rng(seed)
    cells = draw.integers(1, 6, size=(40, 25)) * (draw.random((40, 25)) < 0.3)
    cells[:, 7] = 0
    return torch.from_numpy(cells.astype(np.float32))


def as_rows(whole: Tensor) -> Rows:
    ratings = from_matrix(torch.where(whole > 0, whole, torch.nan).numpy())
    return Rows.from_grouped(ratings.by_user(), ratings.values, "cpu")


class Recipe:
    """The tied network of the document, on whole rows, by torch alone."""

    def __init__(self, network: Network) -> None:
        first, *between = (w.detach().clone() for w in network.weights)
        self.weights = [nn.Parameter(w.T.contiguous()) for w in (first, *between)]
        self.offsets = [nn.Parameter(torch.zeros(len(o))) for o in network.offsets]
        self.optimizer = optim.Adam([*self.weights, *self.offsets], lr=1e-3)

    def output(self, x: Tensor) -> Tensor:
        layers = [*self.weights, *(w.T for w in reversed(self.weights))]
        for number, (weight, offset) in enumerate(
            zip(layers, self.offsets, strict=True), start=1
        ):
            x = F.linear(x, weight, offset)
            if number < len(layers):
                x = F.selu(x)
        return x

    def learn(self, ratings: Tensor) -> None:
        mask, inputs = ratings != 0, ratings
        for _ in range(2):
            output = self.output(inputs)
            loss = ((output - ratings)[mask] ** 2).sum() / mask.sum()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            inputs = output.detach()


@pytest.mark.parametrize("route", ["sparse", "dense"])
def test_the_preset_learns_what_the_recipe_of_the_document_learns(route) -> None:
    options = preset(
        hidden_units=[9, 8, 12, 8, 9], batch_size=16, epochs=3, route=route
    )
    whole = stars()
    rows = as_rows(whole)
    generator = torch.Generator().manual_seed(5)
    recipe = Recipe(Network(rows, options, generator))
    rated = rows.counts.nonzero().view(-1)
    for _ in range(options.epochs):
        order = rated[torch.randperm(len(rated), generator=generator)]
        for batch in order.split(options.batch_size):
            recipe.learn(whole[batch])

    network = train(rows, options, FitContext(seed=5))

    batch = next(rows.batches(torch.arange(len(rows)), len(rows)))
    ours = network.decode(network.hidden(batch), batch.cells)
    expected = recipe.output(whole)[whole != 0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_xavier_weights_spread_by_the_rated_columns_and_the_units() -> None:
    rows = as_rows(stars())
    options = preset(hidden_units=[30], tied=False)
    network = Network(rows, options, torch.Generator().manual_seed(0))

    edge = (6 / (24 + 30)) ** 0.5
    for weights in (network.first, network.last):
        assert not weights[7].any()
        rest = torch.cat([weights[:7], weights[8:]])
        assert 0.95 * edge < rest.abs().max().item() <= edge
        assert rest.std().item() == pytest.approx(edge / 3**0.5, rel=0.05)

"""Training steps of an autoencoder against two dense ones, as ratios within one run.

``plain`` is what one writes in PyTorch: dense batches filled from compressed rows, a
mask, automatic differentiation, fused Adam. ``best`` is the fastest dense step we know:
gradients by hand at rated cells, preallocated, at torch's fastest float32 setting.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import torch
from benchbox_autoencoders.fused import FusedSteps
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows
from torch import Tensor, nn

N_THREADS = 2
ROUNDS = 5

SHAPES = {
    "ml-20m-512": (26_700, (500,), 512, 145),
    "ml-20m-2048": (26_700, (500,), 2048, 145),
    "ml-20m-deep-512": (26_700, (1500, 500, 1500), 512, 145),
    "ml-1m-128": (3_706, (500,), 128, 166),
    "ml-100k-128": (1_682, (500,), 128, 95),
    "ml-100k-default-128": (1_682, (50,), 128, 95),
}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(N_THREADS)
    yield
    torch.set_num_threads(before[0])
    torch.set_float32_matmul_precision(before[1])


def one_batch(n_columns: int, n_rows: int, n_cells: int) -> Rows:
    """Return rows whose columns are as unevenly popular as films are."""
    draw = np.random.Generator(np.random.PCG64(0))
    share = 1 / np.arange(1, n_columns + 1) ** 0.9
    share /= share.sum()
    columns = [
        np.sort(draw.choice(n_columns, n_cells, replace=False, p=share))
        for _ in range(n_rows)
    ]
    return Rows(
        counts=torch.full((n_rows,), n_cells),
        offsets=torch.arange(n_rows + 1) * n_cells,
        columns=torch.from_numpy(np.concatenate(columns).astype(np.int32)),
        values=torch.from_numpy(draw.standard_normal(n_rows * n_cells, dtype="f4")),
        n_columns=n_columns,
    )


class Dense:
    """Weights and fused Adam of a dense autoencoder, and the batch filled in."""

    def __init__(self, rows: Rows, units: tuple[int, ...]) -> None:
        widths = [rows.n_columns, *units, rows.n_columns]
        draw = torch.Generator().manual_seed(0)
        self.weights = [
            nn.Parameter(0.02 * torch.randn(shape, generator=draw))
            for shape in pairwise(widths)
        ]
        self.offsets = [nn.Parameter(torch.zeros(n)) for n in widths[1:]]
        self.parameters = [*self.weights, *self.offsets]
        self.adam = torch.optim.Adam(
            self.parameters, lr=1e-3, weight_decay=1e-4, fused=True
        )
        self.rows, self.n_rows = rows, len(rows)
        self.place = torch.arange(self.n_rows).repeat_interleave(rows.counts)
        self.scale = 2 / len(rows.values)

    def filled(self, values: Tensor) -> Tensor:
        batch = torch.zeros(self.n_rows, self.rows.n_columns)
        batch[self.place, self.rows.columns.long()] = values
        return batch


def plain_step(dense: Dense) -> Callable[[], None]:
    def step() -> None:
        torch.set_float32_matmul_precision("highest")
        inputs = dense.filled(dense.rows.values)
        mask = dense.filled(torch.ones_like(dense.rows.values))
        hidden = inputs
        layers = list(zip(dense.weights, dense.offsets, strict=True))
        for weight, offset in layers[:-1]:
            hidden = torch.sigmoid(torch.addmm(offset, hidden, weight))
        output = torch.addmm(layers[-1][1], hidden, layers[-1][0])
        loss = (((output - inputs) * mask) ** 2).sum() / mask.sum()
        dense.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        dense.adam.step()

    return step


def best_step(dense: Dense) -> Callable[[], None]:
    for parameter in dense.parameters:
        parameter.grad = torch.zeros_like(parameter)
    inputs = torch.zeros(dense.n_rows, dense.rows.n_columns)
    errors = torch.zeros_like(inputs)
    weights, offsets = dense.weights, dense.offsets
    cells = dense.place, dense.rows.columns.long()

    @torch.no_grad()
    def step() -> None:
        torch.set_float32_matmul_precision("medium")
        inputs.zero_()
        inputs[cells] = dense.rows.values
        layers = [inputs]
        for weight, offset in zip(weights[:-1], offsets[:-1], strict=True):
            layers.append(torch.addmm(offset, layers[-1], weight).sigmoid_())
        output = torch.addmm(offsets[-1], layers[-1], weights[-1])
        errors.zero_()
        errors[cells] = (output[cells] - dense.rows.values) * dense.scale
        back = errors
        for n in reversed(range(len(weights))):
            torch.mm(layers[n].T, back, out=weights[n].grad)
            torch.sum(back, 0, out=offsets[n].grad)
            if n:
                back = back @ weights[n].T * layers[n] * (1 - layers[n])
        dense.adam.step()

    return step


def seconds(step: Callable[[], Any]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


@pytest.mark.parametrize("shape", SHAPES)
def test_a_training_step(benchmark: Any, shape: str) -> None:
    n_columns, units, n_rows, n_cells = SHAPES[shape]
    rows = one_batch(n_columns, n_rows, n_cells)
    options = AutoencoderOptions(
        hidden_units=units, batch_size=n_rows, input_dropout=0.0, weight_decay=1e-4
    )
    network = Network(rows, options, torch.Generator().manual_seed(0)).train()
    sparse = FusedSteps(network, options, N_THREADS)
    order = torch.arange(n_rows)
    takers = {
        "sparse": lambda: sparse.epoch(rows, order),
        "plain": plain_step(Dense(rows, units)),
        "best": best_step(Dense(rows, units)),
    }
    for step in takers.values():
        step()
    # In turn, so that whatever else the machine does disturbs all alike.
    taken = [{name: seconds(s) for name, s in takers.items()} for _ in range(ROUNDS)]
    medians = {name: median(times[name] for times in taken) for name in takers}

    benchmark.extra_info |= {
        f"{name} / sparse": round(medians[name] / medians["sparse"], 1)
        for name in ("plain", "best")
    }
    benchmark.pedantic(takers["sparse"], rounds=ROUNDS)
    print(f"\n{shape}: {benchmark.extra_info}, sparse {medians['sparse'] * 1e3:.1f} ms")
    assert np.isfinite(network.weights[0].detach().numpy()).all()

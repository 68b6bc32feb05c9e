"""Takers: whatever takes training steps of one case, ours and the dense ones."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions, Optimizer, Route
from benchbox_autoencoders.route import make_steps
from benchbox_autoencoders.rows import Rows
from torch import Tensor

from benchbox import FitContext
from benchbox.models.contract import Precision
from tests.benchmarks.clocks import N_THREADS
from tests.benchmarks.dense import MATMUL, DenseAutoencoder, best_step, plain_step

Take = Callable[[int], float]
"""Takes so many steps, one after another; returns the mean loss on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is trained how.

    Attributes:
        units: Width of each hidden layer.
        batch_size: Rows per step.
        tied: Whether the decoder has the encoder's weights.
        refeeding: Steps more per batch, with the output as the input.
        optimizer: Rule of the steps.
        precision: Arithmetic of products.
        device: Where.
    """

    units: tuple[int, ...]
    batch_size: int
    tied: bool = False
    refeeding: int = 0
    optimizer: Optimizer = "adam"
    precision: Precision = "float32"
    device: str = "cpu"

    @property
    def options(self) -> AutoencoderOptions:
        """The engine's options; what takes time beside products is left out."""
        return AutoencoderOptions(
            hidden_units=self.units,
            batch_size=self.batch_size,
            tied=self.tied,
            refeeding=self.refeeding,
            optimizer=self.optimizer,
            input_dropout=0.0,
            learning_rate=1e-3,
            weight_decay=1e-4,
        )

    @property
    def has_best(self) -> bool:
        """Whether gradients by hand are written for it."""
        is_usual = self.optimizer == "adam" and self.precision == "float32"
        return is_usual and not self.tied and not self.refeeding


def network_of(case: Case, rows: Rows) -> Network:
    """Return the network to train on *rows*, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    return Network(rows, case.options, generator).to(case.device).train()


def epochs_of(
    case: Case, rows: Rows, route: Route = "sparse"
) -> Callable[[Tensor], float]:
    """Return what takes our steps on *rows* in a given order, batch by batch."""
    network = network_of(case, rows)
    network.route = route
    context = FitContext(
        device=case.device, n_threads=N_THREADS, precision=case.precision
    )
    steps = make_steps(network, case.options, context)

    def epoch(order: Tensor) -> float:
        torch.set_float32_matmul_precision(MATMUL[case.precision])
        return steps.epoch(rows, order)

    return epoch


def ours(case: Case, rows: Rows, index: Tensor, route: Route = "sparse") -> Take:
    """Return what takes our steps on the rows of *index*, batch by batch."""
    epoch = epochs_of(case, rows, route)
    return lambda n: epoch(index.repeat(n))


def plain(case: Case, rows: Rows, index: Tensor) -> Take:
    """Return what takes plain dense steps on the rows of *index*, one batch."""
    dense = DenseAutoencoder(network_of(case, rows), case.options)
    step = plain_step(dense, case.options, case.precision)
    return _repeated(step, rows, index)


def best(case: Case, rows: Rows, index: Tensor) -> Take:
    """Return what takes the best dense steps on the rows of *index*, one batch."""
    dense = DenseAutoencoder(network_of(case, rows), case.options)
    step = best_step(dense, case.options)
    return _repeated(step, rows, index)


def _repeated(step: Callable[[Batch], Tensor], rows: Rows, index: Tensor) -> Take:
    def take(n: int) -> float:
        batches = rows.batches(index.repeat(n), len(index))
        return float(sum(map(step, batches))) / n

    return take

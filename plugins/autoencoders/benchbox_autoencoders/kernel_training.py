"""Training of the kernel autoencoders: all ratings are one batch.

The originals minimise by L-BFGS. Rprop needs fewer evaluations of the loss to reach a
better validation error (measured on ML-100K), and the host need not wait for the device
between its steps.
"""

from collections.abc import Callable

import torch
from torch import nn, optim

from benchbox import FitContext
from benchbox.models.training import TrainingOptions, train_epochs
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.global_kernel import GlobalKernel
from benchbox_autoencoders.kernel_network import KernelNetwork
from benchbox_autoencoders.kernel_options import GLocalKOptions, SparseFCOptions
from benchbox_autoencoders.rows import Rows

Evaluate = Callable[[KernelNetwork], float]


def whole_batch(rows: Rows) -> Batch:
    """Return all *rows* as one batch, sorted by column too."""
    return next(rows.batches(torch.arange(len(rows)), len(rows), by_column=True))


def train_kernels(
    rows: Rows,
    batch: Batch,
    options: SparseFCOptions,
    context: FitContext,
    evaluate: Evaluate | None = None,
) -> KernelNetwork:
    """Return a network that reconstructs the ratings of every item.

    Args:
        rows: Training ratings by item.
        batch: The same as one batch.
        options: Options of the model.
        context: Gives the seed, the device and, for a refit, the number of epochs.
        evaluate: Returns the validation error of a network. If given, training stops
            early, and the network of the best epoch is returned.
    """
    generator = torch.Generator().manual_seed(context.seed)
    reader = None
    if isinstance(options, GLocalKOptions):
        reader = GlobalKernel(batch, options.global_scale, generator)
    network = KernelNetwork(rows, options, generator, reader).to(context.device)
    stages = _Stages(network, batch, options, context)
    train_epochs(
        network,
        stages.optimizer,
        stages.epoch,
        # Rprop adapts the size of each step, so the learning rate has no schedule.
        TrainingOptions(epochs=options.epochs, patience=options.patience),
        context,
        None if evaluate is None else lambda: evaluate(network),
    )
    return network


class _Stages:
    """Takes epochs: first on the ratings as they are, then through a global kernel."""

    def __init__(
        self,
        network: KernelNetwork,
        batch: Batch,
        options: SparseFCOptions,
        context: FitContext,
    ) -> None:
        self.optimizer = _rprop(network, options)
        self._network, self._batch, self._options = network, batch, options
        self._context, self._n_done = context, 0

    def epoch(self) -> float:
        """Take the steps of an epoch, and return the last loss per rating."""
        options = self._options
        if isinstance(options, GLocalKOptions) and self._n_done == options.pretraining:
            identity = options.global_start == "identity"
            self._network.start_fine_tuning(self._batch, as_identity=identity)
            self.optimizer = _rprop(self._network, options)
        self._n_done += 1
        for _ in range(options.steps):
            with self._context.step():
                self.optimizer.zero_grad()
                loss = self._network.loss(self._batch)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
        return float(loss.detach()) / max(1, len(self._batch.values))


def _rprop(network: nn.Module, options: SparseFCOptions) -> optim.Optimizer:
    return optim.Rprop(network.parameters(), lr=options.learning_rate)

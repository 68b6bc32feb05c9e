"""Training: how every embedding model learns."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from benchbox import FitContext
from benchbox.models import TimedStep
from benchbox.models.training import at_most, make_optimizer, train_epochs
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import EmbeddingOptions
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.threads import is_small


class Steps:
    """Takes the steps of *network*, batch by batch.

    Args:
        network: What is trained; it lies on the device of the pairs.
        options: The settings.
        precision: Arithmetic of products on the way: ``bfloat16``, or the weights'.
    """

    def __init__(
        self, network: Network, options: EmbeddingOptions, precision: str = "float32"
    ) -> None:
        self._network, self._options = network, options
        self._in_bfloat16 = precision == "bfloat16"
        self.optimizer = make_optimizer(network.weights, network.offsets, options)

    def epoch(
        self, pairs: Pairs, order: Tensor, timed: TimedStep = nullcontext
    ) -> float:
        """Take a step per batch of *pairs* in *order*; return the mean loss.

        The loss is the mean squared error on the way: each batch's before its step.
        *timed* gives the context that times a step.
        """
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        for batch in pairs.batches(order, self._options.batch_size):
            with timed():
                total += self._step(batch)
        # The only wait for the device.
        return float(total) / len(pairs)

    def squared_error(self, batch: Pairs) -> Tensor:
        """Return the summed squared error of *batch*."""
        kind = batch.targets.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self._in_bfloat16):
            output = self._network(batch.users, batch.items)
        error = output.to(batch.targets.dtype) - batch.targets
        # Of vectors alone: an output (n, 1) would make an error (n, n), refused here.
        return torch.dot(error, error)

    def _step(self, batch: Pairs) -> Tensor:
        squared = self.squared_error(batch)
        loss = squared / len(batch)
        if self._options.l1:
            sizes = [weights.abs().sum() for weights in self._network.parameters()]
            loss = loss + self._options.l1 * torch.stack(sizes).sum()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return squared.detach()


def train_network(
    network: Network,
    make_pairs: Callable[[], Pairs],
    chance: torch.Generator,
    options: EmbeddingOptions,
    context: FitContext,
    evaluate: Callable[[], float] | None = None,
) -> None:
    """Train *network* by epochs.

    Args:
        network: What is trained.
        make_pairs: Gives the pairs of the next epoch.
        chance: Draws their order, on the device of the pairs.
        options: The settings.
        context: Precision, reports, and for a refit the number of epochs.
        evaluate: Gives the validation error of the network as it is; training then
            ends by patience, with the network of the best epoch.
    """
    steps = Steps(network, options, context.precision)

    def take_epoch() -> float:
        pairs = make_pairs()
        order = torch.randperm(len(pairs), generator=chance, device=chance.device)
        return steps.epoch(pairs, order, context.step)

    n_threads = 1 if is_small(network, options.batch_size) else torch.get_num_threads()
    context.note("threads", str(n_threads))
    with at_most(n_threads):
        train_epochs(network, steps.optimizer, take_epoch, options, context, evaluate)

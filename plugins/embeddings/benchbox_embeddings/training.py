"""Training of the embedding models."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from operator import add
from typing import Any, Protocol

import torch
from torch import Tensor, nn, optim

from benchbox import FitContext
from benchbox.models import TimedStep
from benchbox.models.training import at_most, make_optimizer, train_epochs
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import EmbeddingOptions
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.threads import is_small


class Stepper(Protocol):
    """What takes the steps of an epoch; `Steps`, `RowSteps` and `BlockSteps` do.

    Attributes:
        optimizer: Has the learning rate.
        sums_by_torch: Whether torch sums gradients by users and items.
    """

    optimizer: optim.Optimizer
    sums_by_torch: bool

    def epoch(
        self, pairs: Pairs, chance: torch.Generator, timed: TimedStep = nullcontext
    ) -> float:
        """Train on *pairs* once, in an order drawn from *chance*; return the loss."""
        ...


class Steps:
    """Takes optimizer steps of *network*, batch by batch; each moves all parameters.

    Args:
        network: The network to train, on the device of the pairs.
        options: Options of the model.
        batch_size: Number of ratings per step.
        precision: ``bfloat16`` for products in bfloat16; otherwise products have the
            type of the weights.
    """

    sums_by_torch = True

    def __init__(
        self,
        network: Network,
        options: EmbeddingOptions,
        batch_size: int,
        precision: str = "float32",
    ) -> None:
        self._network, self._options = network, options
        self._batch_size, self._precision = batch_size, precision
        self.optimizer = make_optimizer(network.weights, network.offsets, options)

    def epoch(
        self, pairs: Pairs, chance: torch.Generator, timed: TimedStep = nullcontext
    ) -> float:
        """Take a step for each batch of *pairs*; return the mean loss.

        The loss is the mean squared error; each batch's is computed before its step.

        Args:
            pairs: Pairs to train on.
            chance: Random generator of their order, on their device.
            timed: Makes a context in which a step is timed.
        """
        size = self._batch_size
        order = torch.randperm(len(pairs), generator=chance, device=chance.device)
        share_ridge(self.optimizer, self._options, len(pairs))
        squares = pairs.targets.new_zeros(-(-len(order) // size))
        for number, batch in enumerate(pairs.batches(order, size)):
            with timed():
                squares[number] = self._step(batch)
        # The only place that waits for the device. The host adds in float64, which not
        # every device has; one after the other, since from Python 3.12 on `sum` would
        # round otherwise.
        return reduce(add, squares.cpu().tolist(), 0.0) / len(pairs)

    def squared_error(self, batch: Pairs) -> Tensor:
        """Return the summed squared error of *batch*."""
        with arithmetic(self._precision, batch.targets):
            output = self._network(batch.users, batch.items)
        error = output.to(batch.targets.dtype) - batch.targets
        # torch.dot refuses an error of shape (n, n), which an output of shape (n, 1)
        # would give by broadcasting.
        return torch.dot(error, error)

    def _step(self, batch: Pairs) -> Tensor:
        squared = self.squared_error(batch)
        loss = squared / len(batch)
        loss = with_lasso(loss, [*self._network.parameters()], self._options)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return squared.detach()


def share_ridge(
    optimizer: optim.Optimizer, options: EmbeddingOptions, n_pairs: int
) -> None:
    """Have every step of *optimizer* pay its share of the ridge of an epoch.

    Args:
        optimizer: Has the parameters with weight decay in its first group.
        options: Options of the model.
        n_pairs: Number of pairs of the epoch.
    """
    weights = optimizer.param_groups[0]
    weights["weight_decay"] = options.weight_decay + 2 * options.ridge / n_pairs


def with_lasso(
    loss: Tensor, parameters: list[nn.Parameter], options: EmbeddingOptions
) -> Tensor:
    """Return *loss* plus the L1 penalty on *parameters*, if there is one."""
    if not options.l1 or not parameters:
        return loss
    sizes = [weights.abs().sum() for weights in parameters]
    return loss + options.l1 * torch.stack(sizes).sum()


def arithmetic(precision: str, tensor: Tensor) -> AbstractContextManager[Any]:
    """Return the context for products on the device of *tensor*."""
    if precision != "bfloat16":
        # Not every device has autocast, even if it is disabled.
        return nullcontext()
    return torch.autocast(tensor.device.type, torch.bfloat16)


def train_network(
    network: Network,
    steps: Stepper,
    batch_size: int,
    make_pairs: Callable[[], Pairs],
    chance: torch.Generator,
    options: EmbeddingOptions,
    context: FitContext,
    evaluate: Callable[[], float] | None = None,
) -> None:
    """Train *network* epoch by epoch.

    Args:
        network: The network to train.
        steps: What takes its steps.
        batch_size: Number of ratings per step.
        make_pairs: Returns the pairs of the next epoch.
        chance: Random generator of their order, on the device of the pairs.
        options: Options of the model.
        context: Gives the precision and, for a refit, the number of epochs.
        evaluate: Returns the current validation error. If given, training stops early
            and ends with the weights of the best epoch.
    """

    def take_epoch() -> float:
        return steps.epoch(make_pairs(), chance, context.step)

    moves_rows = options.optimizer.startswith("row-")
    small = is_small(network, batch_size, moves_rows=moves_rows)
    n_threads = 1 if small else torch.get_num_threads()
    context.note("threads", str(n_threads))
    if batch_size != options.batch_size:
        context.note("batch size", str(batch_size))
    with at_most(n_threads):
        train_epochs(network, steps.optimizer, take_epoch, options, context, evaluate)

"""Steps by the optimizers that move only the rows that a batch names."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial, reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, optim

from benchbox.models import TimedStep, is_accelerator
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import EmbeddingOptions
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.tables import DeviceTable, HostTable
from benchbox_embeddings.training import arithmetic, share_ridge, with_lasso

_OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "row-sgd": partial(optim.SGD, fused=True),
    "row-adagrad": optim.Adagrad,
    "row-adam": partial(optim.Adam, fused=True),
}


class RowSteps:
    """Takes steps of *network*, batch by batch, that cost nothing for other rows.

    torch differentiates the head by the gathered embeddings, and the rows move by
    kernels of our own on the CPU. The perceptron, which every batch names, takes the
    ordinary steps of the same optimizer.

    Attributes:
        optimizer: Optimizer of the perceptron; rows follow its learning rate.

    Args:
        network: The network to train, on the device of the pairs.
        options: Options of the model.
        batch_size: Number of ratings per step.
        precision: As for `Steps`.
    """

    def __init__(
        self,
        network: Network,
        options: EmbeddingOptions,
        batch_size: int,
        precision: str = "float32",
    ) -> None:
        self._network, self._options = network, options
        self._batch_size, self._precision = batch_size, precision
        device = network.users.weight.device.type
        make = DeviceTable if is_accelerator(device) else HostTable
        head = network.head
        offsets = head.row_offsets or (None, None)
        self.tables = [
            make(side.weight.detach(), None if own is None else own.detach(), options)
            for side, own in zip((network.users, network.items), offsets, strict=True)
        ]
        self._has_offsets = bool(head.row_offsets)
        groups: list[dict[str, Any]] = [
            {"params": list(head.weights)},
            {"params": [] if self._has_offsets else list(head.offsets)},
        ]
        self.optimizer = _OPTIMIZERS[options.optimizer](
            groups, lr=options.learning_rate
        )
        self._pairs: Pairs | None = None

    def epoch(
        self,
        pairs: Pairs,
        chance: torch.Generator,
        timed: TimedStep = nullcontext,
    ) -> float:
        """Take a step for each batch of *pairs*; return the mean loss as `Steps` does.

        Args:
            pairs: Pairs to train on.
            chance: Random generator of their order, on their device.
            timed: Makes a context in which a step is timed.
        """
        if pairs is not self._pairs:
            self._pairs = pairs
            for table, index in zip(
                self.tables, (pairs.users, pairs.items), strict=True
            ):
                table.spread_penalties(index, len(pairs))
            share_ridge(self.optimizer, self._options, len(pairs))
        order = torch.randperm(len(pairs), generator=chance, device=chance.device)
        squares = pairs.targets.new_zeros(-(-len(order) // self._batch_size))
        for number, batch in enumerate(pairs.batches(order, self._batch_size)):
            with timed():
                squares[number] = self._step(batch)
        self._store()
        # The only place that waits for the device; see `Steps`.
        return reduce(add, squares.cpu().tolist(), 0.0) / len(pairs)

    @torch.no_grad()
    def _store(self) -> None:
        """Copy embeddings and offsets back to the network."""
        network = self._network
        for side, table in zip(
            (network.users, network.items), self.tables, strict=True
        ):
            side.weight.copy_(table.factors)
        for own, table in zip(network.head.row_offsets, self.tables, strict=False):
            own.copy_(table.offsets)

    def _step(self, batch: Pairs) -> Tensor:
        index = batch.users, batch.items
        width = self.tables[0].width
        n_columns = width + 1 if self._has_offsets else width
        named = [
            table.rows[:, :n_columns].index_select(0, rows).requires_grad_()
            for table, rows in zip(self.tables, index, strict=True)
        ]
        left, right = (rows[:, :width] for rows in named)
        offsets = tuple(rows[:, width] for rows in named if self._has_offsets)
        with arithmetic(self._precision, batch.targets):
            output = self._network.head.of_rows(left, right, offsets, *index)
        error = output.to(batch.targets.dtype) - batch.targets
        squared = torch.dot(error, error)
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        loss = with_lasso(squared / len(batch), parameters, self._options)
        gradients = torch.autograd.grad(loss, [*named, *parameters])
        rate: float = self.optimizer.param_groups[0]["lr"]
        # Rows follow half the sum of the squares, of which the loss is the mean.
        scale = len(batch) / 2
        for table, rows, own in zip(self.tables, index, gradients, strict=False):
            table.step(rows, own, scale, rate)
        for parameter, own in zip(parameters, gradients[2:], strict=True):
            parameter.grad = own
        self.optimizer.step()
        return squared.detach()

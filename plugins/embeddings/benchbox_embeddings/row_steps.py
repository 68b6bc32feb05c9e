"""Steps by the optimizers that move only the rows that a batch names."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial, reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, optim

from benchbox.models import TimedStep, is_accelerator
from benchbox.models.training import kernels_at_most
from benchbox_embeddings.named import Dealer, Named, NamedPairs
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
        sums_by_torch: Whether torch sums gradients by users and items: it does on an
            accelerator.

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
        # Not torch's number in the epoch, which may be lower because its own operations
        # are short.
        self._n_threads = torch.get_num_threads()
        head = network.head
        offsets = head.row_offsets or (None, None)
        self.tables = [
            self._table(side.weight.detach(), None if own is None else own.detach())
            for side, own in zip((network.users, network.items), offsets, strict=True)
        ]
        self._dealer: Dealer | None = None
        if isinstance(self.tables[0], HostTable):
            n_rows = len(self.tables[0]), len(self.tables[1])
            self._dealer = Dealer(batch_size, n_rows, self._n_threads)
        self._has_offsets = bool(head.row_offsets)
        groups: list[dict[str, Any]] = [
            {"params": list(head.weights)},
            {"params": [] if self._has_offsets else list(head.offsets)},
        ]
        self.optimizer = _OPTIMIZERS[options.optimizer](
            groups, lr=options.learning_rate
        )
        self.sums_by_torch = self._dealer is None
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
        squares = pairs.targets.new_zeros(-(-len(pairs) // self._batch_size))
        with kernels_at_most(self._n_threads):
            for number, batch in enumerate(self._batches(pairs, chance)):
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

    def _table(self, weight: Tensor, offset: Tensor | None) -> HostTable | DeviceTable:
        if is_accelerator(weight.device.type):
            return DeviceTable(weight, offset, self._options)
        return HostTable(weight, offset, self._options, self._n_threads)

    def _batches(self, pairs: Pairs, chance: torch.Generator) -> Iterator[NamedPairs]:
        if self._dealer is not None:
            return self._dealer.batches(pairs, chance)
        order = torch.randperm(len(pairs), generator=chance, device=chance.device)
        return (
            NamedPairs((Named(batch.users), Named(batch.items)), batch.targets)
            for batch in pairs.batches(order, self._batch_size)
        )

    def _step(self, batch: NamedPairs) -> Tensor:
        width = self.tables[0].width
        n_columns = width + 1 if self._has_offsets else width

        rows = [
            table.gather(named, n_columns).requires_grad_()
            for table, named in zip(self.tables, batch.sides, strict=True)
        ]
        left, right = (own[:, :width] for own in rows)
        offsets = tuple(own[:, width] for own in rows if self._has_offsets)
        with arithmetic(self._precision, batch.targets):
            output = self._network.head.of_rows((left, right), offsets, batch.sides)
        error = output.to(batch.targets.dtype) - batch.targets
        squared = torch.dot(error, error)
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        loss = with_lasso(squared / len(batch), parameters, self._options)
        gradients = torch.autograd.grad(loss, [*rows, *parameters])
        rate: float = self.optimizer.param_groups[0]["lr"]
        # Rows follow half the sum of the squares, of which the loss is the mean.
        scale = len(batch) / 2
        for table, named, own in zip(self.tables, batch.sides, gradients, strict=False):
            table.step(named, own, scale, rate)
        for parameter, own in zip(parameters, gradients[2:], strict=True):
            parameter.grad = own
        self.optimizer.step()
        return squared.detach()

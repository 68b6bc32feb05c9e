"""Steps of biased factors rating by rating, on the CPU, in blocks that share no row."""

from contextlib import nullcontext
from functools import reduce
from math import ceil, sqrt
from operator import add
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import optim

from benchbox.models import TimedStep
from benchbox.models.training import kernels_at_most
from benchbox_embeddings import kernels
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import EmbeddingOptions
from benchbox_embeddings.pairs import Pairs
from benchbox_embeddings.tables import Table

# Ratings per block, at most on average. Fewer would read rows from memory more often.
_BLOCK = 1 << 16


class BlockSteps:
    """Takes a step for every rating, on several threads, with the bytes of one.

    Users and items are put into *g* groups each, at random, and ratings into *g* x *g*
    blocks. An epoch has *g* rounds of *g* blocks, no two of which share a user or an
    item (Gemulla et al., 2011). So the blocks of a round may run in any order, side by
    side or not: no step depends on it, and results are the same for any number of
    threads.

    Attributes:
        optimizer: Has the learning rate, and no parameters.

    Args:
        network: A network whose head is an inner product, on the CPU.
        options: Options of the model.
        chance: Random generator of groups and orders.
    """

    sums_by_torch = False

    def __init__(
        self, network: Network, options: EmbeddingOptions, chance: torch.Generator
    ) -> None:
        self._network = network
        # Not torch's number in the epoch, which may be lower because its own operations
        # are short.
        self._n_threads = torch.get_num_threads()
        self.optimizer: optim.Optimizer = optim.SGD(
            [{"params": []}], lr=options.learning_rate
        )
        sides = network.users.weight, network.items.weight
        # Rows are in random order, and groups are parts of it, so that the rows of a
        # group are next to each other.
        self._places = [torch.randperm(len(side), generator=chance) for side in sides]
        self._tables = [
            Table(
                side.detach()[place.argsort()], own.detach()[place.argsort()], options
            )
            for side, own, place in zip(
                sides, network.head.row_offsets, self._places, strict=True
            )
        ]
        self._pairs: Pairs | None = None

    def epoch(
        self,
        pairs: Pairs,
        chance: torch.Generator,
        timed: TimedStep = nullcontext,
    ) -> float:
        """Take a step for each of *pairs*; return the mean loss as `Steps` does.

        Args:
            pairs: Pairs to train on.
            chance: Random generator of their order.
            timed: Makes a context in which a round of blocks is timed.
        """
        if pairs is not self._pairs:
            self._arrange(pairs)
        n = self._n_groups
        seeds = torch.randint(1 << 62, (n * n,), generator=chance).numpy()
        rounds = torch.randperm(n, generator=chance).tolist()
        own = self._tables[0]
        rows = [table.rows.numpy() for table in self._tables]
        constants = own.constants(self.optimizer.param_groups[0]["lr"])
        losses: list[float] = []
        with kernels_at_most(self._n_threads):
            for shift in rounds:
                blocks = np.array([a * n + (a + shift) % n for a in range(n)])
                with timed():
                    taken = kernels.learn_blocks(
                        blocks,
                        self._starts,
                        seeds,
                        *self._columns,
                        *rows,
                        own.width,
                        own.law,
                        constants,
                    )
                losses.extend(taken.tolist())
        self._store()
        # It has nothing to move, but schedules expect that it was asked to.
        self.optimizer.step()
        return reduce(add, losses, 0.0) / len(pairs)

    def _arrange(self, pairs: Pairs) -> None:
        """Put the pairs of a block next to each other."""
        self._pairs = pairs
        n = self._n_groups = ceil(sqrt(len(pairs) / _BLOCK))
        index = pairs.users, pairs.items
        for table, own, place in zip(self._tables, index, self._places, strict=True):
            table.spread_penalties(own, len(pairs), place)
        self._columns: list[NDArray[Any]] = pairs.empty_columns(np.int32)
        self._starts = kernels.by_block(
            *pairs.columns,
            *(place.numpy() for place in self._places),
            n,
            *self._columns,
        )

    @torch.no_grad()
    def _store(self) -> None:
        """Copy embeddings and offsets back to the network."""
        network = self._network
        for side, own, table, place in zip(
            (network.users, network.items),
            network.head.row_offsets,
            self._tables,
            self._places,
            strict=True,
        ):
            side.weight.copy_(table.factors[place])
            own.copy_(table.offsets[place])

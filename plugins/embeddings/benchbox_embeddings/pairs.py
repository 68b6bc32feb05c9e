"""Pairs: users, items and targets as columns on a device, and batches cut from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What to predict, and what to predict there.

    Attributes:
        users: User per pair, int64, shape ``(n,)``.
        items: Item per pair, int64, shape ``(n,)``.
        targets: Centred, scaled rating per pair, shape ``(n,)``.
    """

    users: Tensor
    items: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def followed_by(self, others: "Pairs") -> "Pairs":
        """Return these pairs, then *others*."""
        return Pairs(
            torch.cat([self.users, others.users]),
            torch.cat([self.items, others.items]),
            torch.cat([self.targets, others.targets]),
        )

    def batches(self, order: Tensor, size: int) -> Iterator["Pairs"]:
        """Yield the pairs in *order*, *size* at a time, without a wait for the device.

        Columns are put in order once: the batches are views.
        """
        columns = (self.users, self.items, self.targets)
        ordered = (
            torch.split(column.index_select(0, order), size) for column in columns
        )
        for users, items, targets in zip(*ordered, strict=True):
            yield Pairs(users, items, targets)


def on_device(index: NDArray[np.int32], device: str) -> Tensor:
    """Return *index* on *device*."""
    # A gradient is summed up 4 times faster at int64 than at int32 indexes (measured).
    return torch.from_numpy(index.astype(np.int64)).to(device)

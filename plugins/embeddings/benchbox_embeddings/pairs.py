"""Pairs of user and item with targets, on a device, and batches of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from benchbox.arrays import mapped


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of user and item with targets, as columns.

    Attributes:
        users: User per pair, int64 or int32, shape ``(n,)``.
        items: Item per pair, of the same type, shape ``(n,)``.
        targets: Centred, scaled rating per pair, shape ``(n,)``.
    """

    users: Tensor
    items: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def columns(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Users, items and targets as arrays, of pairs on the CPU; views."""
        return self.users.numpy(), self.items.numpy(), self.targets.numpy()

    def empty_columns(self, kind: DTypeLike) -> list[NDArray[Any]]:
        """Return columns to be filled with as many pairs; large ones are mapped.

        Args:
            kind: Type of users and items.
        """
        n, of_targets = len(self), self.columns[2].dtype
        return [mapped.empty(n, own) for own in (kind, kind, of_targets)]

    def followed_by(self, others: "Pairs") -> "Pairs":
        """Return these pairs followed by *others*."""
        return Pairs(
            torch.cat([self.users, others.users]),
            torch.cat([self.items, others.items]),
            torch.cat([self.targets, others.targets]),
        )

    def batches(self, order: Tensor, size: int) -> Iterator["Pairs"]:
        """Yield the pairs in *order*, *size* at a time, without waiting for the device.

        Columns are reordered once, and the batches are views of them.
        """
        columns = (self.users, self.items, self.targets)
        ordered = (
            torch.split(column.index_select(0, order), size) for column in columns
        )
        for users, items, targets in zip(*ordered, strict=True):
            yield Pairs(users, items, targets)


def on_device(
    index: NDArray[np.int32], device: str, *, is_summed: bool = True
) -> Tensor:
    """Return a copy of *index* on *device*; a large one on the CPU is mapped.

    Args:
        index: Users or items, shape ``(n,)``.
        device: The device.
        is_summed: Whether torch sums gradients by it, which takes 4 times as long with
            int32 (measured). So the copy is int64 then.
    """
    kind = np.int64 if is_summed else np.int32
    return torch.from_numpy(mapped.copied(index, kind)).to(device)

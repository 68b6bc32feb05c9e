"""Rows: what is known about all users, or all items, before training."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchbox import Ratings
from benchbox.models import State, described
from benchbox_embeddings.options import Side


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """All users, or all items.

    Attributes:
        cold: 1 for rows that are not trained on, else 0, shape ``(n, 1)``.
        features: Encoded features per row, shape ``(n, d)``; *d* may be 0.
    """

    cold: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.cold)


def rows_of(train: Ratings, side: Side, *, with_features: bool) -> Rows:
    """Return the users or the items of *train*.

    Raises:
        ModelError: Features are asked for, but the data set has no usable ones.
    """
    index, n = (
        (train.users, train.n_users)
        if side == "users"
        else (train.items, train.n_items)
    )
    cold = np.ones((n, 1), np.float32)
    cold[index] = 0
    matrix = cold[:, :0]
    if with_features:
        asked = f"side_features={side}"
        matrix = described(train, users=side == "users", asked=asked).matrix
    return Rows(cold=torch.from_numpy(cold), features=torch.from_numpy(matrix.copy()))


def rows_from(weights: State, side: Side) -> Rows:
    """Return the users or the items that the saved state of a network contains."""
    cold = torch.from_numpy(weights[f"{side}.cold"].copy())
    # A network with an inner product as its head has no features.
    features = weights.get(f"head.{side[:-1]}_features", weights[f"{side}.cold"][:, :0])
    return Rows(cold=cold, features=torch.from_numpy(features.copy()))

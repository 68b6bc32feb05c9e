"""Rows: what is known of users, or of items, before training."""

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
        cold: 1 for a row that is not trained on, else 0; shape ``(n, 1)``.
        features: What is known of each row, shape ``(n, d)``; *d* may be 0.
    """

    cold: Tensor
    features: Tensor

    def __len__(self) -> int:
        return len(self.cold)


def rows_of(train: Ratings, side: Side, *, with_features: bool) -> Rows:
    """Return the users, or items, of *train*.

    Raises:
        ModelError: Features are wanted, but the data have none that describe.
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
    """Return the users, or items, that the state of a network holds."""
    cold = torch.from_numpy(weights[f"{side}.cold"].copy())
    # An inner product holds no features.
    features = weights.get(f"head.{side[:-1]}_features", weights[f"{side}.cold"][:, :0])
    return Rows(cold=cold, features=torch.from_numpy(features.copy()))

"""The bias model: fallback for cold pairs, and the baseline every model must beat."""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchbox.models.state import State
from benchbox.ratings import IndexArray, Ratings, Values


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BiasModel:
    """Global mean plus a shrunken offset per user and per item.

    Predicts ``mean + user_bias[u] + item_bias[i]``; users and items without training
    ratings have an offset of 0 (Koren, 2009, doi:10.1145/1644873.1644874, eq. 2).

    Attributes:
        mean: Mean training rating.
        user_bias: Offset per user, shape ``(n_users,)``, float64.
        item_bias: Offset per item, shape ``(n_items,)``, float64.
        user_damping: Number of pseudo-ratings that pull a user's offset towards 0.
    """

    mean: float
    user_bias: NDArray[np.float64]
    item_bias: NDArray[np.float64]
    user_damping: float

    @property
    def state(self) -> State:
        """The learned parameters, for saving."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the model with these learned parameters."""
        return cls(
            mean=float(state["mean"]),
            user_bias=state["user_bias"],
            item_bias=state["item_bias"],
            user_damping=float(state["user_damping"]),
        )

    def predict(self, users: IndexArray, items: IndexArray) -> Values:
        """Return a prediction per pair, shape ``(n,)``, unclipped."""
        total = self.mean + self.user_bias[users] + self.item_bias[items]
        return total.astype(np.float32)

    def user_bias_from(self, history: Ratings) -> NDArray[np.float64]:
        """Return offsets, shape ``(n_users,)``, computed from users' *history*.

        The users need not be among those the model was trained on.
        """
        centred = history.values.astype(np.float64) - self.mean
        rest = centred - self.item_bias[history.items]
        return _damped_mean(rest, history.users, history.n_users, self.user_damping)


def fit_bias_model(
    train: Ratings,
    *,
    user_damping: float = 5.0,
    item_damping: float = 2.0,
    n_sweeps: int = 10,
) -> BiasModel:
    """Fit user and item offsets by alternating ridge regression.

    Minimises ``sum((r - mean - b_u - b_i)^2)`` plus the dampings times the squared
    offsets. Each half-sweep is exact in closed form; after ten sweeps, further ones
    make no visible difference.

    Args:
        train: Ratings to fit; at least one.
        user_damping: Number of pseudo-ratings per user, at offset 0.
        item_damping: Number of pseudo-ratings per item, at offset 0.
        n_sweeps: Number of times that both sides are solved.
    """
    mean = float(train.values.mean(dtype=np.float64))
    centred = train.values.astype(np.float64) - mean
    user_bias = np.zeros(train.n_users)
    item_bias = np.zeros(train.n_items)
    for _ in range(n_sweeps):
        rest = centred - user_bias[train.users]
        item_bias = _damped_mean(rest, train.items, train.n_items, item_damping)
        rest = centred - item_bias[train.items]
        user_bias = _damped_mean(rest, train.users, train.n_users, user_damping)
    return BiasModel(
        mean=mean, user_bias=user_bias, item_bias=item_bias, user_damping=user_damping
    )


def _damped_mean(
    values: NDArray[np.float64], groups: IndexArray, n_groups: int, damping: float
) -> NDArray[np.float64]:
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups)
    means = np.zeros(n_groups)
    # A group without ratings has an offset of 0, even without damping.
    np.divide(sums, counts + damping, out=means, where=counts > 0)
    return means

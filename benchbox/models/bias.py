"""The bias model: fallback for cold pairs, and the baseline every model must beat."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import add_sums, tally
from benchbox.arrays.parallel import long_slices
from benchbox.models.state import State
from benchbox.ratings import IndexArray, Ratings, Values

# Where the search for the dampings starts. It also counts as a tenth of an offset, so
# that a damping stays finite if all offsets are 0.
_USER_DAMPING, _ITEM_DAMPING = 5.0, 2.0
_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BiasModel:
    """Global mean plus a shrunken offset per user and per item.

    Predicts ``mean + user_bias[u] + item_bias[i]``; users and items without training
    ratings have an offset of 0 (Koren, 2009, doi:10.1145/1644873.1644874, eq. 2).
    The damping of a side is the variance of the noise divided by the variance of the
    side's offsets, so it does not depend on the unit of the ratings.

    Attributes:
        mean: Mean training rating.
        user_bias: Offset per user, shape ``(n_users,)``, float64.
        item_bias: Offset per item, shape ``(n_items,)``, float64.
        user_damping: Number of pseudo-ratings that pull a user's offset towards 0.
        item_damping: The same for an item's offset.
    """

    mean: float
    user_bias: NDArray[np.float64]
    item_bias: NDArray[np.float64]
    user_damping: float
    item_damping: float

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
            # Models saved by benchbox 0.1 lack it; no prediction needs it.
            item_damping=float(state.get("item_damping", np.nan)),
        )

    def predict(self, users: IndexArray, items: IndexArray) -> Values:
        """Return a prediction per pair, shape ``(n,)``, unclipped."""
        predicted = mapped.empty(len(users), np.float32)
        for part in long_slices(len(users)):
            total = self.mean + self.user_bias[users[part]]
            predicted[part] = total + self.item_bias[items[part]]
        return predicted

    def predict_from(
        self, history: Ratings, users: IndexArray, items: IndexArray
    ) -> NDArray[np.float64]:
        """Return a prediction per pair, with users' offsets from their *history*."""
        offsets = self.user_bias_from(history)
        centres: NDArray[np.float64] = (
            self.mean + offsets[users] + self.item_bias[items]
        )
        return centres

    def user_bias_from(self, history: Ratings) -> NDArray[np.float64]:
        """Return offsets, shape ``(n_users,)``, computed from users' *history*.

        The users need not be among those the model was trained on.
        """
        users = _Side(history.users, history.n_users, self.user_damping, np.nan)
        users.solve(
            lambda part: (
                history.values[part].astype(np.float64)
                - self.mean
                - self.item_bias[history.items[part]]
            )
        )
        return users.offsets


def fit_bias_model(
    train: Ratings,
    *,
    user_damping: float | None = None,
    item_damping: float | None = None,
    n_sweeps: int = 10,
) -> BiasModel:
    """Fit user and item offsets by alternating ridge regression.

    Minimises ``sum((r - mean - b_u - b_i)^2)`` plus the dampings times the squared
    offsets. Each half-sweep is exact in closed form; after ten sweeps, further ones
    make no visible difference.

    Dampings that are not given are fitted to *train* as well, by empirical Bayes:
    offsets and noise are taken as normally distributed, and after each sweep their
    variances are set to those that are most likely given the offsets and their
    uncertainty (MacKay, 1992, doi:10.1162/neco.1992.4.3.415, eq. 2.2). The uncertainty
    of each offset is that with all others known, as in variational inference.

    Args:
        train: Ratings to fit; at least one.
        user_damping: Number of pseudo-ratings per user, at offset 0; by default fitted.
        item_damping: Number of pseudo-ratings per item, at offset 0; by default fitted.
        n_sweeps: Number of times that both sides are solved.
    """
    mean = float(train.values.mean(dtype=np.float64))
    users = _Side(train.users, train.n_users, user_damping, _USER_DAMPING)
    items = _Side(train.items, train.n_items, item_damping, _ITEM_DAMPING)

    def centred(part: slice) -> NDArray[np.float64]:
        return train.values[part].astype(np.float64) - mean

    squares = 0.0
    for part in users.parts:
        squares += float(np.square(centred(part)).sum())
    noise = squares / len(train)
    for sweep in range(1, n_sweeps + 1):
        items.solve(lambda part: centred(part) - users.of(part))
        users.solve(lambda part: centred(part) - items.of(part))
        if sweep < n_sweeps and not (users.is_fixed and items.is_fixed):
            n_fitted = users.n_fitted + items.n_fitted
            error = users.squared_error(lambda part: centred(part) - items.of(part))
            noise = (error + noise * n_fitted) / len(train)
            users.fit_damping(noise)
            items.fit_damping(noise)
    return BiasModel(
        mean=mean,
        user_bias=users.offsets,
        item_bias=items.offsets,
        user_damping=users.damping,
        item_damping=items.damping,
    )


_Rest = Callable[[slice], NDArray[np.float64]]
"""Returns the ratings of a part minus the mean and the other side's offsets."""


class _Side:
    """The offsets of users or of items while they are fitted.

    Attributes:
        offsets: Offset per user or item, shape ``(n_groups,)``.
        damping: Their damping.
        is_fixed: Whether the damping was given.
        parts: Parts of the ratings, computed one after another to save memory.

    Args:
        groups: User or item per rating, shape ``(n,)``.
        n_groups: Number of users or items.
        damping: Their damping; `None` to fit it.
        expected: Damping to start from, if it is fitted.
    """

    def __init__(
        self, groups: IndexArray, n_groups: int, damping: float | None, expected: float
    ) -> None:
        self.offsets = np.zeros(n_groups)
        self.damping = expected if damping is None else damping
        self.is_fixed = damping is not None
        self.parts = long_slices(len(groups))
        self._expected = expected
        self._groups = groups
        self._counts = tally(groups, n_groups)

    @property
    def n_fitted(self) -> float:
        """Number of offsets that the ratings determine, rather than the damping."""
        counts = self._counts[self._counts > 0]
        return float(np.sum(counts / (counts + self.damping)))

    def of(self, part: slice) -> NDArray[np.float64]:
        """Return the offset of each rating of *part*."""
        found: NDArray[np.float64] = self.offsets[self._groups[part]]
        return found

    def solve(self, rest: _Rest) -> None:
        """Compute the offsets from *rest*."""
        sums = np.zeros(len(self._counts))
        for part in self.parts:
            add_sums(sums, self._groups[part], rest(part))
        # A group without ratings has an offset of 0, even without damping.
        offsets, counts = np.zeros(len(sums)), self._counts
        np.divide(sums, counts + self.damping, out=offsets, where=counts > 0)
        self.offsets = offsets

    def squared_error(self, rest: _Rest) -> float:
        """Return the sum of squares of what the offsets leave of *rest*."""
        total = 0.0
        for part in self.parts:
            left = rest(part) - self.of(part)
            # Unlike a product by BLAS, this sum does not depend on the number of
            # threads.
            total += float(np.einsum("n,n->", left, left))
        return total

    def fit_damping(self, noise: float) -> None:
        """Set the damping to the ratio of *noise* and the variance of the offsets."""
        squares = float(np.square(self.offsets).sum())
        squares += _WEIGHT * noise / self._expected
        if not self.is_fixed and squares > 0:
            self.damping = noise * (self.n_fitted + _WEIGHT) / squares

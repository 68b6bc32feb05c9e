"""The bias model: fallback for cold pairs, and the baseline every model must beat."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

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
        total = self.mean + self.user_bias[users] + self.item_bias[items]
        return total.astype(np.float32)

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
        centred = history.values.astype(np.float64) - self.mean
        rest = centred - self.item_bias[history.items]
        return _damped_mean(rest, history.users, history.n_users, self.user_damping)


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
    centred = train.values.astype(np.float64) - mean
    users = _Side(train.users, train.n_users, user_damping, _USER_DAMPING)
    items = _Side(train.items, train.n_items, item_damping, _ITEM_DAMPING)
    noise = float(np.square(centred).mean())
    for sweep in range(1, n_sweeps + 1):
        items.solve(centred - users.offsets[train.users])
        rest = centred - items.offsets[train.items]
        users.solve(rest)
        if sweep < n_sweeps and not (users.is_fixed and items.is_fixed):
            n_fitted = users.n_fitted + items.n_fitted
            noise = (users.squared_error(rest) + noise * n_fitted) / len(train)
            users.fit_damping(noise)
            items.fit_damping(noise)
    return BiasModel(
        mean=mean,
        user_bias=users.offsets,
        item_bias=items.offsets,
        user_damping=users.damping,
        item_damping=items.damping,
    )


class _Side:
    """The offsets of users or of items while they are fitted.

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
        self._expected = expected
        self._groups = groups
        self._counts = np.bincount(groups, minlength=n_groups)

    @property
    def n_fitted(self) -> float:
        """Number of offsets that the ratings determine, rather than the damping."""
        counts = self._counts[self._counts > 0]
        return float(np.sum(counts / (counts + self.damping)))

    def solve(self, rest: NDArray[np.float64]) -> None:
        """Compute the offsets from *rest*, the ratings minus the other side's."""
        sums = np.bincount(self._groups, weights=rest, minlength=len(self._counts))
        self.offsets = _damped(sums, self._counts, self.damping)

    def squared_error(self, rest: NDArray[np.float64]) -> float:
        """Return the sum of squares of what the offsets leave of *rest*."""
        left = rest - self.offsets[self._groups]
        # Unlike a product by BLAS, this sum does not depend on the number of threads.
        return float(np.einsum("n,n->", left, left))

    def fit_damping(self, noise: float) -> None:
        """Set the damping to the ratio of *noise* and the variance of the offsets."""
        squares = float(np.square(self.offsets).sum())
        squares += _WEIGHT * noise / self._expected
        if not self.is_fixed and squares > 0:
            self.damping = noise * (self.n_fitted + _WEIGHT) / squares


def _damped_mean(
    values: NDArray[np.float64], groups: IndexArray, n_groups: int, damping: float
) -> NDArray[np.float64]:
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups)
    return _damped(sums, counts, damping)


def _damped(
    sums: NDArray[Any], counts: NDArray[np.intp], damping: float
) -> NDArray[np.float64]:
    means = np.zeros(len(sums))
    # A group without ratings has an offset of 0, even without damping.
    np.divide(sums, counts + damping, out=means, where=counts > 0)
    return means

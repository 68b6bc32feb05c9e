"""Slope One: the user's ratings plus mean differences between items."""

import numpy as np
from numpy.typing import NDArray

from benchbox.models import State, nested, part
from benchbox_neighbours import kernels
from benchbox_neighbours.options import SlopeOneOptions
from benchbox_neighbours.residuals import ResidualModel
from benchbox_neighbours.rows import Rows, group, rows_from, rows_state, transposed


class SlopeOne(ResidualModel):
    """Means of ``r_uj + d_ij`` over the user's items *j* (Lemire & Maclachlan, 2005).

    *d_ij* is the mean difference of items *i* and *j* over the *c* users who rated
    both. It has the weight ``c / (c + shrinkage)``, and the bias model's prediction has
    the weight ``damping``. Without these two, it is the published scheme.

    It is computed from residuals of the bias model, which gives the same. Residuals of
    all training ratings are stored, and an item's differences are computed when it is
    asked for; so there is no table of items × items.
    """

    def __init__(self, options: SlopeOneOptions) -> None:
        super().__init__()
        self._options = options
        self._items: Rows
        self._users: Rows

    def _learn(self, users: Rows, items: Rows) -> None:
        self._items, self._users = items, users

    def _learned(self) -> State:
        n_users = {"n_users": len(self._users[0]) - 1}
        return {**nested("items", rows_state(self._items)), **n_users}

    def _relearn(self, state: State) -> None:
        self._items = rows_from(part(state, "items"))
        self._users = transposed(self._items, int(state["n_users"]))

    def _means(
        self, rated: Rows, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return group(items, users, items).answered(
            kernels.by_differences,
            self._n_threads,
            rated,
            self._items,
            self._users,
            np.float32(self._options.shrinkage),
            np.float32(self._options.damping),
        )

"""Nearest neighbours: weighted means of residuals over similar items or users."""

import numpy as np
from numpy.typing import NDArray

from benchbox.models import State, nested, part
from benchbox_neighbours import kernels
from benchbox_neighbours.options import KNNItemOptions, KNNUserOptions
from benchbox_neighbours.residuals import ResidualModel
from benchbox_neighbours.rows import Rows, group, in_parts, rows_from, rows_state

# Items whose neighbours are found at a time.
_BLOCK = 4096


class KNNItem(ResidualModel):
    """``b_ui + sum(s_ij (r_uj - b_uj)) / (sum(s_ij) + damping)`` (Koren, 2010, eq. 3).

    The sums are over those ``k`` of the user's items that are most similar to *i*, and
    *b* is the bias model. The similarity *s* of two items is the correlation of their
    residuals over the *n* users who rated both, times ``n / (n + shrinkage)``, if it is
    above 0.

    The ``n_candidates`` most similar items of each item are stored, which takes at most
    ``8 * n_candidates * n_items`` bytes. Finding them takes time in proportion to the
    sum of users' squared numbers of ratings.
    """

    def __init__(self, options: KNNItemOptions) -> None:
        super().__init__()
        self._options = options
        self._neighbours: Rows

    def _learn(self, users: Rows, items: Rows) -> None:
        n_items = len(items[0]) - 1
        blocks = [
            self._nearest(users, items, first, min(_BLOCK, n_items - first))
            for first in range(0, n_items, _BLOCK)
        ]
        near, similarities, counts = map(np.concatenate, zip(*blocks, strict=True))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._neighbours = offsets, near, similarities

    def _nearest(
        self, users: Rows, items: Rows, first: int, n: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
        options = self._options
        most = min(options.n_candidates, len(items[0]) - 1)
        near = np.empty((n, most), np.int32)
        similarities, counts = np.empty((n, most), np.float32), np.zeros(n, np.int64)
        in_parts(
            kernels.nearest,
            self._n_threads,
            n,
            near,
            similarities,
            counts,
            first,
            items,
            users,
            np.float32(options.shrinkage),
            options.min_overlap,
        )
        stored = np.arange(most) < counts[:, None]
        return near[stored], similarities[stored], counts

    def _learned(self) -> State:
        return nested("neighbours", rows_state(self._neighbours))

    def _relearn(self, state: State) -> None:
        self._neighbours = rows_from(part(state, "neighbours"))

    def _means(
        self, rated: Rows, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return group(users, users, items).answered(
            kernels.by_items,
            self._n_threads,
            rated,
            self._neighbours,
            self._options.k,
            np.float32(self._options.damping),
        )


class KNNUser(ResidualModel):
    """``b_ui + sum(s_uv (r_vi - b_vi)) / (sum(s_uv) + damping)``.

    As `KNNItem`, with users and items exchanged (Herlocker et al., 1999). Residuals of
    all training ratings are stored. Similarities are computed for a prediction, from
    the user's history, in time proportional to the number of ratings of the user's
    items.
    """

    def __init__(self, options: KNNUserOptions) -> None:
        super().__init__()
        self._options = options
        self._items: Rows

    def _learn(self, users: Rows, items: Rows) -> None:
        self._items = items

    def _learned(self) -> State:
        return nested("items", rows_state(self._items))

    def _relearn(self, state: State) -> None:
        self._items = rows_from(part(state, "items"))

    def _means(
        self, rated: Rows, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        options = self._options
        return group(users, users, items).answered(
            kernels.by_users,
            self._n_threads,
            rated,
            self._items,
            # Users of the history may have larger indexes than any trained on.
            max(len(rated[0]) - 1, 1 + int(self._items[1].max())),
            options.k,
            np.float32(options.damping),
            np.float32(options.shrinkage),
            options.min_overlap,
        )

"""Co-clustering: users and items in groups, with a mean per pair of groups."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import (
    Shrinkage,
    State,
    fit_bias_model,
    fit_shrinkage,
    nested,
    part,
)
from benchbox_neighbours.options import CoClusteringOptions

Floats = NDArray[np.float64]
Clusters = NDArray[np.int64]


class CoClustering:
    """``b_ui + B[g_u, h_i]`` (George & Merugu, 2005).

    *g* and *h* are the clusters of users and items, and *b* the offsets of both. With
    ``offsets=bias``, they are those of the bias model, and *B* is the mean residual of
    two clusters. With ``offsets=means``, *b* is the user's mean plus the item's minus
    the overall mean, and *B* the mean of the two clusters minus the mean of each,
    plus the overall mean: the published model.

    Users and items are assigned in turn to the cluster with the least squared error. A
    user's cluster and offset come from their history.
    """

    def __init__(self, options: CoClusteringOptions) -> None:
        self._options = options
        self._mean = 0.0
        self._user_damping = 0.0
        self._shrinkage = Shrinkage()
        # Offset and cluster per item, and B, shape (n_user_clusters, n_item_clusters).
        self._item_offsets: Floats
        self._item_clusters: Clusters
        self._blocks: Floats

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Assign users and items to clusters in turn, from a random start."""
        options = self._options
        n_epochs = context.epochs or options.epochs
        self._fit_offsets(train)
        rest = self._residuals(train)
        draw = np.random.Generator(np.random.PCG64(context.seed))
        of_users = draw.integers(0, options.n_user_clusters, train.n_users)
        of_items = draw.integers(0, options.n_item_clusters, train.n_items)
        for epoch in range(1, n_epochs + 1):
            blocks = self._means(train, rest, of_users, of_items)
            of_users = _nearest(
                train.users, of_items[train.items], rest, blocks, train.n_users
            )
            blocks = self._means(train, rest, of_users, of_items)
            of_items = _nearest(
                train.items, of_users[train.users], rest, blocks.T, train.n_items
            )
            if epoch < n_epochs:
                context.report(epoch, n_epochs)
        self._item_clusters = of_items
        self._blocks = self._means(train, rest, of_users, of_items)
        error = context.validation_error(self._unshrunk)
        context.report(n_epochs, n_epochs, validation_rmse=error)
        self._shrinkage = fit_shrinkage(train, context, self._unshrunk, self._shrinkage)

    def state(self) -> State:
        """Return the offsets, the clusters of items, and the blocks."""
        return {
            "mean": self._mean,
            "user_damping": self._user_damping,
            "item_offsets": self._item_offsets,
            "item_clusters": self._item_clusters,
            "blocks": self._blocks,
            **nested("shrinkage", self._shrinkage.state),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._mean = float(state["mean"])
        self._user_damping = float(state["user_damping"])
        self._item_offsets = state["item_offsets"]
        self._item_clusters, self._blocks = state["item_clusters"], state["blocks"]
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))

    @property
    def n_parameters(self) -> int:
        """Mean, offset and cluster of each item, and blocks."""
        own = 1 + 2 * len(self._item_clusters) + self._blocks.size
        return own + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return offsets plus blocks; *history* gives users' offsets and clusters."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        of_users = _nearest(
            history.users,
            self._item_clusters[history.items],
            self._residuals(history),
            self._blocks,
            history.n_users,
        )
        rated = np.bincount(history.users, minlength=history.n_users) > 0
        known = rated[users]
        total = self._centres(history, users, items)
        blocks = self._blocks[of_users[users], self._item_clusters[items]]
        # A user without ratings belongs to no cluster.
        return (total + np.where(known, blocks, 0)).astype(np.float32)

    def _fit_offsets(self, train: Ratings) -> None:
        if self._options.offsets == "bias":
            bias = fit_bias_model(train)
            self._mean, self._user_damping = bias.mean, bias.user_damping
            self._item_offsets = bias.item_bias
            return
        self._mean, self._user_damping = float(train.values.mean(dtype=np.float64)), 0.0
        centred = train.values.astype(np.float64) - self._mean
        self._item_offsets = _group_means(train.items, centred, train.n_items)

    def _centres(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> Floats:
        centred = history.values.astype(np.float64) - self._mean
        if self._options.offsets == "bias":
            centred -= self._item_offsets[history.items]
        offsets = _group_means(
            history.users, centred, history.n_users, self._user_damping
        )
        total: Floats = self._mean + offsets[users] + self._item_offsets[items]
        return total

    def _residuals(self, ratings: Ratings) -> Floats:
        return ratings.values - self._centres(ratings, ratings.users, ratings.items)

    def _means(
        self, train: Ratings, rest: Floats, of_users: Clusters, of_items: Clusters
    ) -> Floats:
        """Return the blocks, shape ``(n_user_clusters, n_item_clusters)``."""
        n, m = self._options.n_user_clusters, self._options.n_item_clusters
        one, other = of_users[train.users], of_items[train.items]
        cells = one * m + other
        if self._options.offsets == "bias":
            return _group_means(cells, rest, n * m).reshape(n, m)
        # Around the overall mean, so that an empty block has the overall mean.
        centred = train.values.astype(np.float64) - self._mean
        both: Floats = _group_means(cells, centred, n * m).reshape(n, m)
        both -= _group_means(one, centred, n)[:, None]
        both -= _group_means(other, centred, m)
        return both


def _group_means(
    groups: NDArray[Any], values: Floats, n: int, damping: float = 0.0
) -> Floats:
    """Return the mean value of each of *n* groups; 0 of an empty one."""
    counts = np.bincount(groups, minlength=n)
    sums = np.bincount(groups, weights=values, minlength=n).astype(np.float64)
    means: Floats = sums / np.where(counts > 0, counts + damping, 1)
    return means


def _nearest(
    rows: NDArray[np.int32],
    clusters: Clusters,
    rest: Floats,
    blocks: Floats,
    n_rows: int,
) -> Clusters:
    """Return the cluster of each row that has the least squared error.

    Args:
        rows: User or item per rating, shape ``(n,)``.
        clusters: Cluster of the other side per rating, shape ``(n,)``.
        rest: Residual per rating, shape ``(n,)``.
        blocks: Value per cluster of rows and of the other side, shape ``(g, h)``.
        n_rows: Number of users or items.
    """
    width = blocks.shape[1]
    cells = rows.astype(np.int64) * width + clusters
    shape = (n_rows, width)
    counts = np.bincount(cells, minlength=n_rows * width).reshape(shape)
    sums = np.bincount(cells, weights=rest, minlength=n_rows * width).reshape(shape)
    # The squared error, without the squares of residuals, which all clusters share.
    errors = counts @ np.square(blocks).T - 2 * sums @ blocks.T
    chosen: Clusters = errors.argmin(axis=1)
    return chosen

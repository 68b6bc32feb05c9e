"""Ratings as the compiled loops take them, and the pairs to predict in groups."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.models import State
from benchbox.ratings import Grouped, IndexArray

Rows = tuple[NDArray[np.int64], IndexArray, NDArray[np.float32]]
"""Sparse rows: offsets of shape ``(n_rows + 1,)``, and column and value per cell.

Row *r* has the cells ``offsets[r]:offsets[r + 1]``.
"""

_NAMES = ("offsets", "columns", "values")

_PARTS = 8
"""Parts of a loop per thread, so that none waits long for another."""


def rows_of(grouped: Grouped, values: NDArray[np.float32]) -> Rows:
    """Return *values*, one per rating in their original order, as sparse rows."""
    # A copy: for arrays that cannot be written to, the loops would be compiled again.
    return (
        grouped.offsets.astype(np.int64),
        grouped.indices.astype(np.int32),
        grouped.arranged(values),
    )


def rows_state(rows: Rows) -> State:
    """Return sparse rows as a state."""
    return dict(zip(_NAMES, rows, strict=True))


def rows_from(state: State) -> Rows:
    """Return the sparse rows that `rows_state` made a state of."""
    offsets, columns, values = (np.array(state[name]) for name in _NAMES)
    return offsets, columns, values


def transposed(rows: Rows, n_columns: int) -> Rows:
    """Return the columns of sparse *rows* as sparse rows."""
    from scipy.sparse import csr_array

    offsets, columns, values = rows
    turned = csr_array(
        (values, columns, offsets), shape=(len(offsets) - 1, n_columns)
    ).tocsc()
    return (
        turned.indptr.astype(np.int64),
        turned.indices.astype(np.int32),
        turned.data,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Pairs to predict, with those of one user, or of one item, together.

    Attributes:
        order: Position of each pair among those asked, shape ``(n,)``.
        groups: Group *g* has the pairs ``groups[g]:groups[g + 1]``.
        users: User per pair, shape ``(n,)``.
        items: Item per pair, shape ``(n,)``.
    """

    order: NDArray[np.int64]
    groups: NDArray[np.int64]
    users: IndexArray
    items: IndexArray

    def answered(
        self, loop: Callable[..., None], n_threads: int, *arguments: object
    ) -> NDArray[np.float32]:
        """Return what *loop* computes for each pair, in the order they were asked in.

        Args:
            loop: Compiled loop over the groups of pairs; see `in_parts`.
            n_threads: Number of threads.
            *arguments: Its arguments after the array to fill and the pairs.
        """
        means = np.zeros(len(self.order), np.float32)
        pairs = self.groups, self.users, self.items
        in_parts(loop, n_threads, len(self.groups) - 1, means, *pairs, *arguments)
        placed = np.empty_like(means)
        placed[self.order] = means
        return placed


def group(keys: IndexArray, users: IndexArray, items: IndexArray) -> Questions:
    """Return pairs with equal *keys* together."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    groups = np.append(starts, len(keys)).astype(np.int64)
    return Questions(order, groups, users[order], items[order])


def in_parts(
    loop: Callable[..., None], n_threads: int, n_parts: int, *arguments: object
) -> None:
    """Call a compiled *loop* for each part of its work, in threads.

    Args:
        loop: Takes *arguments*, the number of a part, and *n_parts*.
        n_threads: Number of threads.
        n_parts: Number of parts.
        *arguments: What all calls get, output arrays among them.
    """
    n_parts = min(n_parts, _PARTS * n_threads)

    def one(part: int) -> None:
        loop(*arguments, part, n_parts)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(one, range(n_parts)))

"""Blocks of facts: one row per user, per item, or per day.

A rating belongs to one row of each block. A row has a coefficient of its own and those
of its facts, per factor; their weighted sum is the row's factor.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchbox.models import EncodedFeatures
from benchbox.ratings import Grouped
from benchbox_factorization.population import Vectors

Index = NDArray[np.uint32]
"""Unsigned, so that compiled code need not look for negative places."""


class Side(NamedTuple):
    """Static facts about the rows of a block, sparse, by fact.

    Attributes:
        starts: Fact *f* has entries ``starts[f]:starts[f + 1]``, ``(n_facts + 1,)``.
        rows: Row per entry.
        weights: Value of the fact per entry, float32.
        groups: Number of the distribution that a fact's coefficients have,
            ``(n_facts,)``, from 2.
    """

    starts: NDArray[np.int64]
    rows: Index
    weights: NDArray[np.float32]
    groups: NDArray[np.int64]


class History(NamedTuple):
    """What the rows of a block have rated, or who has rated them.

    Attributes:
        scales: Weight of a row's history, ``1 / sqrt(number of ratings)``; empty if
            histories are no facts of this block.
        starts: Row *f* of the other block is in the history of rows
            ``rows[starts[f]:starts[f + 1]]``.
        rows: Rows of this block, by row of the other one.
    """

    scales: NDArray[np.float32]
    starts: NDArray[np.int64]
    rows: Index


class Block(NamedTuple):
    """The ratings of one block, sorted by row, and the facts about its rows.

    Attributes:
        offsets: Row *b* has ratings ``offsets[b]:offsets[b + 1]``, ``(n_rows + 1,)``.
        bounds: Thread *t* has rows ``bounds[t]:bounds[t + 1]``.
        first: Row of another block per rating.
        second: Row of a third block per rating; empty if there are two blocks.
        history: Histories of the rows.
        side: Static facts about the rows.
    """

    offsets: NDArray[np.int64]
    bounds: NDArray[np.int64]
    first: Index
    second: Index
    history: History
    side: Side


class Coefficients(NamedTuple):
    """Coefficients of a block: biases in row 0, then one row per factor.

    Attributes:
        own: Of each row of the block, float32, shape ``(1 + k, n_rows)``.
        history: Of each row of the other block, as part of a history; ``(1 + k, m)``.
        side: Of each static fact, shape ``(1 + k, n_facts)``.
        sums: Weighted sum over each row's coefficients, shape ``(1 + k, n_rows)``.
    """

    own: Vectors
    history: Vectors
    side: Vectors
    sums: Vectors


NO_INDEX: Index = np.empty(0, dtype=np.uint32)
NO_HISTORY = History(
    np.empty(0, dtype=np.float32), np.zeros(1, dtype=np.int64), NO_INDEX
)


def history_of(rated: Grouped, others: Grouped) -> History:
    """Return the histories of a block's rows.

    Args:
        rated: Ratings by row of the block.
        others: The same ratings by row of the other block.
    """
    scales = (1 / np.sqrt(np.maximum(rated.counts, 1))).astype(np.float32)
    return History(scales, others.offsets, index(others.indices))


def index(places: NDArray[np.int32]) -> Index:
    """Return *places*, none of them negative, as unsigned numbers."""
    # Arrays that are mapped from files are of a class of their own.
    return np.asarray(places).view(np.uint32)


def side_of(encoded: EncodedFeatures | None) -> Side:
    """Return encoded features by fact, with one group for each feature."""
    if encoded is None:
        nothing = np.empty(0, dtype=np.float32)
        none = np.empty(0, dtype=np.int64)
        return Side(np.zeros(1, dtype=np.int64), NO_INDEX, nothing, none)
    facts, rows = np.nonzero(encoded.matrix.T)
    counts = np.bincount(facts, minlength=len(encoded.names))
    kinds = [name.partition("=")[0] for name in encoded.names]
    numbers = {kind: 2 + place for place, kind in enumerate(dict.fromkeys(kinds))}
    return Side(
        starts=np.concatenate([[0], np.cumsum(counts)]),
        rows=rows.astype(np.uint32),
        weights=encoded.matrix.T[facts, rows],
        groups=np.array([numbers[kind] for kind in kinds], dtype=np.int64),
    )


def equal_shares(offsets: NDArray[np.int64], n_shares: int) -> NDArray[np.int64]:
    """Return bounds of row ranges that have about as many ratings each.

    Args:
        offsets: Row *b* has ratings ``offsets[b]:offsets[b + 1]``.
        n_shares: Number of ranges.
    """
    marks = np.linspace(0, offsets[-1], n_shares + 1)[1:-1]
    inner = np.searchsorted(offsets[:-1], marks)
    return np.concatenate([[0], inner, [len(offsets) - 1]]).astype(np.int64)

"""From training ratings to blocks of users, items and days."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox import Ratings
from benchbox.models import EncodedFeatures
from benchbox.ratings import Grouped
from benchbox_factorization.bayesian_fm.blocks import (
    NO_HISTORY,
    NO_INDEX,
    Block,
    History,
    Index,
    Side,
    equal_shares,
    history_of,
    index,
    side_of,
)
from benchbox_factorization.options import BayesianFMOptions

Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Blocks of users, of items and, if days are facts, of days.

    Attributes:
        blocks: The blocks.
        order: Place in the training ratings of each rating of the first block.
        positions: Place in the first block of each rating of another, per other block.
    """

    blocks: list[Block]
    order: Order
    positions: list[Order]


def lay_out(
    train: Ratings,
    options: BayesianFMOptions,
    days: NDArray[np.int64] | None,
    features: tuple[EncodedFeatures | None, EncodedFeatures | None],
    n_threads: int,
) -> Layout:
    """Return the blocks of the training ratings.

    Args:
        train: Ratings to explain.
        options: Which facts to use.
        days: Number of the day per rating; `None` if days are no facts.
        features: Static facts about users and about items.
        n_threads: Number of threads that share the rows of a block.
    """
    users, items = train.by_user(), train.by_item()
    place = np.empty(len(train), dtype=np.int64)
    place[users.positions] = np.arange(len(train))
    user_side, item_side = map(side_of, features)
    user_days = item_days = NO_INDEX
    if days is not None:
        user_days, item_days = (
            index(days[side.positions].astype(np.int32)) for side in (users, items)
        )
    user_history = history_of(users, items) if options.history != "none" else NO_HISTORY
    item_history = history_of(items, users) if options.history == "both" else NO_HISTORY
    blocks = [
        _block(users, user_days, user_history, user_side, n_threads),
        _block(items, item_days, item_history, item_side, n_threads),
    ]
    positions = [place[items.positions]]
    if days is not None:
        order = np.argsort(days[users.positions], kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(days))])
        blocks.append(_day_block(train, users, order, offsets, n_threads))
        positions.append(order)
    return Layout(blocks, users.positions, positions)


def _block(
    rated: Grouped, days: Index, history: History, side: Side, n_threads: int
) -> Block:
    bounds = equal_shares(rated.offsets, n_threads)
    indices = index(rated.indices)
    return _read_only(Block(rated.offsets, bounds, indices, days, history, side))


def _day_block(
    train: Ratings,
    users: Grouped,
    order: Order,
    offsets: NDArray[np.int64],
    n_threads: int,
) -> Block:
    places = users.positions[order]
    first, second = (index(column[places]) for column in (train.users, train.items))
    bounds = equal_shares(offsets, n_threads)
    side = side_of(None)
    return _read_only(Block(offsets, bounds, first, second, NO_HISTORY, side))


def _read_only(block: Block) -> Block:
    """Return the block with arrays that cannot be written to.

    Ratings may be mapped read-only, and kernels are compiled for each kind of array.
    """
    return Block(
        offsets=_frozen(block.offsets),
        bounds=_frozen(block.bounds),
        first=_frozen(block.first),
        second=_frozen(block.second),
        history=History._make(_frozen(column) for column in block.history),
        side=Side._make(_frozen(column) for column in block.side),
    )


def _frozen(column: NDArray[Any]) -> NDArray[Any]:
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view

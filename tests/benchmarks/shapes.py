"""Shapes: made-up ratings in rows as long, and as unevenly popular, as MovieLens'."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from benchbox_autoencoders.rows import Rows
from benchbox_datasets.synthetic import SyntheticOptions, plant
from numpy.typing import NDArray

from benchbox import Ratings

Codes = NDArray[np.int64]

# How steeply activity and popularity fall from the first to the last, so that the most
# active user, the median one and the share of the first thousand films come near
# MovieLens-20M's.
_USER_SHIFT = 0.1
_ITEM_SHIFT = 0.01


@dataclass(frozen=True, slots=True)
class Shape:
    """How many users, items and ratings a data set has."""

    n_users: int
    n_items: int
    n_ratings: int


FILMS = {
    "ml-100k": Shape(943, 1_682, 100_000),
    "ml-1m": Shape(6_040, 3_706, 1_000_000),
    "5-million": Shape(35_000, 9_000, 5_000_000),
    "ml-10m": Shape(69_878, 10_677, 10_000_000),
    "ml-20m": Shape(138_000, 26_700, 20_000_000),
}


SYNTHETIC = {
    "ml-100k": SyntheticOptions(n_users=943, n_items=1682, n_ratings=100_000),
    "ml-1m": SyntheticOptions(n_users=6040, n_items=3706, n_ratings=1_000_000),
    "ml-20m": SyntheticOptions(n_users=138_000, n_items=26_700, n_ratings=20_000_000),
}
"""Options of the synthetic data set with as many users, items and ratings."""


def planted(options: SyntheticOptions) -> Ratings:
    """Return the ratings that the synthetic data set plants."""
    made = plant(options)
    return Ratings(
        users=made.users,
        items=made.items,
        values=made.values.astype(np.float32),
        n_users=options.n_users,
        n_items=options.n_items,
        scale=made.scale,
    )


def film_rows(shape: Shape) -> Rows:
    """Return rows of *shape*: few users and items have most of the ratings."""
    draw = np.random.Generator(np.random.PCG64(0))
    user_of = draw.permutation(shape.n_users)
    item_of = draw.permutation(shape.n_items)
    pairs = np.zeros(0, dtype=np.int64)
    while (missing := shape.n_ratings - len(pairs)) > 0:
        size = int(1.1 * missing) + 100
        users = user_of[_skewed(draw, shape.n_users, size, _USER_SHIFT)]
        users *= shape.n_items
        users += item_of[_skewed(draw, shape.n_items, size, _ITEM_SHIFT)]
        pairs = _distinct(np.concatenate([pairs, users]))
    surplus = draw.choice(len(pairs), len(pairs) - shape.n_ratings, replace=False)
    return _as_rows(np.delete(pairs, surplus), shape, draw)


def even_rows(shape: Shape) -> Rows:
    """Return rows of *shape* in which every cell is rated with the same chance."""
    draw = np.random.Generator(np.random.PCG64(0))
    n_cells = shape.n_users * shape.n_items
    pairs = draw.choice(n_cells, shape.n_ratings, replace=False, shuffle=False)
    return _as_rows(np.sort(pairs), shape, draw)


def on_device(rows: Rows, device: str) -> Rows:
    """Return *rows* on *device*; their counts stay where they are needed."""
    return Rows(
        counts=rows.counts,
        offsets=rows.offsets.to(device),
        columns=rows.columns.to(device),
        values=rows.values.to(device),
        n_columns=rows.n_columns,
    )


def save_rows(rows: Rows, folder: Path) -> Path:
    """Write *rows* into *folder*, for another process to load."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("offsets", "columns", "values"):
        np.save(folder / f"{name}.npy", getattr(rows, name).numpy())
    return folder


def load_rows(folder: Path, n_columns: int) -> Rows:
    """Return the rows written into *folder*, in memory."""
    offsets, columns, values = (
        torch.from_numpy(np.load(folder / f"{name}.npy"))
        for name in ("offsets", "columns", "values")
    )
    return Rows(
        counts=offsets.diff(),
        offsets=offsets,
        columns=columns,
        values=values,
        n_columns=n_columns,
    )


def _skewed(draw: np.random.Generator, n: int, size: int, shift: float) -> Codes:
    """Draw numbers below *n* whose frequency falls as ``(x + shift) ** -1.5``."""
    high, low = shift**-0.5, (1 + shift) ** -0.5
    shares = (high - (high - low) * draw.random(size)) ** -2 - shift
    return np.minimum((shares * n).astype(np.int64), n - 1)


def _distinct(pairs: Codes) -> Codes:
    pairs.sort()
    return pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]


def _as_rows(pairs: Codes, shape: Shape, draw: np.random.Generator) -> Rows:
    users, items = np.divmod(pairs, shape.n_items)
    counts = np.bincount(users, minlength=shape.n_users)
    return Rows(
        counts=torch.from_numpy(counts),
        offsets=torch.from_numpy(np.concatenate([[0], np.cumsum(counts)])),
        columns=torch.from_numpy(items.astype(np.int32)),
        values=torch.from_numpy(_values(users, items, shape, draw)),
        n_columns=shape.n_items,
    )


def _values(
    users: Codes, items: Codes, shape: Shape, draw: np.random.Generator
) -> NDArray[np.float32]:
    """Return a taste and noise, so that there is something to learn."""
    values = draw.standard_normal(shape.n_users, dtype="f4")[users]
    values *= draw.standard_normal(shape.n_items, dtype="f4")[items]
    values += draw.standard_normal(len(users), dtype="f4")
    return values

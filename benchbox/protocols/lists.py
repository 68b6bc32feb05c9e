"""Reads lists of pairs that split a data set, whoever wrote them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import fill
from benchbox.data import Table, Wanted, looks_like_table, open_table, plain_id, rank_of
from benchbox.errors import DataError, counted
from benchbox.ratings import IndexArray, Positions, Ratings, Texts

Part = Literal["train", "history", "hidden", "validation"]

_PARTS: Mapping[str, Part] = {
    **dict.fromkeys(("train", "training", "base"), "train"),
    **dict.fromkeys(("test", "testing", "hidden", "probe"), "hidden"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "validation"),
    "history": "history",
}
_WORD = re.compile(r"[^A-Za-z0-9]+")
_MOST_FILES = 10_000


def lists_in(folder: Path) -> dict[str, dict[Part, Path]]:
    """Return the list of each part by the name of its fold, in natural order.

    Names of files, or of the folders they are in, say what they hold: a word such as
    ``train``, ``base``, ``test``, ``hidden`` or ``valid``; what else they say is the
    name of the fold. So ``u1.base`` and ``u1.test`` are a fold, and so are
    ``fold-0/train.csv`` and ``fold-0/test.csv``.

    Raises:
        DataError: There are no such files, or two of one fold for one part, or a fold
            hides nothing.
    """
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {str(folder)!r} to read folds from. Correct the name "
            f"in -p files:…"
        )
    folds: dict[str, dict[Part, Path]] = {}
    files = [*folder.glob("*"), *folder.glob("*/*")][:_MOST_FILES]
    for file in sorted(files, key=_natural):
        name, part = _meaning(file.relative_to(folder))
        if part is None or not file.is_file():
            continue
        known = folds.setdefault(name or "test", {})
        if part in known:
            raise DataError(
                f"{folder.name} has two files for the {part} part of one fold: "
                f"{known[part].name} and {file.name}. Move one of them away."
            )
        known[part] = file
    if not folds:
        raise DataError(
            f"{folder.name} has no files of folds. Name them after what they hold, as "
            f"in u1.train.csv and u1.test.csv."
        )
    for name, parts in folds.items():
        if "hidden" not in parts:
            raise DataError(
                f"{folder.name} has no list of hidden ratings for fold {name!r}, such "
                f"as {name}.test.csv. Add it."
            )
    return folds


def lists_beside(folder: Path) -> set[Path]:
    """Return the files in *folder* itself whose names say that they are lists."""
    files = {*folder.iterdir()}
    return {file for file in files if _meaning(Path(file.name))[1] and file.is_file()}


def positions_of(path: Path, ratings: Ratings) -> Positions:
    """Return the increasing positions of the pairs in a list, shape ``(n,)``.

    Args:
        path: A table with a user and an item per row. Other columns are not read.
        ratings: The ratings that the list is about.

    Raises:
        DataError: A pair is not rated, or listed twice, or the file cannot be read.
    """
    users, items, table, headed = _pairs(path, ratings)
    keys = _keys(users, items, ratings.n_items)
    known = _keys(ratings.users, ratings.items, ratings.n_items)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    strange = (users < 0) | (items < 0) | (known[places] != keys)
    if strange.any():
        row = int(strange.argmax())
        raise DataError(
            f"{table.where(row, headed=headed)}: the data set has no such rating "
            f"({counted(int(strange.sum()), 'pair')} of {len(keys):,} are unknown). "
            f"Split this data set, or load the one that was split."
        )
    positions = np.sort(places)
    if (twice := positions[1:] == positions[:-1]).any():
        place = positions[1:][twice][0]
        row = int(np.flatnonzero(places == place)[1])
        raise DataError(
            f"{table.where(row, headed=headed)}: this pair is listed twice. Remove it "
            f"from {path.name}."
        )
    return positions


def _keys(users: IndexArray, items: IndexArray, n_items: int) -> NDArray[np.int64]:
    """Return a number for each pair that rises with the user, then the item."""
    keys = mapped.empty(len(users), np.int64)
    fill(keys, lambda part: users[part].astype(np.int64) * n_items + items[part])
    return keys


def _meaning(path: Path) -> tuple[str, Part | None]:
    """Return the fold and the part that a file's name speaks of."""
    text = path.as_posix()
    words = [word for word in _WORD.split(text) if word]
    found = [word for word in words if word.lower() in _PARTS]
    is_table = looks_like_table(path.name) or path.suffix[1:].lower() in _PARTS
    if len(found) != 1 or not is_table:
        return "", None
    begins = text.rindex(found[0])
    before = text[:begins].strip("._-/ ")
    after = text[begins + len(found[0]) :].lstrip("._-/ ").partition(".")[0]
    rest = "" if looks_like_table(f"x.{after}") else after
    name = "-".join(part for part in (before, rest) if part).replace("/", "-")
    return name, _PARTS[found[0].lower()]


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", path.as_posix())
    ]


def _pairs(path: Path, ratings: Ratings) -> tuple[IndexArray, IndexArray, Table, bool]:
    """Return the user and item of each row, -1 if unknown, and where they are from."""
    table = open_table(path)
    ids = {"user": ratings.user_ids, "item": ratings.item_ids}
    places = {role: _place(table, role) for role in ids}
    headed = table.states_names or all(p is not None for p in places.values())
    if not headed and any(
        plain_id(text) in set([] if known is None else known.tolist())
        for text, known in zip(table.first, ids.values(), strict=False)
    ):
        places = {"user": 0, "item": 1}
    if None in places.values() or len(table.first) < 2:
        raise DataError(
            f"{path.name} has no columns called user and item, nor ids of the data set "
            f"in its first two. Its first line: {', '.join(table.first)[:80]}. Name "
            f"these columns."
        )
    wanted = {role: Wanted(place or 0, "id") for role, place in places.items()}
    columns = table.read(wanted, headed=headed)
    found = [
        _indexes(columns.ids[role].names, known)[columns.ids[role].codes]
        for role, known in ids.items()
    ]
    return found[0], found[1], table, headed


def _place(table: Table, role: str) -> int | None:
    ranks = [
        (rank, place)
        for place, name in enumerate(table.first)
        if (rank := rank_of(name.lstrip("\ufeff"), role)) is not None
    ]
    return min(ranks)[1] if ranks else None


def _indexes(names: Sequence[str], ids: Texts | None) -> IndexArray:
    known = {name: n for n, name in enumerate([] if ids is None else ids.tolist())}
    return np.array([known.get(name, -1) for name in names], dtype=np.int32)

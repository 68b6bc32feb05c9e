"""Writes ratings as files and maps them into memory, so that processes share them."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import long_slices
from benchbox.ratings import (
    Features,
    Positions,
    Ratings,
    RatingScale,
    read_only,
    texts_of,
)
from benchbox.targets import undisturbed

# Trials get no row numbers, which would reveal the ratings that are missing, and no
# raw ids, with which a model could look up ratings elsewhere.
_COLUMNS = ("users", "items", "values", "timestamps")
_NEEDED = _COLUMNS[:3]
_NAMES = ("rows", "user_ids", "item_ids")

# Texts were arrays of fixed width in version 0.1, and plugins may still make them.
_ENDINGS = (".json", ".npy")

_EMPTY_NPY = 128
"""Size in bytes of a file with an empty array."""


class _Shape(msgspec.Struct, frozen=True):
    n_users: int
    n_items: int
    scale: RatingScale


def take(ratings: Ratings, positions: Positions) -> Ratings:
    """Return the ratings at *positions*, in that order, with the same indexes.

    Many are written to temporary files and mapped, one column at a time. The files have
    no names, so they are gone when the arrays are.

    Args:
        ratings: The ratings.
        positions: Positions in them, shape ``(n,)``.
    """
    columns = {
        name: column
        for name in (*_COLUMNS, "rows")
        if (column := getattr(ratings, name)) is not None
    }
    n_bytes = sum(column.itemsize for column in columns.values()) * len(positions)
    if n_bytes > mapped.MOST_BYTES_IN_MEMORY:
        # On a full disk they need memory after all.
        with suppress(OSError):
            taken: dict[str, Any] = {
                name: _taken_to_file(column, positions)
                for name, column in columns.items()
            }
            return replace(ratings, **taken)
    return ratings.take(positions)


def _taken_to_file(column: NDArray[Any], positions: Positions) -> NDArray[Any]:
    taken = mapped.in_file(len(positions), column.dtype)
    for part in long_slices(len(positions)):
        taken[part] = column[positions[part]]
    return read_only(taken)


def write_ratings(folder: Path, ratings: Ratings, *, with_names: bool = False) -> None:
    """Write *ratings* into the new *folder*; *with_names* adds raw ids and rows."""
    folder.mkdir(parents=True)
    for name in _COLUMNS + (_NAMES if with_names else ()):
        column = getattr(ratings, name)
        if column is not None:
            _write(folder / name, column)
    shape = _Shape(ratings.n_users, ratings.n_items, ratings.scale)
    (folder / "shape.json").write_bytes(msgspec.json.encode(shape))
    for side in ("user", "item"):
        _write_features(
            folder / f"{side}_features", getattr(ratings, f"{side}_features")
        )


def map_ratings(folder: Path) -> Ratings:
    """Return the ratings in *folder*, mapped into memory read-only."""
    shape = msgspec.json.decode((folder / "shape.json").read_bytes(), type=_Shape)
    columns: dict[str, Any] = {
        name: _map(folder / name)
        for name in (*_COLUMNS, *_NAMES)
        if name in _NEEDED or _is_there(folder / name)
    }
    return Ratings(
        n_users=shape.n_users,
        n_items=shape.n_items,
        scale=shape.scale,
        user_features=_read_features(folder / "user_features"),
        item_features=_read_features(folder / "item_features"),
        **columns,
    )


def _write_features(folder: Path, features: Features | None) -> None:
    if features is None:
        return
    folder.mkdir()
    # Column names may hold characters that file names cannot.
    for number, column in enumerate(features.values()):
        _write(folder / str(number), column)
    (folder / "names.json").write_bytes(msgspec.json.encode(list(features)))


def _read_features(folder: Path) -> Features | None:
    if not folder.exists():
        return None
    names = msgspec.json.decode((folder / "names.json").read_bytes(), type=list[str])
    return {name: _map(folder / str(number)) for number, name in enumerate(names)}


def _write(stem: Path, column: NDArray[Any]) -> None:
    """Write *column* to a file called *stem*, with the ending of its kind."""
    if column.dtype == object:
        texts = msgspec.json.encode(column.tolist())
        stem.with_name(f"{stem.name}.json").write_bytes(texts)
    else:
        save_array(stem.with_name(f"{stem.name}.npy"), column)


def _is_there(stem: Path) -> bool:
    return any(stem.with_name(f"{stem.name}{end}").exists() for end in _ENDINGS)


def _map(stem: Path) -> NDArray[Any]:
    texts = stem.with_name(f"{stem.name}.json")
    if not texts.exists():
        return map_array(stem.with_name(f"{stem.name}.npy"))
    return read_only(texts_of(msgspec.json.decode(texts.read_bytes(), type=list[str])))


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array of any shape to the new file *path*; see `write_array`."""
    with path.open("wb") as file:
        write_array(file, array)


def write_array(file: BinaryIO, array: NDArray[Any]) -> None:
    """Write an array of any shape as `np.save` does.

    Raises:
        OSError: It cannot be written. Unlike NumPy's, it says why, such as that the
            disk is full.
    """
    form = np.lib.format
    array = np.ascontiguousarray(array)
    form.write_array_header_1_0(file, form.header_data_from_array_1_0(array))
    file.write(array.data)


def map_array(file: Path) -> NDArray[Any]:
    """Return the array in *file*, mapped read-only."""
    # An empty file cannot be mapped.
    mode: Literal["r"] | None = "r" if file.stat().st_size > _EMPTY_NPY else None
    array: NDArray[Any] = undisturbed(
        lambda: np.load(file, mmap_mode=mode, allow_pickle=False)
    )
    return array

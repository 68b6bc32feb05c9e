"""Netflix Prize: a text file per film in a tar archive, and the probe set."""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data import DatasetCard, IdColumn, RawRatings
from benchbox.errors import DataError, error_line
from benchbox.options import Options

_FILM = re.compile(rb"^(\d+):\s*$", re.MULTILINE)
_MOST_BYTES = 1 << 30
_DAY_SECONDS = 86_400
# Users and films are numbered below this.
_LIMIT = 1 << 31


def read_netflix(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read the training set, of which the probe set is the fold ``probe``.

    Raises:
        DataError: A file is damaged, or the probe set has a pair that is not rated.
    """
    parts: list[list[NDArray[Any]]] = [[], [], [], []]
    for name, path in files.items():
        if name == "probe.txt":
            continue
        for source, film, body in _films(path):
            for part, column in zip(parts, _ratings(source, film, body), strict=True):
                part.append(column)
    if not parts[0]:
        raise DataError(
            f"The files of {card.name!r} have no ratings. Get the files again."
        )
    users, films, values, days = map(np.concatenate, parts)
    return RawRatings(
        users=_coded(users),
        items=_coded(films),
        values=values,
        timestamps=days.astype(np.int64) * _DAY_SECONDS,
        where=lambda row: f"the rating of film {films[row]} by user {users[row]}",
        folds={"probe": _probe_rows(files["probe.txt"], users, films)},
    )


def _films(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield the name of a file, a film in it, and the lines of its ratings."""
    if path.suffix != ".tar":
        yield from _split(path.name, path.read_bytes())
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                # Links have no content of their own.
                if not member.isreg() or not member.name.endswith(".txt"):
                    continue
                if member.size > _MOST_BYTES:
                    raise DataError(
                        f"{path.name}: {member.name} has {member.size:,} bytes, too "
                        f"many for the ratings of a film. Get the file again."
                    )
                content = archive.extractfile(member)
                if content is not None:
                    yield from _split(member.name, content.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(
            f"{path.name} is a damaged tar archive: {error_line(error)}. Get it again."
        ) from None


def _split(source: str, content: bytes) -> Iterator[tuple[str, int, bytes]]:
    marks = list(_FILM.finditer(content))
    if content[: marks[0].start() if marks else None].strip():
        raise DataError(
            f"{source} does not begin with the number of a film and a colon, such as "
            f"1:. Get the file again."
        )
    ends = [*(mark.start() for mark in marks), len(content)][1:]
    for mark, end in zip(marks, ends, strict=True):
        film = int(mark[1])
        if film >= _LIMIT:
            raise DataError(f"{source}: {film} is no number of a film.")
        yield source, film, content[mark.end() : end].strip()


def _ratings(source: str, film: int, body: bytes) -> list[NDArray[Any]]:
    """Return users, films, ratings and days since 1970 from the lines of a film."""
    import pyarrow as pa
    from pyarrow import csv

    if not body:
        return [np.empty(0, dtype=kind) for kind in ("i4", "i4", "f4", "i4")]
    types = {"user": pa.int32(), "rating": pa.float32(), "day": pa.date32()}
    try:
        table = csv.read_csv(
            io.BytesIO(body),
            read_options=csv.ReadOptions(column_names=list(types), use_threads=False),
            convert_options=csv.ConvertOptions(column_types=types),
        )
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{source}, film {film}: its lines are not user,rating,date: "
            f"{error_line(error)}. Get the file again."
        ) from None
    if any(column.null_count for column in table.columns):
        raise DataError(f"{source}, film {film}: a field is empty. Get the file again.")
    users, ratings, days = table.columns
    return [
        users.to_numpy(),
        np.full(len(users), film, dtype=np.int32),
        ratings.to_numpy(),
        days.cast(pa.int32()).to_numpy(),
    ]


def _coded(numbers: NDArray[Any]) -> IdColumn:
    names, codes = np.unique(numbers, return_inverse=True)
    return IdColumn(
        codes=codes.astype(np.int32), names=[str(name) for name in names.tolist()]
    )


def _probe_rows(
    path: Path, users: NDArray[Any], films: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the rows of the pairs in the probe set, in increasing order."""
    pairs = []
    for source, film, body in _split(path.name, path.read_bytes()):
        try:
            asked = np.array(body.split(), dtype=np.int64)
        except (ValueError, OverflowError):
            raise DataError(
                f"{source}, film {film}: its lines are not users. Get the file again."
            ) from None
        pairs.append(film * _LIMIT + asked)
    probe = np.concatenate(pairs) if pairs else np.empty(0, dtype=np.int64)
    keys = films.astype(np.int64) * _LIMIT + users
    order = np.argsort(keys, kind="stable")
    places = np.searchsorted(keys, probe, sorter=order)
    rows = order[np.minimum(places, len(order) - 1)]
    unknown = keys[rows] != probe
    if unknown.any() or not len(probe):
        raise DataError(
            f"{path.name} has {int(unknown.sum()):,} pairs that the training set does "
            f"not rate, of {len(probe):,}. Get both files from one archive."
        )
    return np.sort(rows)

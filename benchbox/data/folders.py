"""Reads folders of ratings: partitioned Parquet, LensKit's, and files of one form."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox.data.file_names import looks_like_table
from benchbox.data.own_folds import stacked
from benchbox.data.raw import RawRatings
from benchbox.data.tables.arrow_table import ArrowTable
from benchbox.data.tables.parquet import ENDINGS, open_partitioned
from benchbox.data.tables.stream import Stream
from benchbox.errors import DataError, message_of

if TYPE_CHECKING:
    import pyarrow as pa

MOST_FILES = 100_000


def read_folder(
    folder: Path,
    read_table: Callable[[ArrowTable], RawRatings],
    read_file: Callable[[Path], RawRatings],
) -> RawRatings:
    """Read the files in a folder as one table of ratings.

    Links are left out, and so are files whose names begin with a dot or ``_``.

    Args:
        folder: The folder.
        read_table: Reads the table that Parquet files make.
        read_file: Reads a file of another form.

    Raises:
        DataError: It has no files of ratings, or too many, or one cannot be read.
    """
    files = _files_below(folder)
    if (folder / "schema.json") in files:
        return read_table(_open_lenskit(folder))
    if parquet := [file for file in files if file.suffix in ENDINGS]:
        return read_table(open_partitioned(folder, parquet))
    found = [f for f in files if f.parent == folder and looks_like_table(f.name)]
    if not found:
        raise DataError(
            f"The folder {str(folder)!r} has no files of ratings, such as Parquet or "
            f"CSV. Name a file, or another folder."
        )
    return stacked([read_file(file) for file in found])


def _files_below(folder: Path) -> list[Path]:
    files = []
    for path in folder.rglob("*"):
        if any(part[0] in "._" for part in path.relative_to(folder).parts):
            continue
        if stat.S_ISREG(path.lstat().st_mode):
            files.append(path)
        if len(files) > MOST_FILES:
            raise DataError(
                f"The folder {str(folder)!r} has more than {MOST_FILES:,} files. Name "
                f"one that holds ratings only."
            )
    return sorted(files)


def _open_lenskit(folder: Path) -> ArrowTable:
    """Return the ratings of a data set that LensKit saved, with their ids.

    ``rating.parquet`` numbers users and items by their rows in ``user.parquet`` and
    ``item.parquet``.
    """
    import pyarrow as pa
    from pyarrow import compute, parquet

    def read(name: str) -> "pa.Table":
        try:
            return parquet.ParquetFile(folder / f"{name}.parquet").read()
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{folder.name} looks like a data set of LensKit, but its {name} table "
                f"cannot be read: {message_of(error)}."
            ) from None

    ratings = read("rating")
    columns = {}
    for entity in ("user", "item"):
        ids = read(entity)
        number, id_name = f"{entity}_num", f"{entity}_id"
        if number not in ratings.column_names or id_name not in ids.column_names:
            raise DataError(
                f"{folder.name} looks like a data set of LensKit, but lacks {number} "
                f"or {id_name}. Save it again with Dataset.save."
            )
        try:
            columns[entity] = compute.take(ids[id_name], ratings[number])
        except (pa.ArrowException, IndexError) as error:
            raise DataError(
                f"{folder.name}: {number} points beyond the {entity} table: "
                f"{message_of(error)}."
            ) from None
    for name in ("rating", "timestamp"):
        if name in ratings.column_names:
            columns[name] = ratings[name]
    table = pa.table(columns)
    note = "Read as a data set that LensKit saved."
    return ArrowTable(
        folder, tuple(columns), lambda names: Stream.of(table.select(names)), (note,)
    )

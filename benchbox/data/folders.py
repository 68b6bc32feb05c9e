"""Reads folders of ratings: partitioned Parquet, LensKit's, and files of one form."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox.data.file_names import looks_like_table
from benchbox.data.own_folds import stacked
from benchbox.data.raw import RawRatings
from benchbox.data.tables.arrow_table import ArrowTable
from benchbox.data.tables.parquet import ENDINGS, open_parquet, open_partitioned
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
    from pyarrow import compute

    ratings = open_parquet(folder / "rating.parquet")
    ids = {entity: _lenskit_ids(folder, entity) for entity in ("user", "item")}
    numbers = {entity: f"{entity}_num" for entity in ids}
    for number in numbers.values():
        if number not in ratings.first:
            raise _lacks(folder, number)
    others = [name for name in ("rating", "timestamp") if name in ratings.first]

    def column(batch: "pa.RecordBatch", name: str) -> "pa.Array":
        if name not in ids:
            return batch.column(name)
        try:
            return compute.take(ids[name], batch.column(numbers[name]))
        except (pa.ArrowException, IndexError) as error:
            raise DataError(
                f"{folder.name}: {numbers[name]} points beyond the {name} table: "
                f"{message_of(error)}."
            ) from None

    def load(names: list[str]) -> Stream:
        source = ratings.load([numbers.get(name, name) for name in names])
        types = {name: array.type for name, array in ids.items()}
        schema = pa.schema(
            [(n, types.get(n) or source.schema.field(n).type) for n in names]
        )
        batches = (
            pa.record_batch([column(batch, name) for name in names], schema)
            for batch in source.batches
        )
        return Stream(source.n_rows, schema, batches)

    note = "Read as a data set that LensKit saved."
    return ArrowTable(folder, (*ids, *others), load, (note,))


def _lenskit_ids(folder: Path, entity: str) -> "pa.Array":
    """Return the ids of users or items, by their number."""
    import pyarrow as pa
    from pyarrow import parquet

    name = f"{entity}_id"
    try:
        table = parquet.ParquetFile(folder / f"{entity}.parquet").read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{folder.name} looks like a data set of LensKit, but its {entity} table "
            f"cannot be read: {message_of(error)}."
        ) from None
    if name not in table.column_names:
        raise _lacks(folder, name)
    return table[name].combine_chunks()


def _lacks(folder: Path, name: str) -> DataError:
    return DataError(
        f"{folder.name} looks like a data set of LensKit, but lacks {name}. Save it "
        f"again with Dataset.save."
    )

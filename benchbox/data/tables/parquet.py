"""Opens Parquet files, and folders of them, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox.data.tables.arrow_table import ArrowTable
from benchbox.errors import DataError, message_of

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".parquet", ".pq")

_MARK = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Return whether a file is in Parquet, by its name or its first bytes."""
    if path.suffix in ENDINGS:
        return True
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def open_parquet(path: Path) -> ArrowTable:
    """Return a Parquet file as a table.

    Raises:
        DataError: It is not a Parquet file, or is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    def load(names: list[str]) -> "pa.Table":
        try:
            return parquet.ParquetFile(path).read(names)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from None

    try:
        schema = parquet.ParquetFile(path).schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    return ArrowTable(path, tuple(schema.names), load, schema=schema)


def open_partitioned(folder: Path, files: Sequence[Path]) -> ArrowTable:
    """Return Parquet files in a folder as one table, in the order given.

    Folders within it may state a column, as in ``year=2020``, as Spark, Dask and pandas
    write them.

    Args:
        folder: The folder.
        files: The Parquet files in it.

    Raises:
        DataError: A file is not a Parquet file, or is damaged, or they do not fit.
    """
    import pyarrow as pa
    from pyarrow import dataset

    try:
        whole = dataset.dataset(
            [str(file) for file in files],
            format="parquet",
            partitioning="hive",
            partition_base_dir=str(folder),
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged_part(folder, files, error) from None

    def load(names: list[str]) -> "pa.Table":
        try:
            return whole.to_table(columns=names)
        except (pa.ArrowException, OSError) as error:
            for file, part in zip(files, whole.get_fragments(), strict=True):
                try:
                    part.to_table(schema=whole.schema, columns=names)
                except (pa.ArrowException, OSError) as its_error:
                    raise _damaged(file, its_error, _beside(folder, file)) from None
            raise _damaged(folder, error, folder.name) from None

    def where(row: int) -> str:
        for file, part in zip(files, whole.get_fragments(), strict=True):
            n_rows = part.count_rows()
            if row < n_rows:
                return f"{_beside(folder, file)}, row {row + 1}"
            row -= n_rows
        raise IndexError(row)

    names = tuple(whole.schema.names)
    return ArrowTable(folder, names, load, locate=where, schema=whole.schema)


def _beside(folder: Path, file: Path) -> str:
    """Return the name of a file below a folder, from the folder on."""
    return str(file.relative_to(folder.parent))


def _damaged_part(folder: Path, files: Sequence[Path], error: Exception) -> DataError:
    """Return the error that names the first damaged file, if one is."""
    import pyarrow as pa
    from pyarrow import parquet

    for file in files:
        try:
            parquet.ParquetFile(file)
        except (pa.ArrowException, OSError) as its_error:
            return _damaged(file, its_error, _beside(folder, file))
    return _damaged(folder, error, folder.name)


def _damaged(path: Path, error: Exception, name: str = "") -> DataError:
    what = "has files that do not fit" if path.is_dir() else "is not a Parquet file"
    said = message_of(error)
    return DataError(f"{name or path.name} {what}, or is damaged: {said}.")

"""Opens Parquet files, and folders of them, as tables."""

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
        found = parquet.ParquetFile(path).schema_arrow.names
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    return ArrowTable(path, tuple(found), load)


def open_partitioned(folder: Path, files: list[Path]) -> ArrowTable:
    """Return Parquet files in a folder as one table.

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
        raise _damaged(folder, error) from None

    def load(names: list[str]) -> "pa.Table":
        try:
            return whole.to_table(columns=names)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(folder, error) from None

    return ArrowTable(folder, tuple(whole.schema.names), load)


def _damaged(path: Path, error: Exception) -> DataError:
    what = "has a file that is no Parquet" if path.is_dir() else "is not a Parquet file"
    return DataError(f"{path.name} {what}, or is damaged: {message_of(error)}.")

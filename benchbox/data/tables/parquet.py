"""Opens Parquet files, and folders of them, as tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbox.data.tables.arrow_table import ArrowTable
from benchbox.data.tables.stream import BATCH_ROWS, Stream
from benchbox.errors import DataError, message_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Fragment
    from pyarrow.parquet import ParquetFile

ENDINGS = (".parquet", ".pq")

_MARK = b"PAR1"
_BUFFER_BYTES = 1 << 20
"""Bytes read at a time of each column, whose parts may be larger than memory."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a table.

    Attributes:
        path: The file.
        name: Its name in messages.
        stated: What the names of its folders state, by column.
    """

    path: Path
    name: str
    stated: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def opened(self) -> Iterator["ParquetFile"]:
        """Open the file.

        Raises:
            DataError: It is not a Parquet file, or turns out to be damaged while it is
                open.
        """
        import pyarrow as pa
        from pyarrow import parquet

        # Whole parts of columns would be read at once by default.
        options = {"pre_buffer": False, "buffer_size": _BUFFER_BYTES}
        try:
            with parquet.ParquetFile(self.path, **options) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error, self.name) from None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        with self.opened() as file:
            return int(file.metadata.num_rows)

    def batches(self, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
        """Yield the rows of the columns in *schema*, in its types.

        A column that neither the file nor its folders have is empty.
        """
        with self.opened() as file:
            theirs = set(file.schema_arrow.names).difference(self.stated)
            columns = [name for name in schema.names if name in theirs]
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                yield self._fitted(batch, schema)

    def _fitted(self, batch: "pa.RecordBatch", schema: "pa.Schema") -> "pa.RecordBatch":
        import pyarrow as pa

        def column(found: "pa.Field") -> "pa.Array":
            if found.name in self.stated:
                value = pa.scalar(self.stated[found.name], found.type)
                return pa.repeat(value, len(batch))
            if found.name not in batch.schema.names:
                return pa.nulls(len(batch), found.type)
            array = batch.column(found.name)
            return array if array.type == found.type else array.cast(found.type)

        return pa.record_batch(list(map(column, schema)), schema)


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
    part = _Part(path, path.name)
    with part.opened() as file:
        schema = file.schema_arrow
    return ArrowTable(path, tuple(schema.names), _reader([part], schema), schema=schema)


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
    parts = [
        _Part(file, _beside(folder, file), _stated_by(fragment))
        for file, fragment in zip(files, whole.get_fragments(), strict=True)
    ]

    def where(row: int) -> str:
        for part in parts:
            if row < (n_rows := part.n_rows):
                return f"{part.name}, row {row + 1}"
            row -= n_rows
        raise IndexError(row)

    schema = whole.schema
    load = _reader(parts, schema)
    return ArrowTable(folder, tuple(schema.names), load, locate=where, schema=schema)


def _reader(
    parts: Sequence[_Part], schema: "pa.Schema"
) -> Callable[[list[str]], Stream]:
    """Return what opens columns of *parts*, which have those in *schema*.

    Files are read one after the other, and each batch by batch, since a data set of
    Arrow would read whole row groups, and some files have only one.
    """
    import pyarrow as pa

    def load(names: list[str]) -> Stream:
        wanted = pa.schema([schema.field(name) for name in names])
        n_rows = [part.n_rows for part in parts]
        return Stream(sum(n_rows), wanted, _batches(parts, n_rows, wanted))

    return load


def _batches(
    parts: Sequence[_Part], n_rows: Sequence[int], schema: "pa.Schema"
) -> Iterator["pa.RecordBatch"]:
    for part, n_stated in zip(parts, n_rows, strict=True):
        n_read = 0
        for batch in part.batches(schema):
            n_read += len(batch)
            if n_read > n_stated:
                break
            yield batch
        if n_read != n_stated:
            raise DataError(
                f"{part.name} has other rows than the {n_stated:,} it states. Get the "
                f"file again."
            )


def _stated_by(fragment: "Fragment") -> dict[str, Any]:
    """Return what the names of the folders of a file state, by column."""
    from pyarrow import dataset

    return dict(dataset.get_partition_keys(fragment.partition_expression))


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

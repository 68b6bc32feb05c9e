"""Tables whose columns have names, read by way of Arrow into typed columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox.data.tables.converted import Arrays, UnsoundError, converted
from benchbox.data.tables.fields import NUMERIC, Columns, Kind, Wanted
from benchbox.data.tables.stream import Stream
from benchbox.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ArrowTable:
    """A table whose columns have names: Parquet, JSON, or whatever is turned into it.

    Attributes:
        path: The file or folder.
        first: Names of its columns.
        load: Opens the columns with these names.
        notes: Sentences about what was recognised and users should know.
        locate: Describes the location of a row, counted from 0, if the table has
            several files.
        schema: Names and types of its columns, if they are known before any is read.
    """

    path: Path
    first: tuple[str, ...]
    load: Callable[[list[str]], Stream]
    notes: tuple[str, ...] = ()
    locate: Callable[[int], str] | None = None
    schema: "pa.Schema | None" = None

    @property
    def states_names(self) -> bool:
        """True: its columns always have names."""
        return True

    def read(self, wanted: Mapping[str, Wanted], *, headed: bool = True) -> Columns:
        """Read some columns; see `Table.read`."""
        stream = self._read([self.first[w.position] for w in wanted.values()])

        def cast(batch: "pa.RecordBatch") -> Arrays:
            return {
                name: self._cast(batch.column(self.first[w.position]), name, w.kind)
                for name, w in wanted.items()
            }

        try:
            read = converted(map(cast, stream), wanted, stream.n_rows, self.where)
        except UnsoundError as error:
            raise DataError(
                f"{self.where(error.row)}: the {error.name} is empty or not finite, or "
                f"too large for float32. Correct or remove the row."
            ) from None
        return replace(read, notes=(*self.notes, *read.notes))

    def where(self, row: int, *, headed: bool = True) -> str:
        """Return the file and the row number, counted from 1."""
        if self.locate is not None:
            return self.locate(row)
        return f"{self.path.name}, row {row + 1}"

    def holds_dates(self, position: int) -> bool:
        """Return whether a column holds dates, or texts that may be dates."""
        import pyarrow as pa

        if self.schema is not None:
            kind = self.schema.types[position]
        else:
            kind = self._read([self.first[position]]).schema.types[0]
        return bool(
            pa.types.is_date(kind)
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
        )

    def _read(self, names: list[str]) -> Stream:
        for name in names:
            if self.first.count(name) > 1:
                raise DataError(
                    f"{self.path.name} has several columns called {name!r}. Rename or "
                    f"remove all but one."
                )
        return self.load(list(dict.fromkeys(names)))

    def _cast(self, column: "pa.Array", name: str, kind: Kind) -> "pa.Array":
        import pyarrow as pa
        from pyarrow import compute

        found = column.type
        what = "number" if kind in NUMERIC else kind
        if kind == "id" and pa.types.is_floating(found):
            raise DataError(
                f"{self.path.name}: the {name} column holds {found}, which cannot be "
                f"ids. Store whole numbers or text."
            )
        try:
            if pa.types.is_timestamp(found):
                # A plain cast would round towards 1970.
                whole = compute.floor_temporal(column, unit="second")
                column = whole.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
            if kind == "seconds" and pa.types.is_integer(column.type):
                # Nanoseconds since 1970 are more than a float64 holds.
                return column.cast(pa.int64())
            if kind == "id" and pa.types.is_integer(column.type):
                # As texts, they would take several times the time and the space.
                return column
            if kind == "number" and column.type in _exact_in_float32():
                return column.cast(pa.float32())
            return column.cast(pa.float64() if kind in NUMERIC else pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(
                f"{self.path.name}: the {name} column holds {found}, which cannot be "
                f"read as {what}. Store it as {what}, or name another column."
            ) from None


def _exact_in_float32() -> "set[pa.DataType]":
    import pyarrow as pa

    return {
        pa.float32(),
        pa.float16(),
        pa.int8(),
        pa.int16(),
        pa.uint8(),
        pa.uint16(),
    }

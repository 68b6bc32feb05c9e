"""Turns columns of Arrow into those of a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data.ids import plain_ids
from benchbox.data.raw import IdColumn, Where
from benchbox.data.tables.fields import MOST_SECONDS, Columns, Kind, Wanted
from benchbox.ratings import MOST, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


def is_sound(column: "pa.ChunkedArray", kind: Kind) -> bool:
    """Return whether every field of *column* is there and, if a number, in range."""
    if kind == "text":
        return True
    if column.null_count:
        return False
    return kind == "id" or bool(_in_range(column, kind).all())


def first_unsound(column: "pa.ChunkedArray", kind: Kind) -> int:
    """Return the first row of *column* that is not sound."""
    from pyarrow import compute

    if column.null_count:
        return int(compute.index(column.is_null(), True).as_py())
    return int((~_in_range(column, kind)).argmax())


def with_whole(table: "pa.Table", names: Sequence[str]) -> "pa.Table":
    """Return *table* with some columns of decimals rounded down to int64.

    Raises:
        pa.ArrowInvalid: A number does not fit into 64 bits.
    """
    import pyarrow as pa
    from pyarrow import compute

    for name in names:
        whole = compute.floor(table[name]).cast(pa.int64())
        table = table.set_column(table.column_names.index(name), name, whole)
    return table


def converted(
    columns: dict[str, "pa.ChunkedArray"],
    wanted: Mapping[str, Wanted],
    n_rows: int,
    where: Where,
) -> Columns:
    """Return *columns*, which are sound, in the types of a table.

    Args:
        columns: The columns by name. They are taken out of it one by one, to free the
            memory of one before the next is converted.
        wanted: What each is.
        n_rows: Number of rows.
        where: Describes the location of a row.

    Raises:
        DataError: An id cannot be one; see `plain_ids`.
    """
    import pyarrow as pa

    def of_kind(kind: Kind) -> Iterator[tuple[str, "pa.ChunkedArray"]]:
        names = [name for name in columns if wanted[name].kind == kind]
        return ((name, columns.pop(name)) for name in names)

    ids = {name: _to_ids(column) for name, column in of_kind("id")}
    plain = {name: plain_ids(column, name, where) for name, column in ids.items()}
    read = Columns(
        n_rows=n_rows,
        ids={name: column for name, (column, _) in plain.items()},
        numbers={name: column.to_numpy() for name, column in of_kind("number")},
        seconds={name: _to_seconds(column) for name, column in of_kind("seconds")},
        texts={name: _to_texts(column) for name, column in of_kind("text")},
        notes=tuple(note for _, notes in plain.values() for note in notes),
    )
    pa.default_memory_pool().release_unused()
    return read


def no_rows(wanted: Mapping[str, Wanted]) -> Columns:
    """Return the columns of a table without rows."""
    import pyarrow as pa

    empty = {name: pa.chunked_array([], pa.float64()) for name in wanted}
    return converted(empty, wanted, 0, str)


def _in_range(column: "pa.ChunkedArray", kind: Kind) -> NDArray[np.bool_]:
    numbers = column.to_numpy()
    if kind == "number":
        # False for NaN, too.
        inside: NDArray[np.bool_] = np.abs(numbers) <= MOST
        return inside
    finite: NDArray[np.bool_] = np.isfinite(numbers)
    return finite


def _to_seconds(column: "pa.ChunkedArray") -> NDArray[np.int64]:
    numbers: NDArray[Any] = column.to_numpy()
    if numbers.dtype.kind != "i":
        # What 64 bits cannot hold is refused by who knows the unit.
        numbers = np.floor(np.clip(numbers, -MOST_SECONDS, MOST_SECONDS))
    return numbers.astype(np.int64, copy=False)


def _to_texts(column: "pa.ChunkedArray") -> NDArray[np.object_]:
    return texts_of(["" if t is None else t for t in column.to_pylist()])


def _to_ids(column: "pa.ChunkedArray") -> IdColumn:
    if not len(column):
        return IdColumn(codes=np.zeros(0, dtype=np.int32), names=[])
    joined = column.unify_dictionaries().combine_chunks()
    return IdColumn(
        codes=joined.indices.to_numpy().astype(np.int32, copy=False),
        names=list(map(str, joined.dictionary.to_pylist())),
    )

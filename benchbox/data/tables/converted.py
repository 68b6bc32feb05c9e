"""Turns columns of Arrow, batch by batch, into those of a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each
from benchbox.data.ids import plain_ids
from benchbox.data.raw import Where
from benchbox.data.tables.fields import MOST_SECONDS, Columns, Kind, Wanted
from benchbox.data.tables.id_codes import IdCodes
from benchbox.ratings import MOST, texts_of

if TYPE_CHECKING:
    import pyarrow as pa

Arrays = Mapping[str, "pa.Array"]
"""Columns of a batch by their names in the request; all of one length."""


class UnsoundError(Exception):
    """A field is missing, or is a number that is not finite or too large.

    Attributes:
        name: The column.
        row: The first such row in the first batch with one, counted from 0.
    """

    def __init__(self, name: str, row: int) -> None:
        super().__init__(f"{name}, row {row}")
        self.name = name
        self.row = row


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
    batches: Iterable[Arrays],
    wanted: Mapping[str, Wanted],
    n_rows: int,
    where: Where,
) -> Columns:
    """Return the columns of a table, filled batch by batch.

    The rows need no memory but that of a batch, if the columns are so long that they
    are mapped. The distinct ids do.

    Args:
        batches: Arrays by name, below each other: ids as text or whole numbers, which
            may be encoded; numbers as float32 or float64; seconds as these or int64;
            texts as text. There is at least one batch, perhaps without rows.
        wanted: What each is.
        n_rows: Number of rows of all.
        where: Describes the location of a row.

    Raises:
        UnsoundError: A field is missing, or a number is out of range.
        DataError: An id cannot be one; see `plain_ids`.
    """
    import pyarrow as pa

    rest = iter(batches)
    first = next(rest)
    codes = {n: IdCodes(n_rows) for n, w in wanted.items() if w.kind == "id"}
    others = {
        name: _empty(n_rows, w.kind, first[name])
        for name, w in wanted.items()
        if w.kind != "id"
    }

    def put(batch: Arrays, rows: slice, name: str) -> None:
        array, kind = batch[name], wanted[name].kind
        _check(array, name, kind, rows.start)
        if kind == "id":
            codes[name].put(rows, array)
        else:
            others[name][rows] = _CONTENT[kind](array)

    at = 0
    for batch in chain([first], rest):
        rows = slice(at, at + len(next(iter(batch.values()))))
        each(partial(put, batch, rows), batch)
        at = rows.stop
    ids = {name: plain_ids(codes.pop(name).column(), name, where) for name in [*codes]}
    # The pool keeps what is freed.
    pa.default_memory_pool().release_unused()

    def of_kind(kind: Kind) -> dict[str, NDArray[Any]]:
        return {n: array for n, array in others.items() if wanted[n].kind == kind}

    return Columns(
        n_rows=n_rows,
        ids={name: column for name, (column, _) in ids.items()},
        numbers=of_kind("number"),
        seconds=of_kind("seconds"),
        texts=of_kind("text"),
        notes=tuple(note for _, notes in ids.values() for note in notes),
    )


def no_rows(wanted: Mapping[str, Wanted]) -> Columns:
    """Return the columns of a table without rows."""
    import pyarrow as pa

    empty = {name: pa.array([], pa.float64()) for name in wanted}
    return converted([empty], wanted, 0, str)


def _empty(n_rows: int, kind: Kind, array: "pa.Array") -> NDArray[Any]:
    """Return a column to be filled with what is in arrays such as this one."""
    if kind == "text":
        return np.empty(n_rows, dtype=object)
    return mapped.empty(n_rows, _CONTENT[kind](array).dtype)


def _check(array: "pa.Array", name: str, kind: Kind, at: int) -> None:
    """Raise an error if a field of *array*, which begins in row *at*, is not sound."""
    from pyarrow import compute

    if kind == "text":
        return
    if array.null_count:
        row = int(compute.index(array.is_null(), True).as_py())
        raise UnsoundError(name, at + row)
    if kind == "id":
        return
    in_range = _in_range(array, kind)
    if not in_range.all():
        raise UnsoundError(name, at + int((~in_range).argmax()))


def _in_range(array: "pa.Array", kind: Kind) -> NDArray[np.bool_]:
    numbers = array.to_numpy()
    if kind == "number":
        # False for NaN, too.
        inside: NDArray[np.bool_] = np.abs(numbers) <= MOST
        return inside
    finite: NDArray[np.bool_] = np.isfinite(numbers)
    return finite


def _to_seconds(array: "pa.Array") -> NDArray[np.int64]:
    numbers: NDArray[Any] = array.to_numpy()
    if numbers.dtype.kind != "i":
        # What 64 bits cannot hold is refused by who knows the unit.
        numbers = np.floor(np.clip(numbers, -MOST_SECONDS, MOST_SECONDS))
    return numbers.astype(np.int64, copy=False)


def _to_texts(array: "pa.Array") -> NDArray[np.object_]:
    return texts_of(["" if t is None else t for t in array.to_pylist()])


_CONTENT: Mapping[Kind, Callable[["pa.Array"], NDArray[Any]]] = {
    "number": lambda array: array.to_numpy(),
    "seconds": _to_seconds,
    "text": _to_texts,
}

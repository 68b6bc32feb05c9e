"""Fast reading of plain text, whose ids are whole numbers in their shortest form."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each
from benchbox.data.tables.fields import Columns, Kind, Wanted
from benchbox.data.tables.plain_columns import (
    Chunks,
    NotPlainError,
    PlainText,
    ids_of,
    look_up,
    values_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

_ID = re.compile(r"0|[1-9][0-9]{0,7}")
_SECONDS = re.compile(r"0|[1-9][0-9]*")
_N_SAMPLED = 1000
LARGE_BYTES = 100 << 20
"""Size from which the compiled loop pays for loading the compiler: some 0.5 s."""

_MAX_LEVELS = 256


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, and the bytes that its shortest spelling takes."""

    content: Any
    n_bytes: int


def looks_plain(records: Iterable[Sequence[str]], wanted: Mapping[str, Wanted]) -> bool:
    """Return whether the first *records* suggest that fast reading will work."""
    head = list(islice(records, _N_SAMPLED))
    if not head or any(len(r) != len(wanted) for r in head):
        return False
    of_kind: dict[Kind, Callable[[list[str]], bool]] = {
        "id": lambda texts: all(map(_ID.fullmatch, texts)),
        "seconds": lambda texts: all(map(_SECONDS.fullmatch, texts)),
        "number": lambda texts: len(set(texts)) <= _MAX_LEVELS,
        "text": lambda texts: False,
    }
    return {w.position for w in wanted.values()} == set(range(len(wanted))) and all(
        of_kind[w.kind]([r[w.position] for r in head]) for w in wanted.values()
    )


def read_plain(text: PlainText, wanted: Mapping[str, Wanted]) -> Columns | None:
    """Read all columns of plain text; `None` if it turns out not to be plain."""
    if text.path.stat().st_size >= LARGE_BYTES:
        from benchbox.data.tables.compiled_text import read_compiled

        try:
            return read_compiled(text, wanted)
        except NotPlainError:
            # Arrow takes some more for plain, such as blank lines.
            pass
    return _read_by_arrow(text, wanted)


def _read_by_arrow(text: PlainText, wanted: Mapping[str, Wanted]) -> Columns | None:
    """Read all columns of plain text; `None` if it turns out not to be plain.

    Arrow reads 7, 07 and " 7" as the same number, but as ids they differ. Since plain
    spelling is the shortest, a file is plain if it is exactly as long as the plain
    spelling of its content. It then has no quotes, blanks or missing fields either.
    """
    import pyarrow as pa

    try:
        table = _parse(text, wanted)
        columns = {name: table[_name(w)] for name, w in wanted.items()}
        n_rows = table.num_rows
        del table
        read = {}
        for name in wanted:
            # Popped to free the memory of a column before the next is read.
            read[name] = _READ[wanted[name].kind](columns.pop(name))
            pa.default_memory_pool().release_unused()
        _check_length(text, n_rows, sum(column.n_bytes for column in read.values()))
    except (pa.ArrowInvalid, NotPlainError):
        return None

    def of_kind(kind: Kind) -> dict[str, Any]:
        return {n: c.content for n, c in read.items() if wanted[n].kind == kind}

    return Columns(
        n_rows=n_rows,
        ids=of_kind("id"),
        numbers=of_kind("number"),
        seconds=of_kind("seconds"),
    )


def _parse(text: PlainText, wanted: Mapping[str, Wanted]) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv

    types = {
        "id": pa.int32(),
        # Ratings are read as text, since their spelling is needed to check the length.
        "number": pa.dictionary(pa.int32(), pa.string()),
        "seconds": pa.int64(),
    }
    # Arrow splits at single characters, so :: gives an empty column after each one.
    names = [f"c{n}" for n in range(text.n_columns)]
    if len(text.delimiter) > 1:
        names = "|".join(names).replace("|", "|-|").split("|")
    return csv.read_csv(
        text.path,
        read_options=csv.ReadOptions(
            column_names=names,
            skip_rows=text.n_skipped,
            block_size=text.block_bytes,
        ),
        parse_options=csv.ParseOptions(delimiter=text.delimiter[0], quote_char=False),
        convert_options=csv.ConvertOptions(
            column_types={_name(w): types[w.kind] for w in wanted.values()},
            include_columns=[_name(w) for w in wanted.values()],
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _name(wanted: Wanted) -> str:
    return f"c{wanted.position}"


def _check_length(text: PlainText, n_rows: int, n_bytes: int) -> None:
    n_bytes += n_rows * len(text.delimiter) * (text.n_columns - 1)
    with text.path.open("rb") as file:
        found = file.seek(0, 2)
        file.seek(-1, 2)
        has_end = file.read(1) == b"\n"
        file.seek(0)
        for _ in range(text.n_skipped):
            found -= len(file.readline())
        start = file.tell()
    # Count line ends only if needed: for Windows line ends and for blank lines.
    if found != n_bytes + n_rows - (not has_end) and (
        found != n_bytes + _n_line_ends(text.path, start)
    ):
        raise NotPlainError


def _n_line_ends(path: Path, start: int) -> int:
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=start)
    parts = (content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20))
    return sum(
        int(np.count_nonzero(p == 10)) + int(np.count_nonzero(p == 13)) for p in parts
    )


def _read_ids(column: "pa.ChunkedArray") -> _Column:
    chunks = _chunks(column)
    n_bytes = sum(each(_n_digits, chunks))
    codes = mapped.empty(len(column), np.int32)
    return _Column(ids_of(chunks, codes), n_bytes)


def _read_numbers(column: "pa.ChunkedArray") -> _Column:
    if column.null_count:
        raise NotPlainError
    joined = column.unify_dictionaries()
    texts = joined.chunk(0).dictionary.to_pylist()
    values = values_of(texts)
    chunks = [chunk.indices.to_numpy() for chunk in joined.chunks]
    lengths = np.array([len(text.encode()) for text in texts])
    count = partial(np.bincount, minlength=len(texts))
    n_bytes = sum(int(counts @ lengths) for counts in each(count, chunks))
    numbers = mapped.empty(len(column), values.dtype)
    look_up([values] * len(chunks), chunks, numbers)
    return _Column(numbers, n_bytes)


def _read_seconds(column: "pa.ChunkedArray") -> _Column:
    chunks = _chunks(column)
    return _Column(mapped.joined(chunks), sum(each(_n_digits, chunks)))


_READ: Mapping[str, Callable[["pa.ChunkedArray"], _Column]] = {
    "id": _read_ids,
    "number": _read_numbers,
    "seconds": _read_seconds,
}


def _chunks(column: "pa.ChunkedArray") -> Chunks:
    if column.null_count or not len(column):
        raise NotPlainError
    return [chunk.to_numpy() for chunk in column.chunks if len(chunk)]


def _n_digits(numbers: NDArray[np.integer[Any]]) -> int:
    """Return the total number of digits of *numbers* in their shortest spelling."""
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0:
        raise NotPlainError
    shortest = len(str(low))
    total = shortest * len(numbers)
    for power in range(shortest, len(str(high))):
        total += int(np.count_nonzero(numbers >= 10**power))
    return total

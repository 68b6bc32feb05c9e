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

from benchbox.arrays.parallel import each
from benchbox.data.raw import IdColumn
from benchbox.data.tables.fields import Columns, Kind, Wanted
from benchbox.ratings import MOST

if TYPE_CHECKING:
    import pyarrow as pa

# Arrow reads 0x5F5E100 too, which is as long as 100000000.
_ID_LIMIT = 10**8
_ID = re.compile(r"0|[1-9][0-9]{0,7}")
_SECONDS = re.compile(r"0|[1-9][0-9]*")
_N_SAMPLED = 1000
_MAX_LEVELS = 256

_Chunks = list[NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainText:
    """A file of delimited text that may be plain.

    Attributes:
        path: The file.
        delimiter: Field separator: one character, or one character twice.
        n_columns: Number of fields per line.
        n_skipped: Number of lines before the first row.
        block_bytes: Size of the blocks that are parsed at a time, in bytes.
    """

    path: Path
    delimiter: str
    n_columns: int
    n_skipped: int
    block_bytes: int


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, and the bytes that its shortest spelling takes."""

    content: Any
    n_bytes: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """The largest of some ids, and the bytes that their shortest spelling takes."""

    top: int
    n_bytes: int


class _NotPlainError(Exception):
    """The text is not plain and must be read in another way."""


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
    except (pa.ArrowInvalid, _NotPlainError):
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
        raise _NotPlainError


def _n_line_ends(path: Path, start: int) -> int:
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=start)
    parts = (content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20))
    return sum(
        int(np.count_nonzero(p == 10)) + int(np.count_nonzero(p == 13)) for p in parts
    )


def _read_ids(column: "pa.ChunkedArray") -> _Column:
    chunks = _chunks(column)
    # A look-up table must not be larger than the column.
    seen = np.zeros(max(1 << 20, len(column)), dtype=bool)
    scans = each(partial(_scan, seen), chunks)
    top = max(scan.top for scan in scans)
    if top >= _ID_LIMIT:
        raise _NotPlainError
    if top < len(seen):
        seen = seen[: top + 1]
        ids, ranks = np.flatnonzero(seen), np.cumsum(seen, dtype=np.int32) - 1
    else:
        encoded = column.dictionary_encode().combine_chunks()
        found = encoded.dictionary.to_numpy()
        order = np.argsort(found)
        ranks = np.empty(len(order), dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        ids, chunks = found[order], [encoded.indices.to_numpy()]
    codes = _looked_up(ranks, chunks)
    names = list(map(str, ids.tolist()))
    return _Column(
        IdColumn(codes=codes, names=names, is_canonical=True),
        sum(scan.n_bytes for scan in scans),
    )


def _read_numbers(column: "pa.ChunkedArray") -> _Column:
    import pyarrow as pa

    if column.null_count:
        raise _NotPlainError
    joined = column.unify_dictionaries()
    texts = joined.chunk(0).dictionary
    levels = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not (np.abs(levels) <= MOST).all():
        raise _NotPlainError
    exact = levels.astype(np.float32)
    codes = [chunk.indices.to_numpy() for chunk in joined.chunks]
    lengths = np.array([len(text.encode()) for text in texts.to_pylist()])
    count = partial(np.bincount, minlength=len(levels))
    n_bytes = sum(int(counts @ lengths) for counts in each(count, codes))
    table = exact if (exact == levels).all() else levels
    return _Column(_looked_up(table, codes), n_bytes)


def _read_seconds(column: "pa.ChunkedArray") -> _Column:
    chunks = _chunks(column)
    return _Column(np.concatenate(chunks), sum(each(_n_digits, chunks)))


_READ: Mapping[str, Callable[["pa.ChunkedArray"], _Column]] = {
    "id": _read_ids,
    "number": _read_numbers,
    "seconds": _read_seconds,
}


def _chunks(column: "pa.ChunkedArray") -> _Chunks:
    if column.null_count or not len(column):
        raise _NotPlainError
    return [chunk.to_numpy() for chunk in column.chunks if len(chunk)]


def _n_digits(numbers: NDArray[np.integer[Any]]) -> int:
    """Return the total number of digits of *numbers* in their shortest spelling."""
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0:
        raise _NotPlainError
    shortest = len(str(low))
    total = shortest * len(numbers)
    for power in range(shortest, len(str(high))):
        total += int(np.count_nonzero(numbers >= 10**power))
    return total


def _scan(seen: NDArray[np.bool_], ids: NDArray[np.int32]) -> _Scan:
    """Scan some ids; mark them in *seen* if it is long enough for all of them."""
    n_bytes, top = _n_digits(ids), int(ids.max())
    if top < len(seen):
        # All threads write the same value.
        seen[ids] = True
    return _Scan(top, n_bytes)


def _looked_up(table: NDArray[Any], chunks: _Chunks) -> NDArray[Any]:
    """Return the entries of *table* at the positions in *chunks*, concatenated."""
    ends = np.cumsum([len(chunk) for chunk in chunks])
    found = np.empty(ends[-1], dtype=table.dtype)
    parts = np.split(found, ends[:-1])
    # With `out` and without bounds checks, numpy makes no temporary copy.
    take = partial(np.take, table, mode="clip")
    each(lambda pair: take(pair[0], out=pair[1]), zip(chunks, parts, strict=True))
    return found

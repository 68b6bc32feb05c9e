"""Reads delimited text and Parquet files into typed columns."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import IdColumn
from benchbox.data.tables.fast_text import PlainText, looks_plain, read_plain
from benchbox.data.tables.fields import Columns, Kind, Wanted
from benchbox.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = ("::", "\t", ",", ";", "|", " ")
_USUAL = {".csv": ",", ".dat": "::"}
_PLACEHOLDER = "\x1f"
# Every block has its own dictionary of ids; with blocks of 1 MB, merging them would
# take longer than parsing.
_BLOCK_BYTES = 8 << 20

_NUMERIC = ("number", "seconds")
_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".br")


class Table(Protocol):
    """A file of rows and columns."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def first(self) -> tuple[str, ...]:
        """The column names, or the fields of the first line that is not blank."""

    @property
    def states_names(self) -> bool:
        """Whether ``first`` is known to hold column names."""

    def read(self, wanted: Mapping[str, Wanted], *, headed: bool) -> Columns:
        """Read some columns.

        Args:
            wanted: Columns to read, by any name.
            headed: Whether the first line is a header.

        Raises:
            DataError: A row has too many or too few fields, an id is empty, or a
                field is not a finite number; names the line.
        """

    def where(self, row: int, *, headed: bool) -> str:
        """Describe the location of *row*, such as ``"u.data, line 7"``."""


def open_table(
    path: Path, *, delimiter: str | None = None, encoding: str = "utf-8"
) -> Table:
    """Look at the head of a file and return it as a table.

    Args:
        path: A Parquet file, or delimited text, which may be compressed.
        delimiter: Field separator; guessed from the file's ending and first line if
            `None`.
        encoding: Text encoding.

    Raises:
        DataError: The file is empty, or not text in this encoding.
    """
    if path.suffix in (".parquet", ".pq"):
        return _open_parquet(path)
    for line in _lines(path, encoding):
        if line.strip("\r\n"):
            part = delimiter or _guess_delimiter(path, line)
            break
    else:
        raise DataError(f"{path.name} is empty. Give a file with ratings.")
    table = TextTable(path, (), delimiter=part, encoding=encoding)
    first_line, first = next(table.records())
    return TextTable(
        path, tuple(first), delimiter=part, encoding=encoding, first_line=first_line
    )


@dataclass(frozen=True, slots=True)
class TextTable:
    """Delimited text. Blank lines are ignored.

    Attributes:
        path: The file.
        first: Fields of the first line that is not blank.
        delimiter: Field separator: one character, or ``::``.
        encoding: Text encoding.
        first_line: Number of the first line that is not blank, from 1.
    """

    path: Path
    first: tuple[str, ...]
    delimiter: str
    encoding: str = "utf-8"
    first_line: int = 1

    @property
    def states_names(self) -> bool:
        """False: the first line of a text may or may not be a header."""
        return False

    @property
    def quoted(self) -> bool:
        """Whether ``"`` quotes fields, as in CSV, or is an ordinary character."""
        return self.delimiter in (",", ";")

    def read(self, wanted: Mapping[str, Wanted], *, headed: bool) -> Columns:
        """Read some columns; see `Table.read`."""
        import pyarrow as pa

        if (plain := self._read_plain(wanted, headed)) is not None:
            return plain
        try:
            arrow = self._parse(wanted, headed)
        except pa.ArrowInvalid as error:
            # Arrow cannot read a lone header line without a line break at its end.
            if headed and sum(1 for _ in islice(self.records(), 2)) == 1:
                return _no_rows(wanted)
            self._explain(wanted, headed, str(error))
        columns = {name: arrow[f"c{w.position}"] for name, w in wanted.items()}
        if not all(_is_sound(columns[name], w.kind) for name, w in wanted.items()):
            self._explain(wanted, headed, "a field is empty or not finite")
        return _converted(columns, wanted, arrow.num_rows)

    def where(self, row: int, *, headed: bool) -> str:
        """Return the file and line of *row*; reads the file up to it."""
        for place, (line, _) in enumerate(self.records(), start=-headed):
            if place == row:
                return f"{self.path.name}, line {line}"
        raise IndexError(row)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number at which each row begins, and its fields.

        Slow: meant for the head of a file and for finding errors.
        """
        lines = _lines(self.path, self.encoding)
        if len(self.delimiter) > 1:
            for number, line in enumerate(lines, start=1):
                if text := line.rstrip("\r\n"):
                    yield number, text.split(self.delimiter)
            return
        rows = csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
        )
        start = 1
        try:
            for fields in rows:
                if fields:
                    yield start, fields
                start = rows.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{self.path.name}, line {rows.line_num} cannot be split into fields: "
                f"{error}. Correct the line."
            ) from None

    def _read_plain(self, wanted: Mapping[str, Wanted], headed: bool) -> Columns | None:
        records = (fields for _, fields in self.records())
        if (
            len(wanted) < len(self.first)
            or self.path.suffix in _COMPRESSED
            or not looks_plain(islice(records, int(headed), None), wanted)
        ):
            return None
        text = PlainText(
            path=self.path,
            delimiter=self.delimiter,
            n_columns=len(self.first),
            n_skipped=self.first_line - (not headed),
            block_bytes=_BLOCK_BYTES,
        )
        return read_plain(text, wanted)

    def _parse(self, wanted: Mapping[str, Wanted], headed: bool) -> "pa.Table":
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        types = {
            "id": pa.dictionary(pa.int32(), pa.string()),
            "number": pa.float64(),
            "seconds": pa.float64(),
            "text": pa.string(),
        }
        source: Any = self.path
        if len(self.delimiter) > 1:
            # Arrow accepts only single characters as separators.
            with pa.input_stream(self.path, compression="detect") as stream:
                text = stream.read().replace(
                    self.delimiter.encode(), _PLACEHOLDER.encode()
                )
            source = pa.BufferReader(text)
        return arrow_csv.read_csv(
            source,
            read_options=arrow_csv.ReadOptions(
                column_names=[f"c{n}" for n in range(len(self.first))],
                skip_rows=self.first_line - (not headed),
                encoding=self.encoding,
                block_size=_BLOCK_BYTES,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=_PLACEHOLDER if len(self.delimiter) > 1 else self.delimiter,
                quote_char='"' if self.quoted else False,
                newlines_in_values=self.quoted,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={f"c{w.position}": types[w.kind] for w in wanted.values()},
                include_columns=[f"c{w.position}" for w in wanted.values()],
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    def _explain(
        self, wanted: Mapping[str, Wanted], headed: bool, reason: str
    ) -> NoReturn:
        """Raise the error that names the first wrong line."""
        for place, (line, fields) in enumerate(self.records()):
            if place == 0 and headed:
                continue
            where = f"{self.path.name}, line {line}"
            if len(fields) != len(self.first):
                text = self.delimiter.join(fields)
                raise DataError(
                    f"{where} has {len(fields)} columns instead of "
                    f"{len(self.first)}: {text[:80]!r}. Correct or remove the line."
                )
            for name, column in wanted.items():
                _check_field(fields[column.position], name, column.kind, where)
        raise DataError(f"{self.path.name} cannot be read: {reason}.")


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """A Parquet file.

    Attributes:
        path: The file.
        first: Names of its columns.
    """

    path: Path
    first: tuple[str, ...]

    @property
    def states_names(self) -> bool:
        """True: Parquet always has column names."""
        return True

    def read(self, wanted: Mapping[str, Wanted], *, headed: bool = True) -> Columns:
        """Read some columns; see `Table.read`."""
        from pyarrow import parquet

        names = [self.first[w.position] for w in wanted.values()]
        arrow = parquet.ParquetFile(self.path).read(columns=list(dict.fromkeys(names)))
        columns = {
            name: self._cast(arrow[self.first[w.position]], name, w.kind)
            for name, w in wanted.items()
        }
        for name, column in columns.items():
            if not _is_sound(column, wanted[name].kind):
                row = _first_unsound(column)
                raise DataError(
                    f"{self.where(row)}: the {name} is empty or not finite. "
                    f"Correct or remove the row."
                )
        return _converted(columns, wanted, arrow.num_rows)

    def where(self, row: int, *, headed: bool = True) -> str:
        """Return the file and the row number, counted from 1."""
        return f"{self.path.name}, row {row + 1}"

    def _cast(
        self, column: "pa.ChunkedArray", name: str, kind: Kind
    ) -> "pa.ChunkedArray":
        import pyarrow as pa

        found = column.type
        what = "number" if kind in _NUMERIC else kind
        if kind == "id" and pa.types.is_floating(found):
            raise DataError(
                f"{self.path.name}: the {name} column holds {found}, which cannot be "
                f"ids. Store whole numbers or text."
            )
        try:
            if pa.types.is_timestamp(found):
                column = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
            text = column.cast(pa.float64() if kind in _NUMERIC else pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise DataError(
                f"{self.path.name}: the {name} column holds {found}, which cannot be "
                f"read as {what}. Store it as {what}, or name another column."
            ) from None
        return text.dictionary_encode() if kind == "id" else text


def _open_parquet(path: Path) -> ParquetTable:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names = parquet.ParquetFile(path).schema_arrow.names
    except pa.ArrowInvalid as error:
        raise DataError(f"{path.name} is not a Parquet file: {error}.") from None
    return ParquetTable(path, tuple(names))


def _lines(path: Path, encoding: str) -> Iterator[str]:
    import pyarrow as pa

    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    with (
        pa.input_stream(path, compression="detect") as stream,
        io.TextIOWrapper(stream, encoding=encoding, newline="") as lines,
    ):
        try:
            yield from lines
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path.name} is not {error.encoding} text: byte "
                f"{error.object[error.start]:#04x} is invalid. State the encoding, as "
                f"in encoding=latin-1."
            ) from None


def _guess_delimiter(path: Path, line: str) -> str:
    ending = next((s for s in reversed(path.suffixes) if s in _USUAL), "")
    usual = (_USUAL.get(ending, "\t"), *_DELIMITERS)
    return next((d for d in usual if d in line), usual[0])


def _is_sound(column: "pa.ChunkedArray", kind: Kind) -> bool:
    if kind == "text":
        return True
    if column.null_count:
        return False
    return kind == "id" or bool(np.isfinite(column.to_numpy()).all())


def _first_unsound(column: "pa.ChunkedArray") -> int:
    from pyarrow import compute

    if column.null_count:
        return int(compute.index(column.is_null(), True).as_py())
    return int((~np.isfinite(column.to_numpy())).argmax())


def _check_field(text: str, name: str, kind: Kind, where: str) -> None:
    if kind == "id" and not text:
        raise DataError(f"{where}: the {name} id is empty. Correct or remove the line.")
    if kind in _NUMERIC and not _is_number(text):
        raise DataError(
            f"{where}: the {name} {text[:40]!r} is not a finite number. Correct or "
            f"remove the line, or say which column is which with --columns."
        )


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _converted(
    columns: Mapping[str, "pa.ChunkedArray"], wanted: Mapping[str, Wanted], n_rows: int
) -> Columns:
    def of_kind(kind: Kind) -> Iterator[tuple[str, "pa.ChunkedArray"]]:
        return ((n, column) for n, column in columns.items() if wanted[n].kind == kind)

    return Columns(
        n_rows=n_rows,
        ids={name: _to_ids(column) for name, column in of_kind("id")},
        numbers={name: column.to_numpy() for name, column in of_kind("number")},
        seconds={name: _to_seconds(column) for name, column in of_kind("seconds")},
        texts={name: _to_texts(column) for name, column in of_kind("text")},
    )


def _no_rows(wanted: Mapping[str, Wanted]) -> Columns:
    import pyarrow as pa

    empty = {name: pa.chunked_array([], pa.float64()) for name in wanted}
    return _converted(empty, wanted, 0)


def _to_seconds(column: "pa.ChunkedArray") -> NDArray[np.int64]:
    whole: NDArray[np.float64] = np.floor(column.to_numpy())
    return whole.astype(np.int64)


def _to_texts(column: "pa.ChunkedArray") -> NDArray[np.str_]:
    return np.array(["" if t is None else t for t in column.to_pylist()], dtype=np.str_)


def _to_ids(column: "pa.ChunkedArray") -> IdColumn:
    if not len(column):
        return IdColumn(codes=np.zeros(0, dtype=np.int32), names=[])
    joined = column.unify_dictionaries().combine_chunks()
    return IdColumn(
        codes=joined.indices.to_numpy().astype(np.int32, copy=False),
        names=joined.dictionary.to_pylist(),
    )

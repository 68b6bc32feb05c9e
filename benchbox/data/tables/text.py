"""Reads delimited text into typed columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from benchbox.data.tables.converted import (
    UnsoundError,
    converted,
    no_rows,
    with_whole,
)
from benchbox.data.tables.fast_text import looks_plain, read_plain
from benchbox.data.tables.fields import NUMERIC, Columns, Wanted, flaw_in
from benchbox.data.tables.plain_columns import PlainText
from benchbox.data.tables.records import (
    BLANKS,
    PLACEHOLDER,
    Record,
    begins_quoted,
    records_of,
    squeezed,
)
from benchbox.data.tables.stream import Stream
from benchbox.data.tables.text_file import TextFile
from benchbox.errors import DataError, counted

if TYPE_CHECKING:
    import pyarrow as pa

# Every block has its own dictionary of ids; with blocks of 1 MB, merging them would
# take longer than parsing.
_BLOCK_BYTES = 8 << 20

NOT_RATED = ("", " ", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")
"""What stands in a matrix where there is no rating."""

_STRAY = (
    'a quote (") makes one field of several rows. Remove it if it is stray, or close '
    "it where its field ends."
)


@dataclass(frozen=True, slots=True)
class TextTable:
    """Delimited text. Blank lines are ignored.

    Attributes:
        path: The file.
        first: Fields of the first line that is not blank.
        delimiter: Field separator: one character or several; a blank stands for any
            number of blanks and tabs.
        encoding: Text encoding.
        first_line: Number of the first line that is not blank, from 1.
        last_line: Number of the last line that quotes hold together with it.
        decimal: Decimal point.
        codec: How the file is packed; `None` if it is not.
        member: Name of the file in a zip archive.
        has_quotes: Whether ``"`` quotes fields though the delimiter is neither ``,``
            nor ``;``.
        notes: Sentences about what was recognised and users should know.
        skipped: Number of lines at the beginning that are not part of the table.
        n_stated: Number of rows that these lines state; `None` if they state none.
    """

    path: Path
    first: tuple[str, ...]
    delimiter: str
    encoding: str = "utf-8"
    first_line: int = 1
    last_line: int = 1
    decimal: str = "."
    codec: str | None = None
    member: str = ""
    notes: tuple[str, ...] = ()
    has_quotes: bool = False
    skipped: int = 0
    n_stated: int | None = None

    @property
    def states_names(self) -> bool:
        """False: the first line of a text may or may not be a header."""
        return False

    @property
    def quoted(self) -> bool:
        """Whether ``"`` quotes fields, as in CSV, or is an ordinary character."""
        return self.has_quotes or self.delimiter in (",", ";")

    def read(self, wanted: Mapping[str, Wanted], *, headed: bool) -> Columns:
        """Read some columns; see `Table.read`."""
        found = self._read_all(wanted, headed)
        if self.n_stated not in (None, found.n_rows):
            raise DataError(
                f"{self.path.name} has {counted(found.n_rows, 'rating')}, but states "
                f"{self.n_stated:,}. Get the file again."
            )
        return replace(found, notes=(*self.notes, *found.notes))

    def _read_all(self, wanted: Mapping[str, Wanted], headed: bool) -> Columns:
        import pyarrow as pa

        if (plain := self._read_plain(wanted, headed)) is not None:
            return plain
        try:
            stream = Stream.of(self._parse(wanted, headed))
        except pa.ArrowInvalid as error:
            # Arrow cannot read a lone header line without a line break at its end.
            if headed and sum(1 for _ in islice(self.records(), 2)) == 1:
                return no_rows(wanted)
            self._explain(wanted, headed, str(error))
        batches = (
            {name: batch.column(f"c{w.position}") for name, w in wanted.items()}
            for batch in stream
        )
        where = partial(self.where, headed=headed)
        try:
            found = converted(batches, wanted, stream.n_rows, where)
        except UnsoundError:
            self._explain(wanted, headed, "a field is empty or not finite")
        breaks = self._check_breaks(found, wanted, headed)
        return replace(found, notes=(*found.notes, *breaks))

    def where(self, row: int, *, headed: bool) -> str:
        """Return the file and the lines of *row*; reads the file up to it."""
        for place, record in enumerate(self._records(), start=-headed):
            if place == row:
                return f"{self.path.name}, {record.where}"
        raise IndexError(row)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number at which each row begins, and its fields.

        Slow: meant for the head of a file and for finding errors.
        """
        return ((record.start, record.fields) for record in self._records())

    def with_first(self) -> "TextTable":
        """Return this table with the fields of its first line that is not blank.

        Raises:
            DataError: There is no such line, or a quote makes it part of another.
        """
        first, second = islice(chain(self._records(), (None, None)), 2)
        if first is not None and begins_quoted(first.fields) and not self.quoted:
            return replace(self, has_quotes=True).with_first()
        if first is None:
            raise DataError(f"{self.path.name} is empty. Give a file with ratings.")
        if first.is_broken and (not second or len(second.fields) != len(first.fields)):
            raise DataError(f"{self.path.name}, {first.where}: {_STRAY}")
        return replace(
            self,
            first=tuple(first.fields),
            first_line=first.start,
            last_line=first.end,
        )

    def _n_skipped(self, headed: bool) -> int:
        """Return the number of lines before the first row."""
        return self.last_line if headed else self.first_line - 1

    def _records(self) -> Iterator[Record]:
        return records_of(
            self._file.lines(),
            self.delimiter,
            quoted=self.quoted,
            skipped=self.skipped,
        )

    @property
    def _file(self) -> TextFile:
        return TextFile(self.path, self.encoding, self.codec, self.member)

    def _read_plain(self, wanted: Mapping[str, Wanted], headed: bool) -> Columns | None:
        records = (fields for _, fields in self.records())
        if (
            len(wanted) < len(self.first)
            or self.codec is not None
            or self.decimal != "."
            or not looks_plain(islice(records, int(headed), None), wanted)
        ):
            return None
        text = PlainText(
            path=self.path,
            delimiter=self.delimiter,
            n_columns=len(self.first),
            n_skipped=self._n_skipped(headed),
            block_bytes=_BLOCK_BYTES,
        )
        return read_plain(text, wanted)

    def _parse(self, wanted: Mapping[str, Wanted], headed: bool) -> "pa.Table":
        import pyarrow as pa

        seconds = [f"c{w.position}" for w in wanted.values() if w.kind == "seconds"]
        try:
            # A float64 cannot hold nanoseconds since 1970.
            exact = self._parse_as(pa.decimal128(38, 9), wanted, headed)
            return with_whole(exact, seconds)
        except pa.ArrowInvalid:
            if not seconds:
                raise
        return self._parse_as(pa.float64(), wanted, headed)

    def _parse_as(
        self, seconds: "pa.DataType", wanted: Mapping[str, Wanted], headed: bool
    ) -> "pa.Table":
        """Parse the wanted columns, with *seconds* as the type of times."""
        import pyarrow as pa

        types = {
            "id": pa.dictionary(pa.int32(), pa.string()),
            "number": pa.float64(),
            "seconds": seconds,
            "text": pa.string(),
        }
        return self._read_csv(
            {f"c{w.position}": types[w.kind] for w in wanted.values()}, headed
        )

    def _read_csv(
        self,
        types: Mapping[str, "pa.DataType"],
        headed: bool,
        nulls: Sequence[str] = ("",),
    ) -> "pa.Table":
        from pyarrow import csv as arrow_csv

        with self._file.unpacking():
            return arrow_csv.read_csv(
                self._source(),
                read_options=arrow_csv.ReadOptions(
                    column_names=[f"c{n}" for n in range(len(self.first))],
                    skip_rows=self._n_skipped(headed),
                    block_size=_BLOCK_BYTES,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=PLACEHOLDER if self._is_replaced else self.delimiter,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=self.quoted,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=list(nulls),
                    strings_can_be_null=True,
                    decimal_point=self.decimal,
                ),
            )

    def read_cells(self, *, headed: bool) -> tuple[list[str], NDArray[np.float64]]:
        """Read a matrix: the fields of the first column, and all others as numbers.

        Blanks, and words such as NA that mean the same, are NaN. Shape of the numbers:
        ``(n_rows, n_columns - 1)``.

        Raises:
            DataError: A row has too many or too few fields, or one that is no number;
                names the line.
        """
        import pyarrow as pa

        types = {f"c{n}": pa.float64() for n in range(len(self.first))}
        types["c0"] = pa.string()
        try:
            arrow = self._read_csv(types, headed, NOT_RATED)
        except pa.ArrowInvalid as error:
            self._explain_cells(headed, str(error))
        cells = np.empty((arrow.num_rows, len(self.first) - 1))
        for place in range(1, len(self.first)):
            cells[:, place - 1] = arrow[f"c{place}"].to_numpy()
        return [text or "" for text in arrow["c0"].to_pylist()], cells

    def _explain_cells(self, headed: bool, reason: str) -> NoReturn:
        for record in islice(self._records(), int(headed), None):
            rated = {
                f"rating in column {n + 1}": Wanted(n, "number")
                for n, text in enumerate(record.fields)
                if n and text not in NOT_RATED
            }
            if (flaw := self._flaw_of(record, rated)) is not None:
                raise DataError(f"{self.path.name}, {flaw}")
        raise DataError(f"{self.path.name} cannot be read as a matrix: {reason}.")

    @property
    def _is_replaced(self) -> bool:
        # Arrow accepts only single bytes as separators.
        return len(self.delimiter.encode()) > 1

    def _source(self) -> Any:
        """Return what Arrow reads: the file itself if it can, and its text if not."""
        import pyarrow as pa

        file = self._file
        if file.is_utf8 and not self._is_replaced and self.delimiter != BLANKS:
            return file.open() if file.codec else self.path
        text = "".join(file.lines())
        if self._is_replaced:
            text = text.replace(self.delimiter, PLACEHOLDER)
        elif self.delimiter == BLANKS:
            text = squeezed(text, quoted=self.quoted)
        return pa.BufferReader(text.encode())

    def _explain(
        self, wanted: Mapping[str, Wanted], headed: bool, reason: str
    ) -> NoReturn:
        """Raise the error that names the first wrong line."""
        for record in islice(self._records(), int(headed), None):
            if (flaw := self._flaw_of(record, wanted)) is not None:
                raise DataError(f"{self.path.name}, {flaw}")
        if "straddl" in reason:
            reason = f"a line is longer than {_BLOCK_BYTES >> 20} MiB"
        raise DataError(f"{self.path.name} cannot be read: {reason}.")

    def _flaw_of(self, record: Record, wanted: Mapping[str, Wanted]) -> str | None:
        fields, n_columns = record.fields, len(self.first)
        if len(fields) != n_columns:
            if record.is_broken:
                return f"{record.where}: {_STRAY}"
            return (
                f"{record.where} has {counted(len(fields), 'column')} instead of "
                f"{n_columns}: {self.delimiter.join(fields)[:80]!r}. Correct or remove "
                f"the line."
            )
        for name, column in wanted.items():
            flaw = flaw_in(fields[column.position], name, column.kind, self.decimal)
            if flaw is not None:
                stray = record.is_broken and column.kind in NUMERIC
                return f"{record.where}: {_STRAY if stray else flaw}"
        return None

    def _check_breaks(
        self, found: Columns, wanted: Mapping[str, Wanted], headed: bool
    ) -> tuple[str, ...]:
        """Refuse rows that a stray quote has swallowed; return notes on other breaks.

        Raises:
            DataError: A quoted field holds rows.
        """
        if (
            not self.quoted
            or len(wanted) == len(self.first)
            or not self._may_have_breaks(found.n_rows + headed)
        ):
            return ()
        broken = [record for record in self._records() if record.is_broken]
        for record in broken:
            if any(self._is_row(line, wanted) for line in record.swallowed):
                raise DataError(f"{self.path.name}, {record.where}: {_STRAY}")
        if not broken:
            return ()
        longest = max(broken, key=lambda record: record.end - record.start)
        some = "1 row has" if len(broken) == 1 else f"{len(broken):,} rows have"
        return (
            f"{some} line breaks within quotes; the longest goes from line "
            f"{longest.start} to line {longest.end}.",
        )

    def _may_have_breaks(self, n_rows: int) -> bool:
        """Return whether there are quotes, and more lines than rows."""
        n_lines, has_quotes, ends_open = 0, False, False
        with self._file.open() as stream:
            while block := stream.read(_BLOCK_BYTES):
                n_lines += block.count(b"\n")
                has_quotes = has_quotes or b'"' in block
                ends_open = not block.endswith(b"\n")
        return has_quotes and n_lines + ends_open != n_rows

    def _is_row(self, line: str, wanted: Mapping[str, Wanted]) -> bool:
        """Return whether *line* has as many fields as a row, and numbers in place.

        Where no column holds numbers, any text with enough delimiters would.
        """
        numbers = {n: w for n, w in wanted.items() if w.kind in NUMERIC}
        return bool(numbers) and any(
            self._flaw_of(record, numbers) is None
            for quoted in (True, False)
            for record in records_of([line], self.delimiter, quoted=quoted)
        )

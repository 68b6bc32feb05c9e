"""Splits text into records: slowly, for heads of files and for finding errors."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import methodcaller

BLANKS = " "
"""As a delimiter, it stands for any number of blanks and tabs."""

PLACEHOLDER = "\x1f"
"""Stands for a delimiter of several characters, which parsers do not accept."""

_BLANKS = re.compile(r"[ \t]+")
_QUOTED_OR_BLANKS = re.compile(r'("[^"\r\n]*")|[ \t]+')
_AT_LINE_ENDS = re.compile(r"^ | (?=\r?$)", re.MULTILINE)
_QUOTED = re.compile(r'\s*".*"\s*', re.DOTALL)
_NUMBER = re.compile(r"\s*[-+.\deE]+\s*")


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a text.

    Attributes:
        start: Number of its first line, from 1.
        end: Number of its last line.
        fields: Its fields.
    """

    start: int
    end: int
    fields: list[str]

    @property
    def is_broken(self) -> bool:
        """Whether it goes over several lines, which quotes hold together."""
        return self.end > self.start

    @property
    def where(self) -> str:
        """Its lines, such as ``"line 7"``."""
        if self.is_broken:
            return f"lines {self.start} to {self.end}"
        return f"line {self.start}"

    @property
    def swallowed(self) -> Iterator[str]:
        """What would be lines of their own without quotes."""
        for field in self.fields:
            yield from field.splitlines()[1:]


def records_of(
    lines: Iterable[str], delimiter: str, *, quoted: bool, skipped: int = 0
) -> Iterator[Record]:
    """Yield the rows of a text; blank lines are none.

    Args:
        lines: Its lines, with their ends.
        delimiter: Field separator: one character or several, or `BLANKS`.
        quoted: Whether ``"`` quotes fields.
        skipped: Number of lines at the beginning that are not part of the table.
    """
    lines = islice(lines, skipped, None)
    if len(delimiter) > 1:
        lines = map(methodcaller("replace", delimiter, PLACEHOLDER), lines)
        delimiter = PLACEHOLDER
    if delimiter == BLANKS:
        lines = map(partial(squeezed, quoted=quoted), lines)
    # The limit of 128 KiB holds for all of a program, and is meant for other uses.
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(
        lines,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    start = skipped + 1
    for fields in rows:
        end = skipped + rows.line_num
        if fields:
            yield Record(start, end, fields)
        start = end + 1


def squeezed(text: str, *, quoted: bool) -> str:
    """Return *text* with one blank between fields, and none around lines."""
    if quoted:
        text = _QUOTED_OR_BLANKS.sub(lambda found: found[1] or " ", text)
    else:
        text = _BLANKS.sub(" ", text)
    return _AT_LINE_ENDS.sub("", text)


def begins_quoted(fields: Sequence[str]) -> bool:
    """Return whether all texts in the first row are in quotes."""
    texts = [field for field in fields if not _NUMBER.fullmatch(field)]
    return bool(texts) and all(map(_QUOTED.fullmatch, texts))

"""Opens files of any known form as tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from benchbox.data.tables.arrow_table import ArrowTable as ArrowTable
from benchbox.data.tables.fields import Columns, Wanted
from benchbox.data.tables.foreign import refuse_foreign_text
from benchbox.data.tables.heads import head_of
from benchbox.data.tables.other_forms import open_other_form
from benchbox.data.tables.parquet import is_parquet, open_parquet
from benchbox.data.tables.text import TextTable as TextTable
from benchbox.data.tables.text_file import open_text
from benchbox.errors import UsageError

_DELIMITERS = ("::", "\t", ",", ";", "|", " ")
_USUAL = {".csv": ",", ".dat": "::"}
_NO_DELIMITERS = ('"', "\r", "\n")
_DECIMALS = (".", ",")


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
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str = ".",
    member: str = "",
) -> Table:
    """Look at the head of a file and return it as a table.

    Args:
        path: A Parquet file, or a folder of them; or text, which may be packed:
            delimited, JSON, Matrix Market, libsvm, or in the format of the Netflix
            prize.
        delimiter: Field separator; guessed from the file's ending and first line if
            `None`.
        encoding: Text encoding.
        decimal: Decimal point: ``"."`` or ``","``.
        member: Name of the file in a zip archive.

    Raises:
        UsageError: The delimiter, encoding or decimal point cannot be used.
        DataError: The file is empty, damaged, of a kind that is no table, or not text
            in this encoding.
    """
    _check(delimiter, decimal)
    if is_parquet(path):
        return open_parquet(path)
    text = open_text(path, encoding, member)
    if (other := open_other_form(text)) is not None:
        return other
    head = head_of(text)
    refuse_foreign_text(path, head.line)
    return TextTable(
        path,
        (),
        delimiter=delimiter or _guess_delimiter(path, head.line),
        encoding=encoding,
        decimal=decimal,
        codec=text.codec,
        member=text.member,
        notes=(*text.notes, *head.notes),
        skipped=head.skipped,
        n_stated=head.n_stated,
    ).with_first()


def _check(delimiter: str | None, decimal: str) -> None:
    if delimiter in _NO_DELIMITERS:
        raise UsageError(
            f"The delimiter {delimiter!r} cannot separate fields. Name the character "
            f"between them, such as tab."
        )
    if decimal not in _DECIMALS:
        raise UsageError(
            f"The decimal point {decimal!r} is unknown. Write decimal=comma or "
            f"decimal=point."
        )


def _guess_delimiter(path: Path, line: str) -> str:
    ending = next((s for s in reversed(path.suffixes) if s in _USUAL), "")
    usual = (_USUAL.get(ending, "\t"), *_DELIMITERS)
    return next((d for d in usual if d in line), usual[0])

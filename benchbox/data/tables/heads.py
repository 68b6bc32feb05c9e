"""Finds where a table of text begins: below comments, or a Matrix Market header."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from benchbox.data.tables.text_file import TextFile
from benchbox.errors import DataError, counted

_MOST_LINES = 10_000
_COMMENT = re.compile(r"\s*[%#](?!.*::)[^,;\t|]*")
_MATRIX_MARKET = re.compile(r"%%MatrixMarket\b", re.IGNORECASE)
_FORM = re.compile(
    r"%%MatrixMarket\s+matrix\s+coordinate\s+(real|integer)\s+general\s*",
    re.IGNORECASE,
)
_SIZES = re.compile(r"\s*(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the table of a text begins.

    Attributes:
        line: Its first line that is not blank.
        skipped: Number of lines above it that are not part of it.
        n_stated: Number of ratings that these state; `None` if they state none.
        notes: A sentence on what was skipped.
    """

    line: str
    skipped: int = 0
    n_stated: int | None = None
    notes: tuple[str, ...] = ()


def head_of(text: TextFile) -> Head:
    """Return where the table of *text* begins.

    Lines at the top that begin with ``%`` or ``#``, and have no field separators but
    blanks, are comments, as in files of KONECT.

    Raises:
        DataError: There is nothing but comments, or a Matrix Market file holds no
            ratings in coordinates.
    """
    comments: list[str] = []
    for number, line in enumerate(islice(text.lines(), _MOST_LINES)):
        if not line.strip():
            continue
        if _COMMENT.fullmatch(line.rstrip("\r\n")):
            comments.append(line)
            continue
        if comments and _MATRIX_MARKET.match(comments[0]):
            return _matrix_market(text, comments[0], line, number)
        # Blank lines above the table belong to it, as without comments.
        skipped = number if comments else 0
        return Head(line=line, skipped=skipped, notes=_note(len(comments)))
    raise DataError(f"{text.path.name} is empty. Give a file with ratings.")


def _note(n: int) -> tuple[str, ...]:
    return (f"{counted(n, 'line')} of comments at the top left out.",) if n else ()


def _matrix_market(text: TextFile, form: str, line: str, number: int) -> Head:
    name = text.path.name
    if not _FORM.fullmatch(form.strip()):
        raise DataError(
            f"{name} is a Matrix Market file, but not one of real numbers in "
            f"coordinates (matrix coordinate real general): {form.strip()[:80]!r}. "
            f"Write it as such, as scipy.io.mmwrite does with a coo_matrix."
        )
    sizes = _SIZES.fullmatch(line)
    if sizes is None:
        raise DataError(
            f"{name}, line {number + 1}: {line.strip()[:40]!r} does not state the "
            f"numbers of rows, columns and ratings. Get the file again."
        )
    first = next(_filled(islice(text.lines(), number + 1, None)), None)
    if first is None:
        raise DataError(
            f"{name} has a header but no ratings. Give a file with ratings."
        )
    return Head(
        line=first,
        skipped=number + 1,
        n_stated=int(sizes[3]),
        notes=("Read as a Matrix Market file: a row is a user, a column an item.",),
    )


def _filled(lines: Iterator[str]) -> Iterator[str]:
    return (line for line in lines if line.strip())

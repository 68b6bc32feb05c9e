"""The rule for ids, whichever reader they come from."""

import re

import numpy as np

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.data.raw import IdColumn, Where
from benchbox.errors import DataError

_ODD = re.compile(r"\A\s|\s\Z|\A\Z|[\0\n\r]")


def plain_id(text: str) -> str:
    """Return the id that *text* stands for: the text without the blanks around it."""
    return text.strip()


def flaw_of(text: str) -> str | None:
    """Return what is wrong with the id *text*, such as ``"is empty"``, if anything."""
    if not plain_id(text):
        return "is empty"
    if "\0" in text:
        return f"{_shown(text)} has a NUL character in it"
    if "\n" in text or "\r" in text:
        return f'{_shown(text)} has a line break in it; a quote (") may be stray'
    return None


def plain_ids(
    column: IdColumn, what: str, where: Where
) -> tuple[IdColumn, tuple[str, ...]]:
    """Return *column* with plain ids, and notes about ids that were changed.

    Args:
        column: The ids as they were read.
        what: What they are ids of: ``"user"`` or ``"item"``.
        where: Describes the location of a row.

    Raises:
        DataError: An id is empty, or has a NUL character or a line break in it; names
            the first row of such an id.
    """
    odd = [] if column.is_canonical else _odd_ones(column)
    if not odd:
        return column, ()
    _refuse_flawed(column, odd, what, where)
    names = list(column.names)
    for code in odd:
        names[code] = plain_id(names[code])
    places: dict[str, int] = {}
    moved = [places.setdefault(name, len(places)) for name in names]
    codes = mapped.gathered(np.array(moved, dtype=np.int32), column.codes)
    tidy = IdColumn(codes=codes, names=list(places))
    return tidy, (_note(column, odd, len(names) - len(places), what),)


def _odd_ones(column: IdColumn) -> list[int]:
    """Return the codes of ids that are not plain, or should not be ids, and occur."""
    odd = [code for code, name in enumerate(column.names) if _ODD.search(name)]
    if not odd:
        return odd
    used = tally(column.codes, len(column.names)) > 0
    return [code for code in odd if used[code]]


def _refuse_flawed(column: IdColumn, odd: list[int], what: str, where: Where) -> None:
    flaws = {code: flaw for code in odd if (flaw := flaw_of(column.names[code]))}
    is_flawed = np.zeros(len(column.names), dtype=bool)
    is_flawed[list(flaws)] = True
    rows = mapped.gathered(is_flawed, column.codes)
    if rows.any():
        row = int(rows.argmax())
        raise DataError(
            f"{where(row)}: the {what} id {flaws[int(column.codes[row])]}. Correct or "
            f"remove it."
        )


def _note(column: IdColumn, odd: list[int], n_merged: int, what: str) -> str:
    n_rows = int(tally(column.codes, len(column.names))[odd].sum())
    note = (
        f"In {n_rows:,} of {len(column):,} rows there are blanks around the {what} id, "
        f"such as around {_shown(plain_id(column.names[odd[0]]))}. They are not part "
        f"of the id."
    )
    return note + (
        f" Without them, {n_merged:,} ids are the same as others." if n_merged else ""
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")

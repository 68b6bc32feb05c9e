"""Types for reading a table: the columns wanted, and the columns read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.data.ids import flaw_of
from benchbox.data.raw import Floats, IdColumn
from benchbox.ratings import MOST

Kind = Literal["id", "number", "seconds", "text"]

NUMERIC = ("number", "seconds")
"""Kinds whose fields are numbers."""

MOST_SECONDS = float(2**63 - 1024)
"""Largest float64 that fits into 64 bits; larger numbers are read as this."""

_NUMBER = re.compile(r"[ \t]*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[ \t]*", re.ASCII)
# Three digits after the comma may be thousands.
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,(\d{1,2}|\d{4,})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column to read.

    Attributes:
        position: Position of the column in the table, from 0.
        kind: Type of its fields: non-empty ids, finite numbers within float32, seconds
            (numbers rounded down to whole ones) or text.
    """

    position: int
    kind: Kind


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Columns:
    """Columns read from a table, by the names in the request.

    Attributes:
        n_rows: Length of every column.
        ids: Id columns.
        numbers: Finite number columns: float64, or float32 if that is exact.
        seconds: Columns of whole seconds, int64.
        texts: Text columns; an empty field is an empty string.
        notes: Sentences about what was found and users should know.
    """

    n_rows: int
    ids: Mapping[str, IdColumn]
    numbers: Mapping[str, Floats]
    seconds: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    texts: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def has_decimal_comma(text: str) -> bool:
    """Return whether *text* is a number with a decimal comma, not with thousands."""
    return _DECIMAL_COMMA.fullmatch(text) is not None


def flaw_in(text: str, name: str, kind: Kind, decimal: str = ".") -> str | None:
    """Return what is wrong with a field and what to do about it, if anything.

    Args:
        text: The field.
        name: Name of the column in the request, such as ``"rating"``.
        kind: Type of its fields.
        decimal: The decimal point: ``"."`` or ``","``.
    """
    if kind == "id":
        flaw = flaw_of(text)
        return flaw and f"the {name} id {flaw}. Correct or remove the line."
    if kind not in NUMERIC:
        return None
    shown = f"the {name} {text[:40]!r}"
    number = text if decimal == "." else text.replace(".", "x").replace(decimal, ".")
    if _NUMBER.fullmatch(number):
        limit = MOST if kind == "number" else float("inf")
        if abs(float(number)) <= limit and float(number) != float("inf"):
            return None
        return (
            f"{shown} is too large: ratings are stored as float32, up to {MOST:.4g}. "
            f"Correct or remove the line."
        )
    if decimal == "." and _DECIMAL_COMMA.fullmatch(text):
        return f"{shown} has a decimal comma. State it: decimal=comma."
    if not text.isascii() and any(map(str.isdecimal, text)):
        return f"{shown} is not written in the digits 0 to 9. Write it in these."
    return (
        f"{shown} is not a finite number. Correct or remove the line, or say which "
        f"column is which with --columns."
    )

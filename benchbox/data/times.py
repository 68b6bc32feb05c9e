"""Understands the times of ratings: numbers in any usual unit, dates, date-times."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import fill
from benchbox.data.raw import IdColumn
from benchbox.errors import DataError, shown

Unit = Literal["auto", "s", "ms", "us", "ns"]
"""Unit of times since 1970; ``auto`` recognises it by their size."""

_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_UNIT_NAMES = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

_FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
# Seconds up to the year 5138; in milliseconds, that many are the year 1973.
_RECOGNISED = range(_FIRST, 10**11)
# Numbers that do not fit into 64 bits are read as the largest one that a float64 holds.
_ENDLESS = 2**63 - 1024

_LOWEST_DAY, _HIGHEST_DAY = 1900_01_01, 2100_12_31

_ISO = re.compile(
    r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
    r"(?: ?(Z|UTC|GMT|[-+]\d\d(?::?\d\d)?))?)?",
    re.ASCII | re.IGNORECASE,
)
_MONTH_FIRST = re.compile(r"(\d{1,2}) (\d{1,2}), (\d{4})", re.ASCII)
_PLAIN_LENGTHS = {len("2001-10-28"), len("2001-10-28 14:29:08")}
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Times of ratings.

    Attributes:
        seconds: Whole seconds since 1970 per row, int64.
        form: How they were written, such as ``"milliseconds since 1970"``.
    """

    seconds: NDArray[np.int64]
    form: str


def from_numbers(
    numbers: NDArray[np.int64], unit: Unit, where: Callable[[int], str]
) -> Times:
    """Return the times that *numbers* are, rounded down to seconds.

    Args:
        numbers: Time per row: since 1970, or days written as ``20011028``.
        unit: Their unit; ``auto`` takes the largest that puts all before the year
            5138.
        where: Describes the location of a row.

    Raises:
        DataError: A time is out of range; names the first such row.
    """
    if not len(numbers):
        return Times(numbers, "")
    low, high = int(numbers.min()), int(numbers.max())
    # As seconds since 1970, such days would all be in August 1970.
    may_be_days = unit == "auto" and low >= _LOWEST_DAY and high <= _HIGHEST_DAY
    if may_be_days and (days := _compact_days(numbers)) is not None:
        return Times(days * 86_400, "days, as in 20011028")
    found = _unit_of(low, high) if unit == "auto" else unit
    per_second = _PER_SECOND[found]
    # Seconds are not copied: there may be as many as a large part of the memory.
    seconds = numbers if per_second == 1 else _divided(numbers, per_second)
    if not (_is_time(low, per_second) and _is_time(high, per_second)):
        wrong = (seconds < _FIRST) | (seconds > _LAST) | (np.abs(numbers) >= _ENDLESS)
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(_out_of_range(int(numbers[row]), unit, where(row)))
    return Times(seconds, f"{_UNIT_NAMES[found]} since 1970")


def times_of(texts: Sequence[str], where: Callable[[int], str]) -> Times:
    """Return the times that *texts* are: all numbers since 1970, or all dates.

    Args:
        texts: Time per row.
        where: Describes the location of a row.

    Raises:
        DataError: A text is no time; names the first such row.
    """
    try:
        numbers = np.array([int(text) for text in texts], dtype=np.int64)
    except (ValueError, OverflowError):
        return from_texts(IdColumn.of(texts), "auto", where)
    return from_numbers(numbers, "auto", where)


def from_texts(texts: IdColumn, unit: Unit, where: Callable[[int], str]) -> Times:
    """Return the times that *texts* are: ISO dates or date-times, in UTC if unsaid.

    Args:
        texts: Time per row.
        unit: Must be ``auto``, since dates have no unit.
        where: Describes the location of a row.

    Raises:
        DataError: A text is no time; names the first such row.
    """
    if unit != "auto" and texts.names:
        raise DataError(
            f"The times are dates, such as {shown(texts.names[0])}, not numbers with a "
            f"unit. Leave out time={unit}."
        )
    seconds = _plain_seconds(texts.names)
    if seconds is None:
        parsed = [seconds_of(text) for text in texts.names]
        if None in parsed:
            wrong = np.array([one is None for one in parsed])[texts.codes]
            if wrong.any():
                row = int(wrong.argmax())
                text = texts.names[texts.codes[row]]
                raise DataError(f"{where(row)}: {not_understood(text)}")
        seconds = np.array([one or 0 for one in parsed], dtype=np.int64)
    has_clock = any(":" in text for text in texts.names)
    form = "dates and times" if has_clock else "dates"
    return Times(mapped.gathered(seconds, texts.codes), form)


def seconds_of(text: str) -> int | None:
    """Return the whole seconds from 1970 to a date or date-time; `None` if it is none.

    Known are ``2001-10-28`` and ``2001/10/28``, both also with a clock, a fraction and
    a zone, and ``10 28, 2001``.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        return _seconds_of_month_first(text.strip())
    year, _, month, day, hour, minute, second, zone = found.groups()
    days = _days(int(year), int(month), int(day))
    clock = [int(part or 0) for part in (hour, minute, second)]
    if days is None or clock[0] > 23 or clock[1] > 59 or clock[2] > 60:
        return None
    return (
        days * 86_400
        + clock[0] * 3600
        + clock[1] * 60
        + clock[2]
        - _offset(zone or "Z")
    )


def not_understood(text: str) -> str:
    """Return the sentences about a time that is none."""
    return (
        f"the timestamp {shown(text)} is not understood. Write seconds since 1970, or "
        f"dates as in 2001-10-28 or 2001-10-28T14:29:08Z; or leave the column out with "
        f"--columns timestamp=-."
    )


def _divided(numbers: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    """Return *numbers* divided and rounded down."""
    whole = mapped.empty(len(numbers), np.int64)
    fill(whole, lambda part: numbers[part] // by)
    return whole


def _is_time(number: int, per_second: int) -> bool:
    return _FIRST <= number // per_second <= _LAST and abs(number) < _ENDLESS


def _unit_of(low: int, high: int) -> Unit:
    units: Sequence[Unit] = ("s", "ms", "us", "ns")
    for unit in units:
        per_second = _PER_SECOND[unit]
        if low // per_second in _RECOGNISED and high // per_second in _RECOGNISED:
            return unit
    return "ns"


def _compact_days(numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the days since 1970 of numbers such as 20011028, if all are such."""
    distinct, place = np.unique(numbers, return_inverse=True)
    days = [_days(n // 10_000, n // 100 % 100, n % 100) for n in distinct.tolist()]
    if None in days:
        return None
    return np.array(days, dtype=np.int64)[place]


def _out_of_range(number: int, unit: Unit, where: str) -> str:
    if abs(number) >= _ENDLESS:
        return (
            f"{where}: the timestamp is too large for seconds, milliseconds, "
            f"microseconds and nanoseconds since 1970. Correct it, or leave the column "
            f"out with --columns timestamp=-."
        )
    if unit != "auto":
        return (
            f"{where}: the timestamp {number} in {_UNIT_NAMES[unit]} since 1970 is not "
            f"between the years 1 and 9999. Name another unit than time={unit}: s, ms, "
            f"us or ns."
        )
    return (
        f"{where}: the timestamp {number} is in no year between 1 and 9999, in seconds "
        f"since 1970 or a smaller unit. Correct it, or leave the column out with "
        f"--columns timestamp=-."
    )


def _plain_seconds(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Return the seconds of ISO dates without zones and fractions; `None` if unsure."""
    lengths = set(map(len, texts))
    if len(lengths) != 1 or not lengths <= _PLAIN_LENGTHS:
        return None
    if not all(text[4] == "-" for text in texts):
        return None
    try:
        found = np.array(texts, dtype="datetime64[s]")
    except ValueError:
        return None
    return found.astype(np.int64)


def _seconds_of_month_first(text: str) -> int | None:
    found = _MONTH_FIRST.fullmatch(text)
    if found is None:
        return None
    month, day, year = map(int, found.groups())
    days = _days(year, month, day)
    return None if days is None else days * 86_400


def _days(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _offset(zone: str) -> int:
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds

"""A compiled loop that reads lines of plain text.

It holds no lock, so that threads can share a file. Compiled once per machine and cached
on disk.
"""

from typing import Any

import numba
import numpy as np

ID, NUMBER, SECONDS = 0, 1, 2
"""Kinds of columns."""

N_SLOTS = 512
MOST_LEVELS = 256
MOST_BYTES = 8
"""Longest spelling of a number, in bytes."""

_LINE_FEED, _RETURN, _ZERO = np.uint8(10), np.uint8(13), np.uint8(48)
_OTHERS = tuple(b"+-.eE")
_MOST_DIGITS = (8, 0, 18)


def _jit(function: Any) -> Any:
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


@_jit
def count_lines(text):  # type: ignore[no-untyped-def]
    """Return the number of line feeds in some bytes."""
    n = 0
    for k in range(text.shape[0]):
        n += text[k] == _LINE_FEED
    return n


@_jit
def read_lines(text, span, separator, doubled, kinds, rows, columns, levels):  # type: ignore[no-untyped-def]
    """Read lines into rows of *columns*; return whether they are plain, and fill these.

    Plain are ids of up to 8 digits, seconds of up to 18, both without leading zeros;
    and numbers of up to 8 characters and 256 spellings. Lines end with a line feed,
    which may follow a carriage return.

    Args:
        text: Bytes, shape ``(n_bytes,)``.
        span: First byte of the first line, and the byte before which all lines to read
            begin; they end in *text*.
        separator: Byte between fields.
        doubled: Whether it stands there twice.
        kinds: Kind of each column, and its place among those of its kind, shape
            ``(n_columns,)`` each.
        rows: Row of the first line, and the row after that of the last.
        columns: Arrays to fill, shape ``(n_columns_of_kind, n_rows)`` each: ids
            (int32), positions of numbers among the levels (uint8), and seconds (int64).
        levels: For the columns of numbers, spellings and their positions in a hash
            table, shape ``(n_numbers, N_SLOTS)`` each, and their number, shape
            ``(n_numbers,)``. A spelling is its bytes as one number; 0 for none.
    """
    spellings, positions, n_levels = levels
    last = kinds[0].shape[0] - 1
    at, stop = span
    row = rows[0]
    while at < stop:
        if row == rows[1]:
            # The file has grown since its lines were counted.
            return False
        for column in range(last + 1):
            kind, place = kinds[0][column], kinds[1][column]
            start = at
            if kind == NUMBER:
                spelling = np.uint64(0)
                while _is_of_number(text[at]):
                    spelling = spelling << np.uint64(8) | np.uint64(text[at])
                    at += 1
                if at == start or at - start > MOST_BYTES:
                    return False
                slot = spelling * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(55)
                while spellings[place, slot] != spelling:
                    if spellings[place, slot] == 0:
                        if n_levels[place] == MOST_LEVELS:
                            return False
                        spellings[place, slot] = spelling
                        positions[place, slot] = n_levels[place]
                        n_levels[place] += 1
                        break
                    slot = (slot + np.uint64(1)) % np.uint64(N_SLOTS)
                columns[1][place, row] = positions[place, slot]
            else:
                number = np.int64(0)
                digit = text[at] - _ZERO
                while digit <= 9:
                    number = number * 10 + np.int64(digit)
                    at += 1
                    digit = text[at] - _ZERO
                length = at - start
                if (
                    length == 0
                    or length > _MOST_DIGITS[kind]
                    or (length > 1 and text[start] == _ZERO)
                ):
                    return False
                if kind == ID:
                    columns[0][place, row] = number
                else:
                    columns[2][place, row] = number
            if column < last:
                if text[at] != separator or (doubled and text[at + 1] != separator):
                    return False
                at += 2 if doubled else 1
            else:
                if text[at] == _RETURN:
                    at += 1
                if text[at] != _LINE_FEED:
                    return False
                at += 1
        row += 1
    return bool(row == rows[1])


@_jit
def _is_of_number(byte):  # type: ignore[no-untyped-def]
    return (byte >= 48 and byte <= 57) or byte in _OTHERS

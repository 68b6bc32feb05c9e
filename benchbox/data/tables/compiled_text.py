"""Reads large plain text by a compiled loop, in blocks that threads share."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each, slices
from benchbox.data.raw import Floats
from benchbox.data.tables import text_kernels
from benchbox.data.tables.fields import Columns, Kind, Wanted
from benchbox.data.tables.plain_columns import (
    NotPlainError,
    PlainText,
    ids_of,
    look_up,
    values_of,
)

_BLOCK_BYTES = 1 << 21
"""Bytes read at a time, few enough to stay in the CPU cache."""

_MOST_LINE_BYTES = 1 << 12

_CODES: Mapping[Kind, int] = {
    "id": text_kernels.ID,
    "number": text_kernels.NUMBER,
    "seconds": text_kernels.SECONDS,
}

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """The rows of an open file, in blocks that any thread may read.

    Attributes:
        descriptor: Its number.
        start: Position of the first row.
        size: Size of the file.
    """

    descriptor: int
    start: int
    size: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.size, _BLOCK_BYTES))

    def n_lines(self, at: int) -> int:
        """Return how many lines begin in the block at a position."""
        # A line begins after a line feed, and at the start.
        begin, end = max(self.start, at - 1), min(self.size, at + _BLOCK_BYTES) - 1
        n_ends: int = text_kernels.count_lines(self._bytes(begin, end))
        return n_ends + (at == self.start)

    def lines(self, at: int) -> tuple[NDArray[np.uint8], _Span]:
        """Return the lines that begin in the block at a position.

        Returns:
            Bytes, where in these the first line begins, and before where all begin.

        Raises:
            NotPlainError: A line is very long, or the file has changed.
        """
        begin, end = max(self.start, at - 1), min(self.size, at + _BLOCK_BYTES)
        content = self._bytes(begin, min(self.size, end + _MOST_LINE_BYTES))
        if begin + len(content) == self.size and content[-1] != ord("\n"):
            content = np.append(content, np.uint8(ord("\n")))
        ends = np.flatnonzero(content[: _MOST_LINE_BYTES + 1] == ord("\n"))
        if at > self.start and not len(ends):
            raise NotPlainError
        if not (content[end - begin - 1 :] == ord("\n")).any():
            raise NotPlainError
        return content, (0 if at == self.start else int(ends[0]) + 1, end - begin)

    def _bytes(self, begin: int, end: int) -> NDArray[np.uint8]:
        # Threads would move the position of the file; this does not depend on it.
        content = os.pread(self.descriptor, end - begin, begin)
        if len(content) < end - begin:
            raise NotPlainError
        return np.frombuffer(content, dtype=np.uint8)


def read_compiled(text: PlainText, wanted: Mapping[str, Wanted]) -> Columns:
    """Read all columns of plain text.

    The lines are counted first, so that each block is read to where its rows belong:
    pieces to be joined would take the memory twice.

    Raises:
        NotPlainError: It is not plain, or not of the kind that the loop knows.
    """
    if not text.delimiter.isascii():
        raise NotPlainError
    names = {
        kind: [name for name, one in wanted.items() if one.kind == kind]
        for kind in _CODES
    }
    columns = sorted(wanted.items(), key=lambda column: column[1].position)
    kinds = np.array([_CODES[one.kind] for _, one in columns])
    places = np.array([names[one.kind].index(name) for name, one in columns])
    with text.path.open("rb", buffering=0) as file:
        blocks = _Blocks(file.fileno(), _start(text), os.stat(file.fileno()).st_size)
        ends = np.cumsum([0, *each(blocks.n_lines, blocks)]).tolist()
        n = ends[-1]
        if not n:
            raise NotPlainError
        ids = _empty(len(names["id"]), n, np.int32)
        numbers = _empty(len(names["number"]), n, np.uint8)
        seconds = _empty(len(names["seconds"]), n, np.int64)

        def read(block: tuple[int, _Span]) -> list[list[str]]:
            content, span = blocks.lines(block[0])
            shape = len(numbers), text_kernels.N_SLOTS
            spellings = np.zeros(shape, dtype=np.uint64)
            positions = np.zeros(shape, dtype=np.uint8)
            is_plain = text_kernels.read_lines(
                content,
                span,
                ord(text.delimiter[0]),
                len(text.delimiter) > 1,
                (kinds, places),
                block[1],
                (ids, numbers, seconds),
                (spellings, positions, np.zeros(len(numbers), dtype=np.int64)),
            )
            if not is_plain:
                raise NotPlainError
            return list(map(_texts, spellings, positions))

        spellings = each(read, zip(blocks, pairwise(ends), strict=True))
    parts, cuts = slices(n), ends[1:-1]
    chunks = [np.split(column, cuts) for column in numbers]
    return Columns(
        n_rows=n,
        ids={
            name: ids_of([column[part] for part in parts], column)
            for name, column in zip(names["id"], ids, strict=True)
        },
        numbers={
            name: _numbers(chunks[k], [texts[k] for texts in spellings])
            for k, name in enumerate(names["number"])
        },
        seconds=dict(zip(names["seconds"], seconds, strict=True)),
    )


def _empty(n_columns: int, n_rows: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return columns to be filled, shape ``(n_columns, n_rows)``; large ones mapped."""
    return mapped.empty(n_columns * n_rows, dtype).reshape(n_columns, n_rows)


def _start(text: PlainText) -> int:
    """Return the position of the first row in the file."""
    with text.path.open("rb") as file:
        for _ in range(text.n_skipped):
            line = file.readline()
            if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                # These are several lines.
                raise NotPlainError
        return file.tell()


def _texts(spellings: NDArray[np.uint64], positions: NDArray[np.uint8]) -> list[str]:
    """Return the spellings that a hash table holds, by position."""
    used = np.flatnonzero(spellings)
    numbers = spellings[used[np.argsort(positions[used])]].tolist()
    return [number.to_bytes(8, "big").lstrip(b"\0").decode() for number in numbers]


def _numbers(
    chunks: list[NDArray[np.uint8]], spellings: Sequence[Sequence[str]]
) -> Floats:
    """Return the numbers at positions in *chunks*, each with its own *spellings*."""
    known = sorted({text for texts in spellings for text in texts})
    values, places = values_of(known), {text: n for n, text in enumerate(known)}
    tables = [values[[places[text] for text in texts]] for texts in spellings]
    numbers = mapped.empty(sum(map(len, chunks)), values.dtype)
    look_up(tables, chunks, numbers)
    return numbers

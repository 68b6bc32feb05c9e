"""Reads large plain text by a compiled loop, in blocks that threads share."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import Floats
from benchbox.data.tables.fields import Columns, Kind, Wanted
from benchbox.data.tables.plain_columns import (
    Chunks,
    NotPlainError,
    PlainText,
    ids_of,
    looked_up,
    values_of,
)
from benchbox.parallel import each

LARGE_BYTES = 100 << 20
"""Size from which the compiled loop pays for loading the compiler: some 0.5 s."""

_BLOCK_BYTES = 1 << 21
"""Bytes read at a time, few enough to stay in the CPU cache."""

_MOST_LINE_BYTES = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The rows of a block, by kind of column and place among those of the kind.

    Attributes:
        ids: Ids, shape ``(n_columns_of_kind, n_rows)``.
        numbers: Positions of numbers among their spellings, likewise.
        spellings: Spellings of the numbers of each column.
        seconds: Times, like ids.
    """

    ids: NDArray[np.int32]
    numbers: NDArray[np.uint8]
    spellings: list[list[str]]
    seconds: NDArray[np.int64]


def read_compiled(text: PlainText, wanted: Mapping[str, Wanted]) -> Columns:
    """Read all columns of plain text.

    Raises:
        NotPlainError: It is not plain, or not of the kind that the loop knows.
    """
    if not text.delimiter.isascii():
        raise NotPlainError
    with text.path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        start = _start(text)
        starts = range(start, size, _BLOCK_BYTES)

        def read(at: int) -> _Block:
            # Other threads move the position of the file; this does not depend on it.
            begin = max(start, at - 1)
            end = min(size, at + _BLOCK_BYTES)
            content = os.pread(file.fileno(), end + _MOST_LINE_BYTES - begin, begin)
            if begin + len(content) == size and not content.endswith(b"\n"):
                content += b"\n"
            # A line belongs to the block in which it begins.
            first = 0 if at == start else content.find(b"\n") + 1
            if (at > start and not first) or content.find(b"\n", end - begin - 1) < 0:
                raise NotPlainError
            return _read_block(content, first, end - begin, text, wanted)

        blocks = each(read, starts)
    if not any(len(block.ids.T) for block in blocks):
        raise NotPlainError
    return _joined(blocks, wanted)


def _start(text: PlainText) -> int:
    """Return the position of the first row in the file."""
    with text.path.open("rb") as file:
        for _ in range(text.n_skipped):
            line = file.readline()
            if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                # These are several lines.
                raise NotPlainError
        return file.tell()


def _read_block(
    content: bytes, first: int, stop: int, text: PlainText, wanted: Mapping[str, Wanted]
) -> _Block:
    from benchbox.data.tables import text_kernels as kernels

    codes: Mapping[Kind, int] = {
        "id": kernels.ID,
        "number": kernels.NUMBER,
        "seconds": kernels.SECONDS,
    }
    names = {kind: _of_kind(wanted, kind) for kind in codes}
    columns = sorted(wanted.items(), key=lambda column: column[1].position)
    kinds = np.array([codes[one.kind] for _, one in columns])
    places = np.array([names[one.kind].index(name) for name, one in columns])
    characters = np.frombuffer(content, dtype=np.uint8)
    n = int(np.count_nonzero(characters[first:stop] == ord("\n"))) + 1
    ids = np.empty((len(names["id"]), n), dtype=np.int32)
    numbers = np.empty((len(names["number"]), n), dtype=np.uint8)
    seconds = np.empty((len(names["seconds"]), n), dtype=np.int64)
    spellings = np.zeros((len(numbers), kernels.N_SLOTS), dtype=np.uint64)
    positions = np.zeros((len(numbers), kernels.N_SLOTS), dtype=np.uint8)
    n_rows = kernels.read_lines(
        characters,
        first,
        stop,
        ord(text.delimiter[0]),
        len(text.delimiter) > 1,
        (kinds, places),
        (ids, numbers, seconds),
        (spellings, positions, np.zeros(len(numbers), dtype=np.int64)),
    )
    if n_rows < 0:
        raise NotPlainError
    return _Block(
        ids=ids[:, :n_rows],
        numbers=numbers[:, :n_rows],
        spellings=list(map(_texts, spellings, positions)),
        seconds=seconds[:, :n_rows],
    )


def _of_kind(wanted: Mapping[str, Wanted], kind: Kind) -> list[str]:
    return [name for name, one in wanted.items() if one.kind == kind]


def _texts(spellings: NDArray[np.uint64], positions: NDArray[np.uint8]) -> list[str]:
    """Return the spellings that a hash table holds, by position."""
    used = np.flatnonzero(spellings)
    numbers = spellings[used[np.argsort(positions[used])]].tolist()
    return [number.to_bytes(8, "big").lstrip(b"\0").decode() for number in numbers]


def _joined(blocks: list[_Block], wanted: Mapping[str, Wanted]) -> Columns:
    """Return the columns of all *blocks*; takes these out of the list.

    So the memory of one kind of column is free before the next is joined.
    """
    filled = [block for block in blocks if len(block.ids.T)]
    blocks.clear()
    ids = [block.ids for block in filled]
    numbers = [block.numbers for block in filled]
    spellings = [block.spellings for block in filled]
    seconds = [block.seconds for block in filled]
    del filled
    n_rows = sum(len(some.T) for some in ids)
    read_ids = {
        name: ids_of([some[place] for some in ids])
        for place, name in enumerate(_of_kind(wanted, "id"))
    }
    ids.clear()
    read_numbers = {
        name: _numbers([s[place] for s in numbers], [s[place] for s in spellings])
        for place, name in enumerate(_of_kind(wanted, "number"))
    }
    numbers.clear()
    return Columns(
        n_rows=n_rows,
        ids=read_ids,
        numbers=read_numbers,
        seconds={
            name: np.concatenate([some[place] for some in seconds])
            for place, name in enumerate(_of_kind(wanted, "seconds"))
        },
    )


def _numbers(chunks: Chunks, spellings: Sequence[Sequence[str]]) -> Floats:
    """Return the numbers at positions in *chunks*, each with its own *spellings*."""
    known = sorted({text for texts in spellings for text in texts})
    values, places = values_of(known), {text: n for n, text in enumerate(known)}
    tables = [values[[places[text] for text in texts]] for texts in spellings]
    return looked_up(tables, chunks)

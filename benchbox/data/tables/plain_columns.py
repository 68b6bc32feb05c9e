"""Columns of plain text: ids as codes, and numbers of a few spellings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import each
from benchbox.data.raw import Floats, IdColumn
from benchbox.data.tables.id_marks import IdMarks
from benchbox.ratings import MOST

# Arrow reads 0x5F5E100 too, which is as long as 100000000.
ID_LIMIT = 10**8

Chunks = list[NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainText:
    """A file of delimited text that may be plain.

    Attributes:
        path: The file.
        delimiter: Field separator: one character, or one character twice.
        n_columns: Number of fields per line.
        n_skipped: Number of lines before the first row.
        block_bytes: Size of the blocks that are parsed at a time, in bytes.
    """

    path: Path
    delimiter: str
    n_columns: int
    n_skipped: int
    block_bytes: int


class NotPlainError(Exception):
    """The text is not plain and must be read in another way."""


def ids_of(chunks: Chunks, codes: NDArray[np.int32]) -> IdColumn:
    """Return the column of the ids in *chunks*, int32, none of them negative.

    Args:
        chunks: The ids.
        codes: Array for the codes of all, shape ``(n,)``; may be what *chunks* are
            views of.

    Raises:
        NotPlainError: An id is too large.
    """
    marks = IdMarks(len(codes))
    if all(each(marks.mark, chunks)):
        ids, ranks = marks.found(), marks.ranks()
    elif max(int(chunk.max()) for chunk in chunks) >= ID_LIMIT:
        raise NotPlainError
    else:
        ids, ranks, chunks = _encoded(chunks)
    look_up([ranks] * len(chunks), chunks, codes)
    return IdColumn(codes=codes, names=list(map(str, ids.tolist())), is_canonical=True)


def values_of(spellings: Sequence[str]) -> Floats:
    """Return the numbers with these *spellings*: float32 if all are exact in it.

    Raises:
        NotPlainError: One is no number, or is too large.
    """
    import pyarrow as pa

    try:
        texts = pa.array(spellings, pa.string())
        levels: NDArray[np.float64] = texts.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        raise NotPlainError from None
    if not (np.abs(levels) <= MOST).all():
        raise NotPlainError
    exact = levels.astype(np.float32)
    return exact if (exact == levels).all() else levels


def look_up(
    tables: Sequence[NDArray[Any]], chunks: Chunks, column: NDArray[Any]
) -> None:
    """Fill *column* with the entries of tables at the positions in *chunks*.

    Args:
        tables: A table per chunk.
        chunks: Positions in the tables.
        column: Array for the entries of all; may be what *chunks* are views of.
    """
    parts = np.split(column, np.cumsum(list(map(len, chunks)))[:-1])
    # With `out` and without bounds checks, numpy makes no temporary copy of entries.
    take = partial(np.take, mode="clip")
    work = zip(tables, chunks, parts, strict=True)
    each(lambda one: take(one[0], one[1], out=one[2]), work)


def _encoded(chunks: Chunks) -> tuple[NDArray[Any], NDArray[np.int32], Chunks]:
    """Return the sorted ids, the rank of each position, and positions for *chunks*."""
    import pyarrow as pa

    column = pa.chunked_array(list(map(pa.array, chunks)))
    encoded = column.dictionary_encode().combine_chunks()
    found = encoded.dictionary.to_numpy()
    order = np.argsort(found)
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return found[order], ranks, [encoded.indices.to_numpy()]

"""Arrays that may be larger than memory, in temporary files without names."""

import os
from collections.abc import Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from benchbox.arrays.parallel import fill, gather

MOST_BYTES_IN_MEMORY = 256 << 20
"""Larger arrays are kept in files, which need no memory to stay."""

_BLOCK = bytes(1 << 20)


def empty(n: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array to be filled, shape ``(n,)``; a large one is mapped from a file.

    On a full disk, it needs memory after all.
    """
    large = _in_file_if_large(n, np.dtype(dtype))
    return np.empty(n, dtype) if large is None else large


def zeros(n: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros, shape ``(n,)``; a large one is mapped from a file."""
    large = _in_file_if_large(n, np.dtype(dtype))
    return np.zeros(n, dtype) if large is None else large


def _in_file_if_large(n: int, kind: np.dtype[Any]) -> NDArray[Any] | None:
    """Return an array of zeros in a file, or `None` if it is small or has no space."""
    if n * kind.itemsize > MOST_BYTES_IN_MEMORY:
        with suppress(OSError):
            # Compiled loops know plain arrays, but not every subclass.
            return in_file(n, kind).view(np.ndarray)
    return None


def in_file(n: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros, shape ``(n,)``, mapped from a temporary file.

    The file has no name, so it is gone when the array is.

    Args:
        n: Number of elements, at least 1.
        dtype: Their type.

    Raises:
        OSError: The disk has no space for it.
    """
    kind = np.dtype(dtype)
    with TemporaryFile() as file:
        _reserve(file, n * kind.itemsize)
        return np.memmap(file, kind, "r+", shape=(n,))


def copied(column: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return a copy of *column*, shape ``(n,)``, that can be written to."""
    copy = empty(len(column), dtype)
    fill(copy, lambda part: column[part])
    return copy


def gathered(
    column: NDArray[Any], positions: NDArray[Any], dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Return the elements of *column* at *positions*; a large result is mapped.

    Args:
        column: Shape ``(n,)``.
        positions: Positions in it, shape ``(m,)``.
        dtype: Type of the result; by default that of *column*.
    """
    found = empty(len(positions), column.dtype if dtype is None else dtype)
    gather(column, positions, found)
    return found


def joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return *columns* one below the other, shape ``(n,)``, in a type that fits all.

    Args:
        columns: At least one, shape ``(n_i,)`` each.
    """
    whole = empty(sum(map(len, columns)), np.result_type(*columns))
    np.concatenate(columns, out=whole)
    return whole


def _reserve(file: BinaryIO, n_bytes: int) -> None:
    """Take the space now: writing to a map without space would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return
    for at in range(0, n_bytes, len(_BLOCK)):
        file.write(_BLOCK[: n_bytes - at])
    file.flush()

"""Treats few ratings as if they were more than memory holds."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchbox.arrays import grouping, mapped, parallel, positions, quantiles


@contextmanager
def in_parts(at_once: int = 3, part: int = 4, most_bytes: int = 0) -> Iterator[None]:
    """Keep arrays in files, and sort and compute some elements at a time.

    Args:
        at_once: Number of elements that are sorted at once.
        part: Number of elements of a part.
        most_bytes: Size of the largest array in memory, in bytes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "AT_ONCE", at_once)
        patch.setattr(quantiles, "AT_ONCE", at_once)
        patch.setattr(grouping, "MOST_AT_ONCE", at_once)
        patch.setattr(parallel, "_PART", part)
        patch.setattr(parallel, "_LONG_PART", part)
        patch.setattr(mapped, "MOST_BYTES_IN_MEMORY", most_bytes)
        yield

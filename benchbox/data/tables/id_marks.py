"""Finds the distinct ids of a column of whole numbers without hashing them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped

_MOST_MARKS = 10**8
_LEAST_MARKS = 1 << 20


class IdMarks:
    """Marks for the whole numbers from 0 on that occur in a column.

    They take a byte each, and no more of these than the column of codes, within bounds.

    Args:
        n_rows: Length of the column.
    """

    def __init__(self, n_rows: int) -> None:
        n_marks = min(max(4 * n_rows, _LEAST_MARKS), _MOST_MARKS)
        self._seen = np.zeros(n_marks, dtype=bool)

    def mark(self, ids: NDArray[np.integer[Any]]) -> bool:
        """Mark *ids*, at least one, if there is a mark for each; return whether so.

        Threads may mark at the same time.
        """
        if int(ids.min()) < 0 or int(ids.max()) >= len(self._seen):
            return False
        self._seen[ids] = True
        return True

    def found(self) -> NDArray[np.int64]:
        """Return the ids that are marked, which rise."""
        return np.flatnonzero(self._seen)

    def ranks(self) -> NDArray[np.int32]:
        """Return the position among those found for each number up to the largest."""
        seen = self._seen[: int(self.found().max(initial=-1)) + 1]
        ranks: NDArray[np.int32] = mapped.empty(len(seen), np.int32)
        np.cumsum(seen, out=ranks)
        ranks -= 1
        return ranks

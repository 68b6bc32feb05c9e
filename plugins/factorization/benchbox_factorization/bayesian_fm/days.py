"""Numbers of days: the day of a rating, or of a question, is a fact about it."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

_SECONDS = 86_400


class Days:
    """The days with training ratings; all other days are one unknown day.

    Attributes:
        known: Days since 1970, increasing, shape ``(n_days,)``.
    """

    def __init__(self, known: NDArray[np.int64]) -> None:
        self.known = known

    @classmethod
    def of(cls, timestamps: NDArray[np.int64] | None) -> Self:
        """Return the days of *timestamps*; none of them is known for `None`."""
        seconds = np.empty(0, np.int64) if timestamps is None else timestamps
        return cls(np.unique(seconds // _SECONDS))

    def __len__(self) -> int:
        return len(self.known)

    def numbers(
        self, timestamps: NDArray[np.int64] | None, n: int
    ) -> NDArray[np.int64]:
        """Return the place of each time's day in `known`; that of unknown days is last.

        Args:
            timestamps: Seconds since 1970, shape ``(n,)``; `None` if unknown.
            n: Number of times.
        """
        if timestamps is None or not len(self):
            return np.full(n, len(self), dtype=np.int64)
        days = timestamps // _SECONDS
        places = np.searchsorted(self.known, days)
        found = self.known[np.minimum(places, len(self) - 1)] == days
        return np.where(found, places, len(self)).astype(np.int64)

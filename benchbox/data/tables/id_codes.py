"""Ids that come in batches, as codes: positions among the distinct ids."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import gather
from benchbox.data.raw import IdColumn
from benchbox.data.tables.id_marks import IdMarks

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST_WAITING = 1 << 21
_WAITING_PER_KNOWN = 4
"""Ids that wait to be looked up for each one known.

A look-up table is made of all known ids each time. So it pays only for many, and takes
a fourth of the time that these take."""


class IdCodes:
    """A column of ids that is filled batch by batch.

    Whole numbers within bounds are their own codes at first. Other ids wait, and codes
    are positions among those of their batch. When enough wait, they are looked up among
    those that are known, and the codes become positions among all.

    Args:
        n_rows: Length of the column.
    """

    def __init__(self, n_rows: int) -> None:
        self._codes: NDArray[np.int32] = mapped.empty(n_rows, np.int32)
        self._marks: IdMarks | None = IdMarks(n_rows)
        self._known: pa.Array | None = None
        self._waiting: list[tuple[slice, pa.Array]] = []
        self._n_waiting = 0

    def put(self, rows: slice, ids: "pa.Array") -> None:
        """Fill *rows*, which follow those filled before.

        Args:
            rows: Rows of the column.
            ids: Ids of these: text or whole numbers, encoded or not; no nulls.
        """
        import pyarrow as pa

        if not len(ids):
            return
        if self._marks is not None:
            is_marked = pa.types.is_integer(ids.type) and self._marks.mark(
                ids.to_numpy()
            )
            if is_marked:
                self._codes[rows] = ids.to_numpy()
                return
            self._give_up_marks(self._marks, rows.start, ids.type)
        if pa.types.is_dictionary(ids.type):
            self._codes[rows], ids = ids.indices.to_numpy(), ids.dictionary
        else:
            self._codes[rows] = np.arange(len(ids))
        self._waiting.append((rows, ids))
        self._n_waiting += len(ids)
        n_known = 0 if self._known is None else len(self._known)
        if self._n_waiting >= max(_LEAST_WAITING, _WAITING_PER_KNOWN * n_known):
            self._look_up()

    def column(self) -> IdColumn:
        """Return the column, once it is filled."""
        if self._marks is not None:
            gather(self._marks.ranks(), self._codes, self._codes)
            texts = list(map(str, self._marks.found().tolist()))
            return IdColumn(codes=self._codes, names=texts, is_canonical=True)
        self._look_up()
        names: list[Any] = [] if self._known is None else self._known.to_pylist()
        return IdColumn(codes=self._codes, names=list(map(str, names)))

    def _give_up_marks(self, marks: IdMarks, end: int, kind: "pa.DataType") -> None:
        """Know what was marked before row *end*; *kind* is the type of the ids."""
        import pyarrow as pa

        if end:
            self._known = pa.array(marks.found()).cast(kind)
            gather(marks.ranks(), self._codes[:end], self._codes[:end])
        self._marks = None

    def _look_up(self) -> None:
        import pyarrow as pa

        if not self._waiting:
            return
        known = [] if self._known is None else [self._known]
        ids = [*known, *(theirs for _, theirs in self._waiting)]
        encoded = pa.chunked_array(ids).dictionary_encode().combine_chunks()
        self._known = encoded.dictionary
        ends = np.cumsum(list(map(len, ids)))
        places = np.split(encoded.indices.to_numpy(), ends[:-1])
        for (rows, _), theirs in zip(self._waiting, places[len(known) :], strict=True):
            gather(theirs, self._codes[rows], self._codes[rows])
        self._waiting, self._n_waiting = [], 0

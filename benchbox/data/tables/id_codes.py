"""Ids that come in batches, as codes: positions among the distinct ids."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import gather
from benchbox.data.raw import IdColumn

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_WAITING = 1 << 20
"""Ids of batches that may wait to be looked up, or as many as there are distinct ones.

A look-up table is made of all distinct ids for each look-up. So it pays only for as
many, and its time is shared by them."""


class IdCodes:
    """A column of ids that is filled batch by batch.

    The codes of a batch are positions in its own dictionary at first. When enough
    dictionaries wait, they are merged, and the codes become positions in the whole.

    Args:
        n_rows: Length of the column.
    """

    def __init__(self, n_rows: int) -> None:
        self._codes: NDArray[np.int32] = mapped.empty(n_rows, np.int32)
        self._known: pa.Array | None = None
        self._waiting: list[tuple[slice, pa.Array]] = []
        self._n_waiting = 0

    def put(self, rows: slice, ids: "pa.Array") -> None:
        """Fill *rows* with *ids*: text or whole numbers, encoded or not; no nulls."""
        import pyarrow as pa

        if not len(ids):
            return
        if not pa.types.is_dictionary(ids.type):
            ids = ids.dictionary_encode()
        self._codes[rows] = ids.indices.to_numpy()
        self._waiting.append((rows, ids.dictionary))
        self._n_waiting += len(ids.dictionary)
        n_known = 0 if self._known is None else len(self._known)
        if self._n_waiting > max(_MOST_WAITING, n_known):
            self._merge()

    def column(self) -> IdColumn:
        """Return the column, whose ids are in the order in which they came."""
        if self._waiting:
            self._merge()
        names: list[Any] = [] if self._known is None else self._known.to_pylist()
        return IdColumn(codes=self._codes, names=list(map(str, names)))

    def _merge(self) -> None:
        import pyarrow as pa

        known = [] if self._known is None else [self._known]
        ids = [*known, *(dictionary for _, dictionary in self._waiting)]
        encoded = pa.chunked_array(ids).dictionary_encode().combine_chunks()
        self._known = encoded.dictionary
        ends = np.cumsum(list(map(len, ids)))
        places = np.split(encoded.indices.to_numpy(), ends[:-1])
        for (rows, _), theirs in zip(self._waiting, places[len(known) :], strict=True):
            gather(theirs, self._codes[rows], self._codes[rows])
        self._waiting, self._n_waiting = [], 0

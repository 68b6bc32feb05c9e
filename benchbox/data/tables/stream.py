"""Tables of Arrow that come in batches of rows, so that none is in memory whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 19
"""Rows per batch at most: few enough to need little memory, and many enough that what
each batch costs does not count."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The rows of a table, of which a batch is in memory at a time.

    Attributes:
        n_rows: Number of rows.
        schema: Names and types of the columns.
        batches: The rows in their order; can be gone through once.
    """

    n_rows: int
    schema: "pa.Schema"
    batches: Iterable["pa.RecordBatch"]

    @classmethod
    def of(cls, table: "pa.Table") -> Self:
        """Return the rows of *table*, which frees the memory of those gone through.

        It can do so only if nobody else holds the table.
        """
        batches = table.to_batches(max_chunksize=BATCH_ROWS)
        return cls(table.num_rows, table.schema, _taken_from(batches))

    def __iter__(self) -> Iterator["pa.RecordBatch"]:
        """Yield an empty batch, which shows the types of the columns, and then all."""
        import pyarrow as pa

        yield pa.RecordBatch.from_pylist([], schema=self.schema)
        yield from self.batches


def _taken_from(batches: list["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
    batches.reverse()
    while batches:
        yield batches.pop()

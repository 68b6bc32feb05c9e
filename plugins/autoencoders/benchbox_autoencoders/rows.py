"""Ratings in compressed rows on a device, and batches of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox import Grouped
from benchbox.arrays import mapped
from benchbox.models import State
from benchbox_autoencoders.cells import Batch, ByColumn, Cells, part_of
from benchbox_autoencoders.shards import is_one_shard

# Rated cells prepared at once: enough to leave little work per batch, few enough to
# take only tens of megabytes.
_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Ratings in compressed rows on a device.

    Many ratings are mapped from temporary files. If they are more than a shard, they
    stay in host memory, and only batches are copied to the device.

    Attributes:
        counts: Number of ratings per row, int64, shape ``(n_rows,)``, on the CPU.
        offsets: Row *r* is ``offsets[r]:offsets[r + 1]``, int64, ``(n_rows + 1,)``.
        columns: Column per rating, int32, shape ``(n,)``, on the device or the CPU.
        values: Centred, scaled value per rating, float32, shape ``(n,)``, there too.
        n_columns: Number of columns of a row.
        side: Side inputs per row, shape ``(n_rows, d)``, if any.
    """

    counts: Tensor
    offsets: Tensor
    columns: Tensor
    values: Tensor
    n_columns: int
    side: Tensor | None = None

    @classmethod
    def from_grouped(
        cls,
        grouped: Grouped,
        values: NDArray[np.float32],
        device: str,
        side: NDArray[np.float32] | None = None,
    ) -> "Rows":
        """Move *grouped* to *device*, with *values* instead of its ratings.

        Args:
            grouped: Ratings by row.
            values: One value per rating, in the order of the ungrouped ratings. The
                rows may share their memory, which must not be read-only.
            device: Device of the rows.
            side: Side inputs per row, shape ``(n_rows, d)``, if any.
        """
        offsets = grouped.offsets.astype(np.int64)
        place = device if is_one_shard(len(values)) else "cpu"
        columns = grouped.indices
        if not columns.flags.writeable:
            # Ratings may be read-only, and tensors cannot be.
            columns = mapped.copied(columns, np.int32)
        return cls(
            counts=torch.from_numpy(np.diff(offsets)),
            offsets=torch.from_numpy(offsets).to(device),
            columns=torch.from_numpy(columns).to(place),
            values=torch.from_numpy(grouped.arranged(values)).to(place),
            n_columns=grouped.n_columns,
            side=None if side is None else torch.from_numpy(side).to(device),
        )

    @classmethod
    def empty(cls, n_columns: int, n_side: int) -> "Rows":
        """Return zero rows, with the given numbers of columns and side inputs."""
        return cls(
            counts=torch.zeros(0, dtype=torch.int64),
            offsets=torch.zeros(1, dtype=torch.int64),
            columns=torch.zeros(0, dtype=torch.int32),
            values=torch.zeros(0),
            n_columns=n_columns,
            side=torch.zeros(0, n_side) if n_side else None,
        )

    @property
    def state(self) -> State:
        """All rows as arrays, to be saved."""
        tensors = {
            "counts": self.counts,
            "columns": self.columns,
            "values": self.values,
            "side": self.side,
        }
        arrays = {k: v.cpu().numpy() for k, v in tensors.items() if v is not None}
        return {**arrays, "n_columns": self.n_columns}

    @classmethod
    def from_state(cls, state: State) -> "Rows":
        """Return the rows that were saved as *state*, on the CPU."""
        tensors = {k: torch.from_numpy(v) for k, v in state.items() if v.ndim}
        offsets = _starts(tensors["counts"])
        return cls(offsets=offsets, n_columns=int(state["n_columns"]), **tensors)

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def device(self) -> torch.device:
        """Device of the batches."""
        return self.offsets.device

    def side_of(self, index: Tensor) -> Tensor | None:
        """Return the side inputs of the rows *index*, if there are any."""
        return None if self.side is None else self.side.index_select(0, index)

    def batches(
        self, order: Tensor, size: int, by_column: bool = False
    ) -> Iterator[Batch]:
        """Return an iterator over the rows of *order*, *size* at a time.

        Many batches are prepared at once, and are views of the result. So the host
        waits for the device only once, when it copies *order*, and little work is left
        per batch. It copies when this is called, not while the first batch is timed.
        Ratings that are not on the device are copied as well, those of many batches at
        once.

        Args:
            order: Row indexes, on the CPU.
            size: Rows per batch; the last batch may have fewer.
            by_column: Whether cells are needed sorted by column too.
        """
        counts, index = self.counts[order], order.to(self.device)
        n_batches = -(-len(order) // size)
        n_cells = max(int(counts.sum()) // max(1, n_batches), self.n_columns)
        at_once = size * max(1, _AT_ONCE // n_cells)
        parts = (slice(k, k + at_once) for k in range(0, len(order), at_once))
        return chain.from_iterable(
            self._many_batches(counts[part], index[part], size, by_column)
            for part in parts
        )

    def _picked(self, column: Tensor, cells: Tensor) -> Tensor:
        """Return elements of *column* on the device of *cells*."""
        return column.index_select(0, cells.to(column.device)).to(cells.device)

    def _many_batches(
        self, counts: Tensor, index: Tensor, size: int, by_column: bool
    ) -> Iterator[Batch]:
        # Counted on the CPU, so that the host does not wait for the device.
        ends = [0, *accumulate(int(part.sum()) for part in torch.split(counts, size))]
        firsts = self.offsets[index]
        lengths = self.offsets[index + 1] - firsts
        offsets = _starts(lengths)
        rows = torch.repeat_interleave(lengths, output_size=ends[-1])
        cells = torch.arange(ends[-1], device=index.device)
        cells += (firsts - offsets[:-1]).index_select(0, rows)
        columns = self._picked(self.columns, cells).long()
        values, side = self._picked(self.values, cells), self.side_of(index)
        # Divided per row and not per cell, because there are fewer rows.
        places = torch.arange(len(index), device=index.device)
        numbers = places // size
        places = (places - numbers * size).index_select(0, rows)
        whole = None
        if by_column:
            keys = (numbers * self.n_columns).index_select(0, rows) + columns
            n_keys = (len(ends) - 1) * self.n_columns
            whole = ByColumn.sorted_by(keys, n_keys, places)
        for number, (begin, end) in enumerate(pairwise(ends)):
            part, first = slice(begin, end), number * size
            yield Batch(
                cells=Cells(
                    offsets=part_of(offsets, number, size) - begin,
                    places=places[part],
                    columns=columns[part],
                    n_columns=self.n_columns,
                    by_column=whole and whole.part(number, self.n_columns, part),
                ),
                values=values[part],
                side=None if side is None else side[first : first + size],
            )


def _starts(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])

"""Predictions at chosen cells, with one forward pass per block of rows."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox_autoencoders.cells import Cells, part_of
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.rows import Rows

# Rows per block: enough for full speed, few enough that a dense block fits in memory.
_BLOCK = 512


class Reader:
    """Evaluates networks repeatedly at the same cells.

    Args:
        rows: Rows that are the input of the network.
        row_index: Row per wanted cell, shape ``(n,)``.
        column_index: Column per wanted cell, shape ``(n,)``.
    """

    def __init__(
        self,
        rows: Rows,
        row_index: NDArray[np.int32],
        column_index: NDArray[np.int32],
    ) -> None:
        self._rows = rows
        wanted, place = np.unique(row_index, return_inverse=True)
        self._order = np.argsort(place, kind="stable")
        self._wanted = torch.from_numpy(wanted.astype(np.int64))
        ends = np.searchsorted(place[self._order], np.arange(len(wanted) + 1))
        device = rows.device
        offsets, places, columns = (
            torch.from_numpy(index.astype(np.int64)).to(device)
            for index in (ends, place[self._order], column_index[self._order])
        )
        self._cells = []
        for number, first in enumerate(range(0, len(wanted), _BLOCK)):
            end = min(first + _BLOCK, len(wanted))
            part = slice(int(ends[first]), int(ends[end]))
            self._cells.append(
                Cells(
                    offsets=part_of(offsets, number, _BLOCK) - part.start,
                    places=places[part] - first,
                    columns=columns[part],
                    n_columns=rows.n_columns,
                )
            )

    @torch.no_grad()
    def read(self, network: Network) -> NDArray[np.float32]:
        """Return the output of *network* at every wanted cell, shape ``(n,)``."""
        network.eval()
        values = np.empty(len(self._order), dtype=np.float32)
        batches = self._rows.batches(self._wanted, _BLOCK)
        outputs = [
            network.decode(network.hidden(batch), cells)
            for batch, cells in zip(batches, self._cells, strict=True)
        ]
        if outputs:
            # Wait for the device only once, so that it computes while the host prepares
            # the next block.
            values[self._order] = torch.cat(outputs).cpu().numpy()
        return values

"""Reading: predictions at chosen cells, one forward pass per block of rows."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox_autoencoders.network import Network
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import read_rows

# Wide enough for full speed, small enough for a dense block to stay in memory.
_BLOCK = 512


class Reader:
    """Reads networks at the same cells again and again.

    Args:
        rows: What the network encodes.
        row_index: Row per wanted cell, shape ``(n,)``.
        column_index: Column per wanted cell, shape ``(n,)``.
    """

    def __init__(
        self,
        rows: Rows,
        row_index: NDArray[np.int32],
        column_index: NDArray[np.int32],
    ) -> None:
        wanted, place = np.unique(row_index, return_inverse=True)
        self._order = np.argsort(place, kind="stable")
        place = place[self._order]
        self._places = place % _BLOCK
        self._columns = column_index[self._order].astype(np.int64)
        starts = np.arange(0, len(wanted), _BLOCK)
        self._bounds = np.append(np.searchsorted(place, starts), len(place))
        blocks = torch.split(torch.from_numpy(wanted), _BLOCK)
        self._blocks = [rows.take(block) for block in blocks] if len(wanted) else []

    @torch.no_grad()
    def read(self, network: Network) -> NDArray[np.float32]:
        """Return the output of *network* at every wanted cell, shape ``(n,)``."""
        network.eval()
        read = read_rows if network.route == "sparse" else _read_dense
        values = np.empty(len(self._order), dtype=np.float32)
        for block, start, stop in zip(
            self._blocks, self._bounds, self._bounds[1:], strict=False
        ):
            wanted = slice(start, stop)
            values[self._order[wanted]] = read(
                network, block, self._places[wanted], self._columns[wanted]
            )
        return values


def _read_dense(
    network: Network,
    rows: Rows,
    places: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.float32]:
    (batch,) = rows.batches(len(rows))
    cells = torch.from_numpy(places * rows.n_columns + columns)
    read: NDArray[np.float32] = (
        network(batch, cells.to(batch.values.device)).cpu().numpy()
    )
    return read

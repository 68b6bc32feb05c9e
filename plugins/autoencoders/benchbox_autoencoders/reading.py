"""Reading: predictions at chosen cells, one forward pass per batch of rows."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox_autoencoders.network import Network
from benchbox_autoencoders.rows import Rows

# Wide enough for full speed, small enough for a dense batch to stay in memory.
_BATCH_SIZE = 512


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
        place, columns = place[self._order], column_index[self._order]
        device = rows.values.device
        cells = torch.from_numpy(place % _BATCH_SIZE * rows.n_columns + columns)
        starts = np.arange(0, len(wanted), _BATCH_SIZE)
        bounds = np.append(np.searchsorted(place, starts), len(place))
        self._cells = torch.split(cells.to(device), np.diff(bounds).tolist())
        self._batches = list(rows.take(torch.from_numpy(wanted)).batches(_BATCH_SIZE))

    @torch.no_grad()
    def read(self, network: Network) -> NDArray[np.float32]:
        """Return the output of *network* at every wanted cell, shape ``(n,)``."""
        network.eval()
        values = np.empty(len(self._order), dtype=np.float32)
        parts = zip(self._batches, self._cells, strict=True)
        read = [network(batch, cells).cpu().numpy() for batch, cells in parts]
        values[self._order] = np.concatenate(read) if read else 0.0
        return values

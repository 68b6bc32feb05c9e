"""Reading: predictions at chosen cells, one forward pass per block of rows."""

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox_autoencoders.cells import Cells
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.rows import Rows

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
        self._rows = rows
        wanted, place = np.unique(row_index, return_inverse=True)
        self._order = np.argsort(place, kind="stable")
        self._wanted = torch.from_numpy(wanted.astype(np.int64))
        self._places = place[self._order]
        self._columns = column_index[self._order]

    @torch.no_grad()
    def read(self, network: Network) -> NDArray[np.float32]:
        """Return the output of *network* at every wanted cell, shape ``(n,)``."""
        network.eval()
        values = np.empty(len(self._order), dtype=np.float32)
        for start in range(0, len(self._wanted), _BLOCK):
            batch = self._rows.batch(self._wanted[start : start + _BLOCK])
            first, end = np.searchsorted(self._places, (start, start + _BLOCK))
            part = slice(int(first), int(end))
            hidden = network.hidden(batch)
            output = network.decode(hidden, self._cells(start, part))
            values[self._order[part]] = output.cpu().numpy()
        return values

    def _cells(self, start: int, part: slice) -> Cells:
        device = self._rows.values.device
        places = self._places[part] - start
        offsets = np.searchsorted(places, np.arange(_BLOCK + 1))
        offsets = offsets[: min(_BLOCK, len(self._wanted) - start) + 1]
        return Cells(
            offsets=torch.from_numpy(offsets).to(device),
            places=torch.from_numpy(places).to(device),
            columns=torch.from_numpy(self._columns[part].astype(np.int64)).to(device),
            n_columns=self._rows.n_columns,
        )

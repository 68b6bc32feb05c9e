"""A global kernel: one small convolution over the whole matrix of ratings.

Its 3 × 3 weights are a weighted sum of one kernel per item, each weighted by the item's
mean prediction (Han et al., 2021). The convolved matrix, without its negative parts,
replaces the ratings as the input of the network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchbox_autoencoders.cells import Batch, ByColumn, Cells

SIZE = 3
"""Rows and columns of the kernel."""

# Standard deviation of the initial shares.
_SHARE = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbours:
    """The cells that a rating is beside, and the ratings beside each of them.

    Attributes:
        cells: Cells with a rating in the 3 × 3 cells around them.
        values: The ratings around each cell, 0 where there is none, in the order of the
            kernel's weights; shape ``(n_cells, 9)``.
    """

    cells: Cells
    values: Tensor

    @classmethod
    def of(cls, batch: Batch) -> "Neighbours":
        """Return the neighbours of the rated cells of *batch*, on its device."""
        n_rows, n_columns = batch.cells.n_rows, batch.cells.n_columns
        # On the CPU, because a device would have the host wait for the number of cells.
        cells = batch.cells
        parts = (cells.places, cells.columns, batch.values)
        places, all_columns, ratings = (part.cpu() for part in parts)
        keys, values, slots = [], [], []
        for slot in range(SIZE * SIZE):
            # A weight above the centre is for the rating above, and so for the cell
            # below that rating.
            down, right = (1 - part for part in divmod(slot, SIZE))
            rows, columns = places + down, all_columns + right
            inside = (rows >= 0) & (rows < n_rows)
            inside &= (columns >= 0) & (columns < n_columns)
            keys.append((rows * n_columns + columns)[inside])
            values.append(ratings[inside])
            slots.append(torch.full_like(keys[-1], slot))
        flat, place = torch.unique(torch.cat(keys), return_inverse=True)
        around = ratings.new_zeros(len(flat), SIZE * SIZE)
        around[place, torch.cat(slots)] = torch.cat(values)
        device = batch.values.device
        return cls(
            cells=_cells(flat.to(device), n_rows, n_columns), values=around.to(device)
        )


class GlobalKernel(nn.Module):
    """Reads ratings through a 3 × 3 kernel that is composed of one kernel per item.

    Args:
        batch: All training ratings, by item.
        scale: Factor of the kernel.
        generator: Random generator of the initial shares, on the CPU. They are moved
            to the device with the network.

    Attributes:
        cells: Cells whose value may differ from 0.
        shares: Kernel of each item, row by row, shape ``(n_rows, 9)``.
    """

    def __init__(self, batch: Batch, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        around = Neighbours.of(batch)
        self.cells, self._around, self._scale = around.cells, around.values, scale
        shape = batch.cells.n_rows, SIZE * SIZE
        self.shares = nn.Parameter(_SHARE * torch.randn(shape, generator=generator))

    @torch.no_grad()
    def start_as_identity(self, means: Tensor) -> None:
        """Let the kernel be 1 in its centre and 0 around it, given these *means*."""
        self.shares.zero_()
        self.shares[:, SIZE * SIZE // 2] = means / (means @ means * self._scale)

    def forward(self, means: Tensor) -> Tensor:
        """Return the convolved ratings at `cells`, without negative ones.

        Args:
            means: Mean prediction of each item over all users, shape ``(n_rows,)``.
        """
        return (self._around @ (self._scale * (means @ self.shares))).relu()


def _cells(flat: Tensor, n_rows: int, n_columns: int) -> Cells:
    places = torch.div(flat, n_columns, rounding_mode="floor")
    columns = flat - places * n_columns
    starts = torch.arange(n_rows + 1, device=flat.device)
    return Cells(
        offsets=torch.searchsorted(places, starts),
        places=places,
        columns=columns,
        n_columns=n_columns,
        by_column=ByColumn.sorted_by(columns, n_columns, places),
    )

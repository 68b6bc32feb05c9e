"""The network of SparseFC and GLocal-K: an autoencoder of kernelised layers."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from benchbox.models.training import ACTIVATIONS
from benchbox_autoencoders.cells import Batch, Cells
from benchbox_autoencoders.global_kernel import GlobalKernel
from benchbox_autoencoders.kernel_options import SparseFCOptions
from benchbox_autoencoders.local_kernel import KernelLayer
from benchbox_autoencoders.rated import rated_cells, rated_product
from benchbox_autoencoders.rows import Rows


class KernelNetwork(nn.Module):
    """An autoencoder over items' ratings with kernelised weights, all items at once.

    Args:
        rows: Training ratings by item.
        options: Options of the model.
        generator: Random generator of the initial weights, on the CPU.
        reader: Global kernel through which ratings may be read, if any.

    Attributes:
        is_fine_tuned: Whether ratings are read through the global kernel.
    """

    def __init__(
        self,
        rows: Rows,
        options: SparseFCOptions,
        generator: torch.Generator,
        reader: GlobalKernel | None = None,
    ) -> None:
        super().__init__()
        widths = (rows.n_columns, *options.hidden_units)
        self.inner = nn.ModuleList(
            KernelLayer(*pair, options.kernel_dims, generator)
            for pair in pairwise(widths)
        )
        # The rows of its weights are users, so that rated cells are computed quickly.
        self.last = KernelLayer(
            rows.n_columns, widths[-1], options.kernel_dims, generator
        )
        self.offsets = nn.ParameterList(torch.zeros(n) for n in widths[1:])
        # Users without ratings keep weights of 0, and are predicted by the mean.
        unrated = torch.bincount(rows.columns.cpu(), minlength=rows.n_columns) == 0
        for layer in (self.inner[0], self.last):
            assert isinstance(layer, KernelLayer)
            layer.silence(unrated)
        self.ends = nn.Parameter(torch.full((rows.n_columns,), _mean(rows)))
        self.reader, self.is_fine_tuned = reader, False
        self._options = options
        self._activation = ACTIVATIONS[options.activation]

    def get_extra_state(self) -> Tensor:
        """Return what belongs to the weights of an epoch, but is no weight."""
        return torch.tensor(self.is_fine_tuned)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` returned."""
        self.is_fine_tuned = bool(state)

    def start_fine_tuning(self, batch: Batch, *, as_identity: bool) -> None:
        """Read the ratings of *batch* through the global kernel from now on."""
        assert self.reader is not None
        if as_identity:
            units, weights = self.factors(batch)
            self.reader.start_as_identity(units @ weights.mean(0))
        self.is_fine_tuned = True

    def loss(self, batch: Batch) -> Tensor:
        """Return half the sum of squared errors, plus the penalties.

        Args:
            batch: All training ratings, by item, sorted by user too.
        """
        units, weights, penalty = self._forward(batch)
        output = rated_cells(batch.cells, units, weights)
        return 0.5 * (output - batch.values).square().sum() + penalty

    @torch.no_grad()
    def factors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return items' units and users' weights; their products are the predictions.

        Their shapes are ``(n_rows, h + 1)`` and ``(n_columns, h + 1)``: the last unit
        is 1, and its weight is the user's offset.
        """
        units, weights, _ = self._forward(batch)
        return units, weights

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        weights, penalty = self._weights()
        units = self._units(batch.cells, batch.values, weights)
        if self.reader is not None and self.is_fine_tuned:
            values = self.reader(units @ weights[-1].mean(0))
            units = self._units(self.reader.cells, values, weights)
        return units, weights[-1], penalty

    def _weights(self) -> tuple[list[Tensor], Tensor]:
        weights, penalties = [], []
        for layer in (*self.inner, self.last):
            effective, kernel = layer()
            weights.append(effective)
            penalties += [
                0.5 * self._options.weight_decay * layer.raw.square().sum(),
                0.5 * self._options.kernel_decay * kernel.square().sum(),
            ]
        weights[-1] = torch.cat([weights[-1], self.ends[:, None]], dim=1)
        return weights, torch.stack(penalties).sum()

    def _units(self, cells: Cells, values: Tensor, weights: list[Tensor]) -> Tensor:
        product = rated_product(cells, values, weights[0])
        units: Tensor = self._activation(product + self.offsets[0])
        for weight, offset in zip(weights[1:-1], self.offsets[1:], strict=True):
            units = self._activation(torch.addmm(offset, units, weight))
        return torch.cat([units, units.new_ones(len(units), 1)], dim=1)


def _mean(rows: Rows) -> float:
    return float(rows.values.mean()) if len(rows.values) else 0.0

"""Network: an autoencoder over rows, read at chosen cells."""

from itertools import pairwise
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbox.models.training import ACTIVATIONS
from benchbox_autoencoders.cells import Batch, Cells
from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import at_cells, by_row

# Share of cells from which reading them all is faster than one by one (measured).
_MANY = 0.2


class Network(nn.Module):
    """``f(W_L ... g(W_1 r + V s + b_1) ... + b_L)`` (Sedhain et al., 2015).

    The first and the last weights hold one row per column of the ratings, so that
    both can be read sparsely. Tied, the last weights are the first, and each layer
    between is its mirror image's transpose; offsets are each layer's own.
    Columns nobody rated in training are neither read nor written:
    nothing moves their weights from 0, and the centre alone predicts them.

    Args:
        rows: What the network shall be trained on: its width, which columns are
            rated, how many per row, and the number of side inputs.
        options: The settings.
        generator: Draws the weights, on the CPU: a seed then means the same start on
            every device.

    Attributes:
        route: Whether the first and the last layer multiply whole rows.
    """

    def __init__(
        self, rows: Rows, options: AutoencoderOptions, generator: torch.Generator
    ) -> None:
        super().__init__()
        units = options.hidden_units
        weights = [
            _sparse_start(rows, units[0], generator),
            *(_xavier(shape, generator) for shape in pairwise(units)),
        ]
        if options.tied:
            # The rest are mirror images; of an odd number, the middle one is its own.
            del weights[len(units) // 2 + 1 :]
        else:
            # From 0, the first epochs improve on the centre, not unlearn noise.
            weights.append(torch.zeros(rows.n_columns, units[-1]))
        n_side = 0 if rows.side is None else rows.side.shape[1]
        side = _xavier((n_side, units[0]), generator) if n_side else None
        self.weights = nn.ParameterList(weights)
        self.side_weights = None if side is None else nn.Parameter(side)
        self.offsets = nn.ParameterList(
            torch.zeros(n) for n in (*units, rows.n_columns)
        )
        self.route: Route = "dense"
        self._options = options
        self._activation = ACTIVATIONS[options.activation]
        self._output_activation = ACTIVATIONS[options.output_activation]
        self._chance: torch.Generator | None = None
        self._activity: list[Tensor] = []

    @property
    def first(self) -> Tensor:
        """Weights of the first layer, shape ``(n_columns, h_1)``."""
        weights: Tensor = self.weights[0]
        return weights

    @property
    def between(self) -> list[Tensor]:
        """Weights of the layers between, shapes ``(h_i, h_(i+1))``."""
        if not self._options.tied:
            return list(self.weights[1:-1])
        own = list(self.weights[1:])
        n_layers = len(self._options.hidden_units) - 1
        return own + [weight.T for weight in reversed(own[: n_layers - len(own)])]

    @property
    def last(self) -> Tensor:
        """Weights of the last layer, shape ``(n_columns, h_L)``."""
        weights: Tensor = self.weights[0 if self._options.tied else -1]
        return weights

    def seed(self, chance: torch.Generator) -> None:
        """Let *chance*, on the network's device, draw dropout and noise."""
        self._chance = chance

    def hidden(self, batch: Batch) -> Tensor:
        """Return the last hidden layer of *batch*, shape ``(n_rows, h_L)``."""
        if self.route == "sparse":
            product = by_row(batch.cells, batch.values, self.first)
        else:
            product = batch.cells.dense(batch.values) @ self.first
        return self.deepen(product, batch.side)

    @property
    def corrupts(self) -> bool:
        """Whether the encoder is given other ratings than there are."""
        noisy = self._options.input_noise or self._options.input_dropout
        return self.training and bool(noisy)

    def corrupt(self, values: Tensor) -> Tensor:
        """Return the ratings the encoder is given: noisy or 0 while training."""
        if not self.corrupts:
            return values
        if self._options.input_noise:
            noise = torch.randn(
                values.shape,
                generator=self._chance,
                dtype=values.dtype,
                device=values.device,
            )
            values = values + self._options.input_noise * noise
        return self._drop(values, self._options.input_dropout)

    def deepen(self, product: Tensor, side: Tensor | None) -> Tensor:
        """Return the last hidden layer, given the product with the first weights."""
        if self.side_weights is not None and side is not None:
            product = product + side @ self.side_weights
        self._activity = []
        hidden = self._activate(product + self.offsets[0])
        for weight, offset in zip(self.between, self.offsets[1:-1], strict=True):
            hidden = self._activate(torch.addmm(offset, hidden, weight))
        return hidden

    @property
    def penalty(self) -> Tensor | None:
        """What the hidden units of the latest pass add to the loss, if anything."""
        if not self._options.activity_l1 or not self._activity:
            return None
        sizes = [layer.abs().sum() / len(layer) for layer in self._activity]
        return self._options.activity_l1 * torch.stack(sizes).sum()

    def decode(self, hidden: Tensor, cells: Cells) -> Tensor:
        """Return the reconstruction at *cells*, given the last hidden layer."""
        many = len(cells) >= _MANY * cells.n_rows * cells.n_columns
        whole = many or self.route == "dense"
        return self.activate_output(self.sums(hidden, cells, whole=whole))

    def sums(self, hidden: Tensor, cells: Cells, *, whole: bool) -> Tensor:
        """Return the last layer's sums at *cells*, by *whole* rows or one by one."""
        offsets: Tensor = self.offsets[-1]
        if whole:
            return cells.picked(F.linear(hidden, self.last, offsets))
        return at_cells(cells, hidden, self.last) + offsets.index_select(
            0, cells.columns
        )

    def activate_output(self, output: Tensor) -> Tensor:
        """Return the reconstruction, given the last layer's sums."""
        return self._output_activation(output)

    def _activate(self, x: Tensor) -> Tensor:
        activated = self._activation(x)
        if self.training and self._options.activity_l1:
            self._activity.append(activated)
        return self._drop(activated, self._options.dropout)

    def _drop(self, x: Tensor, share: float) -> Tensor:
        if not self.training or share == 0:
            return x
        chance = torch.rand(x.shape, generator=self._chance, device=x.device)
        return x * ((chance >= share).to(x) / (1 - share))


def _sparse_start(rows: Rows, width: int, generator: torch.Generator) -> Tensor:
    # Only rated cells feed a hidden unit, so their number is the fan-in that counts:
    # scaled by all columns, hidden units start out nearly constant. A half did best
    # of 0.5, 1 and 2 on validation ratings of ML-100K and ml-latest-small.
    n_rated = torch.bincount(rows.columns.cpu(), minlength=rows.n_columns)
    n_rows = int((rows.counts > 0).sum())
    spread = 0.5 * sqrt(n_rows / max(1, len(rows.columns)))
    weights = spread * torch.randn(rows.n_columns, width, generator=generator)
    return weights * (n_rated > 0)[:, None]


def _xavier(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    weights = torch.empty(shape)
    nn.init.xavier_uniform_(weights, generator=generator)
    return weights

"""The network: an autoencoder over rows of ratings, evaluated at chosen cells."""

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

# From this share of cells on, computing whole rows is faster than single cells
# (measured).
_MANY = 0.2


class Network(nn.Module):
    """``f(W_L ... g(W_1 r + V s + b_1) ... + b_L)`` (Sedhain et al., 2015).

    The weights of the first and the last layer have one row per column of the ratings,
    so that both can be accessed sparsely. If they are tied, the last weights are the
    first ones, and those of each layer in between are the transpose of its mirror
    image's; offsets are never shared. The weights of columns without training ratings
    stay 0, so these columns are predicted by the centre alone.

    Args:
        rows: Training rows, for their number of columns and side inputs, the rated
            columns, and the mean number of ratings per row.
        options: Options of the model.
        generator: Random generator of the initial weights. It is on the CPU, so that a
            seed gives the same weights on every device.

    Attributes:
        route: ``dense`` if the first and the last layer multiply whole rows, or
            ``sparse`` if they multiply only rated cells.
    """

    def __init__(
        self, rows: Rows, options: AutoencoderOptions, generator: torch.Generator
    ) -> None:
        super().__init__()
        units = options.hidden_units
        by_widths = options.initial_weights == "xavier"
        outer_start = _xavier_start if by_widths else _sparse_start
        weights = [
            outer_start(rows, units[0], generator),
            *(_xavier(shape, generator) for shape in pairwise(units)),
        ]
        if options.tied:
            # The other layers are mirror images. If the number of layers is odd, the
            # middle one has its own weights.
            del weights[len(units) // 2 + 1 :]
        elif by_widths:
            weights.append(_xavier_start(rows, units[-1], generator))
        else:
            # Starting at 0, the network predicts the centre, and the first epochs need
            # not unlearn noise.
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
        """Weights of the layers in between, shapes ``(h_i, h_(i+1))``."""
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
        """Draw dropout and noise from *chance*, a generator on the network's device."""
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
        """Whether the encoder's inputs get noise or dropout, as only in training."""
        noisy = self._options.input_noise or self._options.input_dropout
        return self.training and bool(noisy)

    def corrupt(self, values: Tensor) -> Tensor:
        """Return the inputs of the encoder: while training, with noise and dropout."""
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
        """Return the last hidden layer, given the product with the first weights.

        Args:
            product: Product of ratings and first weights, shape ``(n_rows, h_1)``.
            side: Side inputs, shape ``(n_rows, d)``, if any.
        """
        if self.side_weights is not None and side is not None:
            product = product + side @ self.side_weights
        self._activity = []
        hidden = self._activate(product + self.offsets[0])
        for weight, offset in zip(self.between, self.offsets[1:-1], strict=True):
            hidden = self._activate(torch.addmm(offset, hidden, weight))
        return hidden

    @property
    def penalty(self) -> Tensor | None:
        """Activity penalty of the latest forward pass, `None` if there is none."""
        if not self._options.activity_l1 or not self._activity:
            return None
        sizes = [layer.abs().sum() / len(layer) for layer in self._activity]
        return self._options.activity_l1 * torch.stack(sizes).sum()

    def decode(self, hidden: Tensor, cells: Cells) -> Tensor:
        """Return the reconstruction at *cells*, shape ``(n_cells,)``.

        Args:
            hidden: Last hidden layer, shape ``(n_rows, h_L)``.
            cells: Cells to reconstruct.
        """
        many = len(cells) >= _MANY * cells.n_rows * cells.n_columns
        whole = many or self.route == "dense"
        return self.activate_output(self.sums(hidden, cells, whole=whole))

    def sums(self, hidden: Tensor, cells: Cells, *, whole: bool) -> Tensor:
        """Return the last layer's sums at *cells*, before its activation.

        Args:
            hidden: Last hidden layer, shape ``(n_rows, h_L)``.
            cells: Cells to compute.
            whole: Whether to compute whole rows, and then pick the cells.
        """
        offsets: Tensor = self.offsets[-1]
        if whole:
            return cells.picked(F.linear(hidden, self.last, offsets))
        return at_cells(cells, hidden, self.last) + offsets.index_select(
            0, cells.columns
        )

    def activate_output(self, output: Tensor) -> Tensor:
        """Return the reconstruction, given the sums of the last layer."""
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
    # Only rated cells contribute to a hidden unit, so the fan-in is their number per
    # row. Scaled by all columns, hidden units would be nearly constant at first. The
    # factor 0.5 was better than 1 and 2 on validation ratings of ML-100K and
    # ml-latest-small.
    n_rows = int((rows.counts > 0).sum())
    spread = 0.5 * sqrt(n_rows / max(1, len(rows.columns)))
    weights = spread * torch.randn(rows.n_columns, width, generator=generator)
    return weights * _rated(rows)[:, None]


def _xavier_start(rows: Rows, width: int, generator: torch.Generator) -> Tensor:
    # Published networks have a weight for every column that is ever rated, so only
    # these columns count in the width.
    rated = _rated(rows)
    weights = torch.zeros(rows.n_columns, width)
    weights[rated] = _xavier((int(rated.sum()), width), generator)
    return weights


def _rated(rows: Rows) -> Tensor:
    """Return whether each column has a rating, shape ``(n_columns,)``."""
    return torch.bincount(rows.columns.cpu(), minlength=rows.n_columns) > 0


def _xavier(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    weights = torch.empty(shape)
    nn.init.xavier_uniform_(weights, generator=generator)
    return weights

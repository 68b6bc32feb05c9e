"""Network: an autoencoder over rows, read at chosen cells."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbox_autoencoders.options import AutoencoderOptions, Route
from benchbox_autoencoders.rows import Batch, Rows

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "swish": F.silu,
}


class Network(nn.Module):
    """``f(W_L ... g(W_1 r + b_1) ... + b_L)`` (Sedhain et al., 2015).

    The first and the last weights hold one row per column of the ratings, so that
    both can be read sparsely. `forward` multiplies whole rows; the sparse route goes
    from the first layer's product through `deepen` to the last layer by itself.
    Columns nobody rated in training are neither read nor written:
    nothing moves their weights from 0, and the centre alone predicts them.

    Args:
        rows: What the network shall be trained on: its width, which columns are
            rated, and how many per row.
        options: The settings.
        generator: Draws weights and dropout, on the CPU: a seed then means the same
            on every device.
    """

    def __init__(
        self, rows: Rows, options: AutoencoderOptions, generator: torch.Generator
    ) -> None:
        super().__init__()
        # From 0, the first epochs improve on the centre instead of unlearning noise.
        last = torch.zeros(rows.n_columns, options.hidden_units[-1])
        between = [
            _xavier(shape, generator) for shape in pairwise(options.hidden_units)
        ]
        first = _sparse_start(rows, options.hidden_units[0], generator)
        self.weights = nn.ParameterList([first, *between, last])
        self.offsets = nn.ParameterList(
            torch.zeros(n) for n in (*options.hidden_units, rows.n_columns)
        )
        self._activation = ACTIVATIONS[options.activation]
        self._output_activation = ACTIVATIONS[options.output_activation]
        self._input_dropout = options.input_dropout
        self._dropout = options.dropout
        self._generator = generator
        self.route: Route = "dense"

    def forward(self, batch: Batch, cells: Tensor) -> Tensor:
        """Return the reconstruction of *batch* at *cells*, shape ``(len(cells),)``."""
        inputs = batch.dense(self.drop_input(batch.values))
        hidden = self.deepen(inputs @ self.weights[0])
        output = F.linear(hidden, self.weights[-1], self.offsets[-1])
        # Fancy indexing would do, but its gradient differs from run to run.
        return self.activate_output(output.view(-1).index_select(0, cells))

    def drop_input(self, values: Tensor) -> Tensor:
        """Return the ratings the encoder is given: some are 0 while training."""
        return self._drop(values, self._input_dropout)

    def deepen(self, product: Tensor) -> Tensor:
        """Return the last hidden layer, given the product with the first weights."""
        hidden = self._activate(product + self.offsets[0])
        for weight, offset in zip(self.weights[1:-1], self.offsets[1:-1], strict=True):
            hidden = self._activate(torch.addmm(offset, hidden, weight))
        return hidden

    def activate_output(self, output: Tensor) -> Tensor:
        """Return the reconstruction, given the last layer's sums."""
        return self._output_activation(output)

    def _activate(self, x: Tensor) -> Tensor:
        return self._drop(self._activation(x), self._dropout)

    def _drop(self, x: Tensor, share: float) -> Tensor:
        if not self.training or share == 0:
            return x
        kept = torch.rand(x.shape, generator=self._generator) >= share
        return x * (kept.to(x) / (1 - share))


def _sparse_start(rows: Rows, width: int, generator: torch.Generator) -> Tensor:
    # Only rated cells feed a hidden unit, so their number is the fan-in that counts:
    # scaled by all columns, hidden units start out nearly constant. A half did best
    # of 0.5, 1 and 2 on validation ratings of ML-100K and ml-latest-small.
    n_rated = torch.bincount(rows.columns.cpu(), minlength=rows.n_columns)
    n_rows = int((rows.offsets.diff() > 0).sum())
    spread = 0.5 * sqrt(n_rows / max(1, len(rows.columns)))
    weights = spread * torch.randn(rows.n_columns, width, generator=generator)
    return weights * (n_rated > 0)[:, None]


def _xavier(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    weights = torch.empty(shape)
    nn.init.xavier_uniform_(weights, generator=generator)
    return weights

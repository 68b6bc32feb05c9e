"""Heads: compute a prediction from the embeddings of a user and an item."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchbox.models.training import ACTIVATIONS
from benchbox_embeddings.named import Named
from benchbox_embeddings.options import NeuralCFOptions
from benchbox_embeddings.rows import Rows


class InnerProduct(nn.Module):
    """``b_u + b_i + p_u . q_i``, with offsets that start at 0."""

    start_spread = 0.02
    """Initial standard deviation of embeddings. It is small, so that offsets, which
    explain more, are learned first. It had the lowest validation error from 0.01 to
    0.3."""

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList()
        self.offsets = nn.ParameterList([torch.zeros(n_users), torch.zeros(n_items)])

    @property
    def row_offsets(self) -> tuple[nn.Parameter, ...]:
        """Offsets per user and per item."""
        return tuple(self.offsets)

    def forward(
        self, left: Tensor, right: Tensor, users: Tensor, items: Tensor
    ) -> Tensor:
        """Return one number per pair, shape ``(n,)``."""
        offsets = (
            own.index_select(0, index)
            for own, index in zip(self.offsets, (users, items), strict=True)
        )
        return self.of_rows((left, right), tuple(offsets), (Named(users), Named(items)))

    def of_rows(
        self,
        embeddings: tuple[Tensor, Tensor],
        offsets: tuple[Tensor, ...],
        sides: tuple[Named, Named],
    ) -> Tensor:
        """Return one number per pair, shape ``(n,)``.

        Args:
            embeddings: Embedding per row of users and of items that pairs name.
            offsets: Offset per row of users and of items that pairs name.
            sides: These rows, and which pair names which.
        """
        left, right = map(Named.per_pair, sides, embeddings)
        kind = left.device.type
        if torch.is_autocast_enabled(kind):
            # Autocast converts only products of matrices, not elementwise ones.
            left, right = (x.to(torch.get_autocast_dtype(kind)) for x in (left, right))
        product = (left * right).sum(1, dtype=self.offsets[0].dtype)
        of_users, of_items = map(Named.per_pair, sides, offsets)
        return product + of_users + of_items


class Perceptron(nn.Module):
    """A multilayer perceptron over both embeddings, and features if there are any.

    Args:
        users: All users, with their features.
        items: All items, with their features.
        options: Options of the model.
        generator: Random generator of the initial weights, on the CPU.
        chance: Random generator of dropout, on the device of the pairs.
    """

    start_spread = 0.5
    """Initial standard deviation of embeddings. It is large, so that pairs reach the
    nonlinear range of the layers. It had the lowest validation error from 0.03 to 1."""

    def __init__(
        self,
        users: Rows,
        items: Rows,
        options: NeuralCFOptions,
        generator: torch.Generator,
        chance: torch.Generator,
    ) -> None:
        super().__init__()
        n_features = users.features.shape[1] + items.features.shape[1]
        widths = (2 * options.n_factors + n_features, *options.hidden_units, 1)
        self.weights = nn.ParameterList(
            _xavier((after, before), generator) for before, after in pairwise(widths)
        )
        self.offsets = nn.ParameterList(torch.zeros(n) for n in widths[1:])
        self.user_features: Tensor
        self.item_features: Tensor
        self.register_buffer("user_features", users.features)
        self.register_buffer("item_features", items.features)
        self._activation = ACTIVATIONS[options.activation]
        self._output_activation = ACTIVATIONS[options.output_activation]
        self._dropout = options.dropout
        self._chance = chance

    @property
    def row_offsets(self) -> tuple[nn.Parameter, ...]:
        """No offsets per user and per item."""
        return ()

    def of_rows(
        self,
        embeddings: tuple[Tensor, Tensor],
        offsets: tuple[Tensor, ...],
        sides: tuple[Named, Named],
    ) -> Tensor:
        """Return one number per pair; as of `InnerProduct`, but *offsets* are empty."""
        x = self._first(embeddings, sides)
        for weight, offset in zip(self.weights[1:], self.offsets[1:], strict=True):
            hidden = self._drop(self._activation(x))
            x = F.linear(hidden, weight, offset)
        # (n, 1) against ratings of shape (n,) would broadcast to (n, n).
        output: Tensor = self._output_activation(x).squeeze(1)
        return output

    def forward(
        self, left: Tensor, right: Tensor, users: Tensor, items: Tensor
    ) -> Tensor:
        """Return one number per pair, shape ``(n,)``."""
        return self.of_rows((left, right), (), (Named(users), Named(items)))

    def _first(
        self, embeddings: tuple[Tensor, Tensor], sides: tuple[Named, Named]
    ) -> Tensor:
        """Return the first layer of the embeddings and features of every pair.

        A row's own products are computed once, however many pairs name it.
        """
        features = self.user_features, self.item_features
        inputs = (*embeddings, *features)
        used = [place for place, x in enumerate(inputs) if x.shape[1]]
        widths = [inputs[place].shape[1] for place in used]
        # With one product per input, gradients are contiguous arrays, which are summed
        # faster than slices of columns.
        weights = dict(zip(used, torch.split(self.weights[0], widths, 1), strict=True))
        sums = []
        # The offset belongs to either side, and a product adds it for nothing.
        for side, offset in enumerate((self.offsets[0], None)):
            own = F.linear(embeddings[side], weights[side], offset)
            if 2 + side in weights:
                rows = features[side].index_select(0, sides[side].rows)
                own = own + F.linear(rows, weights[2 + side])
            # Autocast rounds products, not sums.
            sums.append(sides[side].per_pair(own.to(self.offsets[0].dtype)))
        return sums[0] + sums[1]

    def _drop(self, x: Tensor) -> Tensor:
        if not self.training or self._dropout == 0:
            return x
        chance = torch.rand(x.shape, generator=self._chance, device=x.device)
        return x * ((chance >= self._dropout).to(x) / (1 - self._dropout))


def _xavier(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    weights = torch.empty(shape)
    nn.init.xavier_uniform_(weights, generator=generator)
    return weights

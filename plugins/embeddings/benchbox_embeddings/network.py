"""The network: embeddings of users and items, and a head."""

import torch
from torch import Tensor, nn

from benchbox_embeddings.heads import InnerProduct, Perceptron
from benchbox_embeddings.rows import Rows


class Embedding(nn.Module):
    """A vector per row; rows that are not trained on get the mean of the others.

    Args:
        cold: 1 for rows that are not trained on, else 0, shape ``(n_rows, 1)``.
        start: Initial vectors of the other rows, shape ``(n_rows, n_factors)``.
    """

    def __init__(self, cold: Tensor, start: Tensor) -> None:
        super().__init__()
        self.cold: Tensor
        self.register_buffer("cold", cold)
        # A cold row never has a gradient, so it stays 0.
        self.weight = nn.Parameter(start * (1 - self.cold))

    @property
    def mean(self) -> Tensor:
        """The mean vector of the rows that are trained on, shape ``(n_factors,)``."""
        return self.weight.sum(0) / (1 - self.cold).sum()

    def forward(self, index: Tensor, mean: Tensor | None = None) -> Tensor:
        """Return the vector per index, shape ``(n, n_factors)``.

        Args:
            index: Row per vector, shape ``(n,)``.
            mean: `mean`, if it is known already: its cost grows with all rows.
        """
        # On the CPU, index_select has a gradient 2.5 times as fast as F.embedding.
        if self.training:
            return self.weight.index_select(0, index)
        mean = self.mean if mean is None else mean
        cold = self.cold.index_select(0, index)
        return self.weight.index_select(0, index) + cold * mean


class Network(nn.Module):
    """Embeddings of users and items, and a head that makes predictions from them.

    Args:
        users: All users.
        items: All items.
        n_factors: Length of an embedding.
        head: The head.
        generator: Random generator of the initial embeddings, on the CPU.
    """

    def __init__(
        self,
        users: Rows,
        items: Rows,
        n_factors: int,
        head: InnerProduct | Perceptron,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        def start(n: int) -> Tensor:
            return head.start_spread * torch.randn(n, n_factors, generator=generator)

        self.users = Embedding(users.cold, start(len(users)))
        self.items = Embedding(items.cold, start(len(items)))
        self.head = head

    @property
    def weights(self) -> list[nn.Parameter]:
        """Parameters with weight decay."""
        return [self.users.weight, self.items.weight, *self.head.weights]

    @property
    def offsets(self) -> list[nn.Parameter]:
        """Parameters without weight decay."""
        return list(self.head.offsets)

    @property
    def means(self) -> tuple[Tensor, Tensor]:
        """The mean vector of users and of items that are trained on."""
        return self.users.mean, self.items.mean

    def forward(
        self,
        users: Tensor,
        items: Tensor,
        means: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> Tensor:
        """Return the predicted centred, scaled rating of each pair, shape ``(n,)``.

        Args:
            users: User per pair, shape ``(n,)``.
            items: Item per pair, shape ``(n,)``.
            means: `means`, if many blocks of pairs are predicted.
        """
        left, right = self.users(users, means[0]), self.items(items, means[1])
        scaled: Tensor = self.head(left, right, users, items)
        return scaled

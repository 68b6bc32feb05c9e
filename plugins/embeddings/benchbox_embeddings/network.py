"""Network: embeddings of users and items under a head."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchbox import Ratings
from benchbox_embeddings.heads import InnerProduct, Perceptron


class Embedding(nn.Module):
    """A vector per row; a row never trained on is read as the mean of the others.

    Args:
        trained: Rows that will be trained on, shape ``(n,)``.
        start: Where all rows start, shape ``(n_rows, n_factors)``.
    """

    def __init__(self, trained: NDArray[np.int32], start: Tensor) -> None:
        super().__init__()
        cold = np.ones((len(start), 1), np.float32)
        cold[trained] = 0
        self.cold: Tensor
        self.register_buffer("cold", torch.from_numpy(cold), persistent=False)
        # A cold row never has a gradient, so it stays 0.
        self.weight = nn.Parameter(start * (1 - self.cold))

    def forward(self, index: Tensor) -> Tensor:
        """Return the vector per index, shape ``(n, n_factors)``."""
        # On a CPU the gradient of index_select is 2.5 times faster than embedding's.
        if self.training:
            return self.weight.index_select(0, index)
        mean = self.weight.sum(0) / (1 - self.cold).sum()
        return (self.weight + self.cold * mean).index_select(0, index)


class Network(nn.Module):
    """Embeddings of users and of items, and the head that reads them.

    Args:
        train: Who is to be trained on.
        n_factors: Length of an embedding.
        head: What reads them.
        generator: Draws the embeddings, on the CPU.
    """

    def __init__(
        self,
        train: Ratings,
        n_factors: int,
        head: InnerProduct | Perceptron,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        def start(n: int) -> Tensor:
            return head.start_spread * torch.randn(n, n_factors, generator=generator)

        self.users = Embedding(train.users, start(train.n_users))
        self.items = Embedding(train.items, start(train.n_items))
        self.head = head

    @property
    def weights(self) -> list[nn.Parameter]:
        """Parameters under weight decay."""
        return [self.users.weight, self.items.weight, *self.head.weights]

    @property
    def offsets(self) -> list[nn.Parameter]:
        """Parameters without it."""
        return list(self.head.offsets)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Return the centred, scaled rating of each pair, shape ``(n,)``."""
        scaled: Tensor = self.head(self.users(users), self.items(items), users, items)
        return scaled

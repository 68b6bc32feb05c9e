"""Centring: what is subtracted from ratings before training and added back later."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox.models import State
from benchbox.models.training import Centre


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TensorCentre:
    """A `Centre` as tensors, for pairs of users that were trained on.

    Attributes:
        mean: Global mean; 0 without centring.
        user_bias: Offset per user, 0 if not trained on, shape ``(n_users,)``.
        item_bias: Offset per item, 0 if not trained on, shape ``(n_items,)``.
        spread: Standard deviation of the training ratings around their centres.
            Because ratings are divided by it, a learning rate suits every rating scale.
    """

    mean: float
    user_bias: Tensor
    item_bias: Tensor
    spread: float

    def scaled(self, values: Tensor | float, users: Tensor, items: Tensor) -> Tensor:
        """Return the ratings of these pairs, centred and scaled, shape ``(n,)``."""
        return (values - self._of(users, items)) / self.spread

    def restored(self, scaled: Tensor, users: Tensor, items: Tensor) -> Tensor:
        """Return *scaled* values of these pairs as ratings; the inverse of `scaled`."""
        return self._of(users, items) + self.spread * scaled

    @classmethod
    def on(cls, device: str, centre: Centre) -> Self:
        """Return *centre* as float32 tensors on *device*."""
        return cls(
            mean=centre.model.mean,
            user_bias=_on(device, centre.model.user_bias),
            item_bias=_on(device, centre.model.item_bias),
            spread=centre.spread,
        )

    @property
    def state(self) -> State:
        """The fitted values, to be saved."""
        return {
            "mean": self.mean,
            "user_bias": self.user_bias.cpu().numpy(),
            "item_bias": self.item_bias.cpu().numpy(),
            "spread": self.spread,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the centre that was saved as *state*, on the CPU."""
        return cls(
            mean=float(state["mean"]),
            user_bias=torch.from_numpy(state["user_bias"].copy()),
            item_bias=torch.from_numpy(state["item_bias"].copy()),
            spread=float(state["spread"]),
        )

    @property
    def n_parameters(self) -> int:
        """Number of fitted parameters."""
        offsets = torch.cat([self.user_bias, self.item_bias])
        return int(self.mean != 0) + (offsets.numel() if offsets.any() else 0)

    def _of(self, users: Tensor, items: Tensor) -> Tensor:
        offsets = self.user_bias.index_select(0, users)
        return self.mean + offsets + self.item_bias.index_select(0, items)


def _on(device: str, offsets: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(offsets.astype(np.float32)).to(device)

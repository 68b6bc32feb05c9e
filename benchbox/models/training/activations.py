"""Activation functions by name."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

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
"""Activation functions by name; each preserves the shape of its argument."""

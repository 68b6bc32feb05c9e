"""Layers whose weights are scaled by a kernel of finite support.

Each unit has a place in a space of a few dimensions. The weight between two units is
multiplied by a kernel of their distance, ``max(0, 1 - |u - v|²)``, which is 0 from a
distance of 1 on: so units far apart are not connected, and training chooses which ones
(Muller, Martel & Indiveri, 2018).
"""

from math import sqrt

import torch
from torch import Tensor, nn

# Standard deviation of the initial places: all units start nearly at the origin, so
# every kernel starts near 1.
_START = 1e-3


def finite_support(u: Tensor, v: Tensor) -> Tensor:
    """Return ``max(0, 1 - |u_i - v_j|²)`` for each pair of units, shape ``(n, m)``.

    Args:
        u: Place of each input unit, shape ``(n, d)``.
        v: Place of each output unit, shape ``(m, d)``.
    """
    squares = u.square().sum(1)[:, None] + v.square().sum(1)
    return (1 - torch.addmm(squares, u, v.T, alpha=-2)).clamp(min=0)


class KernelLayer(nn.Module):
    """Weights between two layers of units, each times a kernel of their places.

    Args:
        n_inputs: Number of input units.
        n_outputs: Number of output units.
        n_dims: Number of dimensions of the space of places.
        generator: Random generator of the initial weights and places, on the CPU.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, n_dims: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        edge = sqrt(6 / (n_inputs + n_outputs))
        uniform = torch.rand(n_inputs, n_outputs, generator=generator)
        self.raw = nn.Parameter(edge * (2 * uniform - 1))
        self.inputs = nn.Parameter(_places(n_inputs, n_dims, generator))
        self.outputs = nn.Parameter(_places(n_outputs, n_dims, generator))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the weights and their kernels, each ``(n_inputs, n_outputs)``."""
        kernel = finite_support(self.inputs, self.outputs)
        return self.raw * kernel, kernel

    def silence(self, unused: Tensor) -> None:
        """Set the weights of *unused* input units to 0; they will stay 0.

        Args:
            unused: Whether each input unit is unused, shape ``(n_inputs,)``.
        """
        with torch.no_grad():
            self.raw[unused] = 0


def _places(n_units: int, n_dims: int, generator: torch.Generator) -> Tensor:
    places = torch.empty(n_units, n_dims)
    return nn.init.trunc_normal_(
        places, std=_START, a=-2 * _START, b=2 * _START, generator=generator
    )

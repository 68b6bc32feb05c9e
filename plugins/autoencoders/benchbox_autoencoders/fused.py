"""Shared parts of the training steps by our own kernels.

Gradients of the first and the last layer are applied as soon as they are computed.
Every step updates every weight, whether its column is rated or not. The layers in
between are computed by torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod, sqrt
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn, optim

from benchbox.models.training import Optimizer, at_most, kernels_at_most
from benchbox_autoencoders import kernels
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.steps import AnyBatch, Steps, decayed

Array = NDArray[Any]

# From this number of parameters on, threads share an update; with fewer, waking them
# takes longer than it saves.
_SHARED_FROM = 1 << 16

_LINE = 64
"""Bytes of a CPU cache line."""

_CODES = {"identity": 0, "sigmoid": 1, "tanh": 2}


class FusedBatch(AnyBatch, Protocol):
    """A batch in host memory."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    @property
    def n_cells(self) -> int:
        """Number of rated cells."""


F = TypeVar("F", bound=FusedBatch)


class FusedSteps(Steps[F]):
    """Takes training steps on the CPU with our own kernels.

    Args:
        network: The network to train, on the CPU.
        options: Options of the model.
        n_threads: Number of threads to use. Results are the same to the last byte only
            with the same number.
        precision: ``bfloat16`` for products of dense matrices in bfloat16; otherwise
            they have the type of the weights.
    """

    optimizer: "InnerOptimizer"

    def __init__(
        self,
        network: Network,
        options: AutoencoderOptions,
        n_threads: int,
        precision: str = "float32",
    ) -> None:
        super().__init__(network, options, precision)
        self._n_threads = n_threads
        self._dtype = network.first.detach().numpy().dtype
        self._activation = _CODES[options.output_activation]
        ours = {id(network.first), id(network.last)}
        self.optimizer = InnerOptimizer(
            [weights for weights in decayed(network) if id(weights) not in ours],
            [*network.offsets[:-1]],
            options,
            n_threads,
        )

    @property
    def _n_torch_threads(self) -> int:
        """Number of threads for the part of a step that torch computes."""
        return self._n_threads

    @contextmanager
    def _threads(self) -> Iterator[None]:
        with kernels_at_most(self._n_threads), at_most(self._n_torch_threads):
            yield

    def _step_rest(self) -> None:
        self.optimizer.step()

    def _scale(self, batch: F) -> Any:
        """Return the derivative of the loss by an error divided by that error."""
        return self._dtype.type(2 / batch.n_cells)

    def _rates(self, weight_decay: float) -> tuple[Any, ...]:
        return self.optimizer.rates(weight_decay, self._dtype)


def whole_lines(n: int, dtype: np.dtype[Any], odd: bool = False) -> int:
    """Return *n* rounded up to whole cache lines, as a number of elements.

    Args:
        n: Number of elements.
        dtype: Type of the elements.
        odd: Whether to round up to an odd number of cache lines. Rows of such a length
            are spread over all sets of a cache, and do not compete for a few of them.
    """
    a_line = _LINE // dtype.itemsize
    n_lines = -(-n // a_line)
    return a_line * (n_lines | 1 if odd else n_lines)


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of zeros that starts at a cache line.

    NumPy asks the operating system for large pages where an array is large; torch does
    not.
    """
    n, spare = prod(shape), _LINE // dtype.itemsize
    whole = np.zeros(n + spare, dtype)
    first = -whole.ctypes.data % _LINE // dtype.itemsize
    return whole[first : first + n].reshape(shape)


def moments_of(weights: Array) -> Array:
    """Return the moments before the first step, shape ``(2, *weights.shape)``."""
    return np.zeros((2, *weights.shape), weights.dtype)


class InnerOptimizer(optim.Optimizer):
    """Updates the parameters between the first and the last layer by `kernels.step`.

    There are so few of them that torch's optimizers take longer to start than to
    compute.

    Args:
        decayed: Parameters with weight decay.
        undecayed: Parameters without weight decay.
        options: Options of the model.
        n_threads: Number of threads that share a large parameter.
    """

    def __init__(
        self,
        decayed: list[nn.Parameter],
        undecayed: list[nn.Parameter],
        options: AutoencoderOptions,
        n_threads: int,
    ) -> None:
        groups = [
            {"params": decayed, "weight_decay": options.weight_decay},
            {"params": undecayed, "weight_decay": 0.0},
        ]
        super().__init__(groups, {"lr": options.learning_rate})
        self._name, self._n_threads = options.optimizer, n_threads
        self._n_steps = 0
        parameters = (*decayed, *undecayed)
        self._moments = {p: moments_of(p.detach().view(-1).numpy()) for p in parameters}

    def rates(self, weight_decay: float, dtype: np.dtype[Any]) -> tuple[Any, ...]:
        """Return the constants of the next step, as numbers of type *dtype*."""
        rate: float = self.param_groups[0]["lr"]
        constants = rates(self._name, rate, weight_decay, self._n_steps + 1)
        return tuple(map(dtype.type, constants))

    def rates_ahead(self, weight_decay: float, n: int) -> Array:
        """Return the constants of the next *n* steps, float64, shape ``(n, 9)``."""
        rate: float = self.param_groups[0]["lr"]
        numbers = range(self._n_steps + 1, self._n_steps + 1 + n)
        return np.array([rates(self._name, rate, weight_decay, k) for k in numbers])

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter, and discard its gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                # A view, so the parameter itself is updated.
                weights = parameter.detach().view(-1).numpy()
                n_parts = self._n_threads if len(weights) >= _SHARED_FROM else 1
                kernels.step(
                    n_parts,
                    weights,
                    parameter.grad.reshape(-1).numpy(),
                    self._moments[parameter],
                    self.rates(group["weight_decay"], weights.dtype),
                )
                parameter.grad = None
        self._n_steps += 1


def rates(
    optimizer: Optimizer, rate: float, weight_decay: float, n_steps: int
) -> tuple[float, ...]:
    """Return the constants with which `kernels` does the same as torch's *optimizer*.

    All four optimizers are one rule with different constants: keep a moving mean and a
    moving mean square of the gradients, and subtract the mean divided by the root of
    the mean square. For RMSprop the mean is the gradient itself; for SGD with momentum
    the divisor is 1.

    Args:
        optimizer: Name of the optimizer.
        rate: Learning rate.
        weight_decay: Weight decay of these parameters.
        n_steps: Number of the step, from 1.

    Returns:
        The constants that `kernels._update` unpacks.
    """
    ridge, shrink = weight_decay, 1.0
    if optimizer == "sgd":
        return ridge, shrink, 0.9, 1.0, 0.0, 0.0, rate, 0.0, 1.0
    if optimizer == "rmsprop":
        return ridge, shrink, 0.0, 1.0, 0.99, 0.01, rate, 1.0, 1e-8
    if optimizer == "adamw":
        ridge, shrink = 0.0, 1 - rate * weight_decay
    beta1, beta2 = 0.9, 0.999
    step, root = rate / (1 - beta1**n_steps), 1 / sqrt(1 - beta2**n_steps)
    return ridge, shrink, beta1, 1 - beta1, beta2, 1 - beta2, step, root, 1e-8

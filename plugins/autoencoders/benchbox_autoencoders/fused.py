"""Fused: what steps by kernels of our own share, whatever they multiply.

Gradients are used up where they arise, and every weight moves at every step, rated or
not, as it must. The layers between are torch's.
"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from typing import Any, Protocol, TypeVar

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from benchbox.models.training import Optimizer, at_most
from benchbox_autoencoders import kernels
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.steps import Cut, Steps, decayed

Array = NDArray[Any]

# Parameters from which threads share a step: with fewer, waking them takes longer.
_SHARED_FROM = 1 << 16

_LINE = 64
"""Bytes of a line of cache."""

_CODES = {"identity": 0, "sigmoid": 1, "tanh": 2}


class FusedCut(Cut, Protocol):
    """The same in memory of the host.

    Attributes:
        n_rows: How many rows the batch has.
        n_cells: How many rated cells.
    """

    n_rows: int
    n_cells: int


F = TypeVar("F", bound=FusedCut)


class FusedSteps(Steps[F]):
    """Takes steps on processors, by kernels of our own.

    Args:
        network: What is trained, on the CPU.
        options: The settings.
        n_threads: Threads to use; part of what decides the bytes.
        precision: Arithmetic of products of dense matrices: ``bfloat16``, or the
            weights'.
    """

    optimizer: "StepsBetween"

    def __init__(
        self,
        network: Network,
        options: AutoencoderOptions,
        n_threads: int,
        precision: str = "float32",
    ) -> None:
        super().__init__(network, options, precision)
        self._n_threads = n_threads
        self._first = self._laid_out(network.first)
        self._first_moments = _moments(self._first)
        # Tied weights are stepped once, as the first.
        self._last, self._last_moments = self._first, self._first_moments[:, :0]
        if not options.tied:
            self._last = self._laid_out(network.last)
            self._last_moments = _moments(self._last)
        self._last_offsets = network.offsets[-1].detach().numpy()
        self._offset_moments = _moments(self._last_offsets)
        self._activation = _CODES[options.output_activation]
        ours = {id(network.first), id(network.last)}
        self.optimizer = StepsBetween(
            [weights for weights in decayed(network) if id(weights) not in ours],
            [*network.offsets[:-1]],
            options,
            n_threads,
        )

    @property
    def _n_torch_threads(self) -> int:
        """How many threads torch's part of a step gets."""
        return self._n_threads

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = numba.get_num_threads()
        most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(min(self._n_threads, most))
        try:
            with at_most(self._n_torch_threads):
                yield
        finally:
            numba.set_num_threads(before)

    def _laid_out(self, weights: Tensor) -> Array:
        """Return the memory of the first or the last layer's *weights*.

        A route that wants them otherwise than unit after unit of a column moves them.
        """
        return weights.detach().numpy()

    @abstractmethod
    def _cut(self, rows: Rows, index: Tensor) -> F:
        """Return the cells of the rows that *index* names."""

    def _cuts(self, rows: Rows, order: Tensor) -> Iterator[F]:
        for index in torch.split(order, self._options.batch_size):
            yield self._cut(rows, index)

    def _step_rest(self) -> None:
        self.optimizer.step()

    def _scale(self, cut: F) -> Any:
        """Return the derivative of the loss by an error, divided by that error."""
        return self._first.dtype.type(2 / cut.n_cells)

    def _rates(self, weight_decay: float) -> tuple[Any, ...]:
        return self.optimizer.rates(weight_decay, self._first.dtype)


def whole_lines(n: int, dtype: torch.dtype, odd: bool = False) -> int:
    """Return how many numbers fill the lines of cache that *n* of them take.

    Args:
        n: How many there are.
        dtype: What they are.
        odd: Whether to take an odd number of lines.
    """
    a_line = _LINE // dtype.itemsize
    n_lines = -(-n // a_line)
    return a_line * (n_lines | 1 if odd else n_lines)


def _moments(weights: Array) -> Array:
    return np.zeros((2, *weights.shape), weights.dtype)


class StepsBetween(optim.Optimizer):
    """Steps the parameters between the first layer and the last, as `kernels` do.

    For the few of them, torch's optimizers take longer to start than to step.

    Args:
        decayed: Parameters under weight decay.
        spared: Parameters without it.
        options: The settings.
        n_threads: Threads that share a large parameter.
    """

    def __init__(
        self,
        decayed: list[nn.Parameter],
        spared: list[nn.Parameter],
        options: AutoencoderOptions,
        n_threads: int,
    ) -> None:
        groups = [
            {"params": decayed, "weight_decay": options.weight_decay},
            {"params": spared, "weight_decay": 0.0},
        ]
        super().__init__(groups, {"lr": options.learning_rate})
        self._name, self._n_threads = options.optimizer, n_threads
        self._n_steps = 0
        parameters = (*decayed, *spared)
        self._moments = {p: _moments(p.detach().view(-1).numpy()) for p in parameters}

    def rates(self, weight_decay: float, dtype: np.dtype[Any]) -> tuple[Any, ...]:
        """Return the constants of the step that comes next, in the weights' *dtype*."""
        rate: float = self.param_groups[0]["lr"]
        constants = rates(self._name, rate, weight_decay, self._n_steps + 1)
        return tuple(map(dtype.type, constants))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter, and forget its gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                # A view, which moves the parameter itself.
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
    """Return the constants with which `kernels` steps as torch's *optimizer* does.

    All four are one rule: a mean and a mean square of gradients decay, and the mean
    over the root of the square is subtracted. RMSprop's mean is the gradient itself,
    and the root in momentum's rule is 1.

    Args:
        optimizer: Its name.
        rate: Learning rate.
        weight_decay: Ridge of these weights.
        n_steps: Number of the step, from 1.
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

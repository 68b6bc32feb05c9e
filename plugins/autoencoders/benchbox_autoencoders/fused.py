"""Fused: the steps of the sparse route on processors, gradient and step in one pass."""

from contextlib import nullcontext
from itertools import pairwise
from math import sqrt
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from benchbox.models import TimedStep
from benchbox.training.options import Optimizer
from benchbox.training.threads import at_most
from benchbox_autoencoders import kernels
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.refeeding import Refed
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.steps import decayed

Array = NDArray[Any]

# Hidden units of a batch up to which one thread is enough for them.
_SMALL = 1 << 17

# Parameters from which threads share a step: with fewer, waking them takes longer.
_SHARED_FROM = 1 << 16

_CODES = {"identity": 0, "sigmoid": 1, "tanh": 2}


class FusedSteps:
    """Takes the steps of `Steps` along the sparse route, by kernels of our own.

    Loss and gradients are the same, up to the order of sums, and every weight moves at
    every step, rated or not, as it must. The layers between are torch's.

    Args:
        network: What is trained, on the CPU.
        options: The settings.
        n_threads: Threads to use; part of what decides the bytes.
        precision: Arithmetic of the layers between: ``bfloat16``, or the weights'.
    """

    def __init__(
        self,
        network: Network,
        options: AutoencoderOptions,
        n_threads: int,
        precision: str = "float32",
    ) -> None:
        self._network, self._options, self._n_threads = network, options, n_threads
        self._in_bfloat16 = precision == "bfloat16"
        set_threads(n_threads)
        self._first = network.first.detach().numpy()
        self._last = network.last.detach().numpy()
        self._last_offsets = network.offsets[-1].detach().numpy()
        self._none = np.zeros(0, self._first.dtype)
        self._nowhere = np.zeros((0, 0), self._first.dtype)
        self._first_moments = _moments(self._first)
        # Tied weights are stepped once, as the first.
        self._last_moments = _moments(self._nowhere if options.tied else self._last)
        self._offset_moments = _moments(self._last_offsets)
        ours = {id(network.first), id(network.last)}
        self.optimizer = StepsBetween(
            [weights for weights in decayed(network) if id(weights) not in ours],
            [*network.offsets[:-1]],
            options,
            n_threads,
        )
        self._parts: dict[tuple[int, ...], Array] = {}

    def epoch(self, rows: Rows, order: Tensor, timed: TimedStep = nullcontext) -> float:
        """Take the steps of each batch of *rows* in *order*; return the mean loss.

        The loss is the mean squared error on the way: each batch's before its step.
        *timed* gives the context that times a step.
        """
        total, n_cells = 0.0, 0
        with at_most(1 if _is_small(self._options) else self._n_threads):
            for index in torch.split(order, self._options.batch_size):
                with timed():
                    cells = _ByColumn(rows, index, self._n_threads)
                    side = rows.side
                    side = None if side is None else side.index_select(0, index)
                    total += self._learn(cells, side)
                n_cells += len(cells.targets)
        return total / n_cells

    def _learn(self, cells: "_ByColumn", side: Tensor | None) -> float:
        squares = []
        refed: Refed | None = None
        for n_left in reversed(range(1 + self._options.refeeding)):
            values, product = self._encoded(cells, refed)
            with torch.autocast("cpu", torch.bfloat16, enabled=self._in_bfloat16):
                hidden = self._network.deepen(product, side)
            following = Refed(self._network, hidden, self._options) if n_left else None
            squared, slopes, back = self._step_output(cells, hidden)
            penalty = self._network.penalty
            if penalty is None:
                torch.autograd.backward([hidden], [back])
            else:
                torch.autograd.backward([hidden, penalty], [back, None])
            assert product.grad is not None
            self._step_input(cells, values, product.grad, slopes, hidden, refed)
            self.optimizer.step()
            refed = following
            squares.append(squared)
        return squares[0]

    def _encoded(self, cells: "_ByColumn", refed: Refed | None) -> tuple[Array, Tensor]:
        """Return what the encoder is given at cells, and its product with weights."""
        if refed is not None:
            with torch.no_grad():
                return self._none, refed.product(self._network.first).requires_grad_()
        values = self._network.corrupt(torch.from_numpy(cells.targets)).numpy()
        parts, product = self._buffers_for(cells, self._first)
        kernels.encode(
            cells.bounds,
            cells.starts,
            cells.places,
            values,
            self._first,
            parts,
            product,
        )
        return values, torch.from_numpy(product).requires_grad_()

    def _step_output(
        self, cells: "_ByColumn", hidden: Tensor
    ) -> tuple[float, Array, Tensor]:
        """Step the last layer, unless it is tied; return the loss and its slopes."""
        is_tied = self._options.tied
        slopes = np.empty_like(cells.targets)
        parts, back = self._buffers_for(cells, self._last)
        losses = np.zeros(self._n_threads)
        kernels.step_output(
            cells.bounds,
            cells.starts,
            cells.places,
            cells.targets,
            self._as_array(hidden),
            self._last,
            self._last_offsets,
            self._last_moments,
            self._offset_moments,
            self._first.dtype.type(2 / len(cells.targets)),
            _CODES[self._options.output_activation],
            self._rates(self._options.weight_decay),
            self._rates(0.0),
            parts,
            back,
            losses,
            slopes,
            is_tied,
        )
        gradient = torch.from_numpy(back).to(hidden.dtype)
        return float(losses.sum()), slopes if is_tied else self._none, gradient

    def _step_input(
        self,
        cells: "_ByColumn",
        values: Array,
        back: Tensor,
        slopes: Array,
        hidden: Tensor,
        refed: Refed | None,
    ) -> None:
        whole = self._nowhere if refed is None else refed.gradient(back).numpy()
        kernels.step_input(
            cells.bounds,
            cells.starts,
            cells.places,
            values,
            back.numpy(),
            slopes,
            self._as_array(hidden),
            whole,
            self._first,
            self._first_moments,
            self._rates(self._options.weight_decay),
        )

    def _as_array(self, hidden: Tensor) -> Array:
        array: Array = hidden.detach().to(self._network.first.dtype).numpy()
        return array

    def _rates(self, weight_decay: float) -> tuple[Any, ...]:
        return self.optimizer.rates(weight_decay, self._first.dtype)

    def _buffers_for(self, cells: "_ByColumn", weights: Array) -> tuple[Array, Array]:
        """Return what threads add to, which is kept, and what becomes of it."""
        shape = (self._n_threads, cells.n_rows, weights.shape[1])
        if shape not in self._parts:
            self._parts[shape] = np.empty(shape, weights.dtype)
        return self._parts[shape], np.empty(shape[1:], weights.dtype)


class _ByColumn:
    """The cells of some rows, column by column, and which thread owns which.

    Attributes:
        n_rows: How many rows.
        starts: Column *c* has the cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell.
        targets: Centred rating per cell.
        bounds: Thread *t* owns the columns ``bounds[t]:bounds[t + 1]``.
    """

    def __init__(self, rows: Rows, index: Tensor, n_threads: int) -> None:
        self.n_rows = len(index)
        self.starts, self.places, self.targets, self.bounds = kernels.by_column(
            rows.offsets.numpy(),
            rows.columns.numpy(),
            rows.values.numpy(),
            index.numpy(),
            rows.n_columns,
            n_threads,
        )


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
                kernels.step_between(
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


def _is_small(options: AutoencoderOptions) -> bool:
    """Return whether torch's part of a step is done soonest by one thread.

    That part is hidden units, and products between them; a product's terms are some 32
    times faster than units (measured).
    """
    units = options.hidden_units
    terms = sum(before * after for before, after in pairwise(units))
    return options.batch_size * (sum(units) + terms // 32) <= _SMALL


def set_threads(n_threads: int) -> None:
    """Let the kernels use so many threads, as far as the machine has them."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n_threads, most))


def warm_up() -> None:
    """Load the kernels, or compile them the first time, outside of any clock."""
    options = AutoencoderOptions(hidden_units=(1,), batch_size=1)
    rows = Rows(
        counts=torch.tensor([1]),
        offsets=torch.tensor([0, 1]),
        columns=torch.tensor([0], dtype=torch.int32),
        values=torch.ones(1),
        n_columns=1,
    )
    generator = torch.Generator().manual_seed(0)
    network = Network(rows, options, generator)
    FusedSteps(network, options, 1).epoch(rows, torch.tensor([0]))

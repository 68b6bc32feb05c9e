"""Sparse: the same steps at rated cells alone, on processors, by Adam."""

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox_autoencoders import kernels
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.optimizers import make_optimizer
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows

_BETAS = (0.9, 0.999)
_EPS = 1e-8
_CODES = {"identity": 0, "sigmoid": 1, "tanh": 2}

# Adam's step of a column costs as much as so many of its cells (measured); threads get
# equal shares of the sum.
_CELLS_PER_COLUMN = 8


class SparseSteps:
    """Takes the steps of `DenseSteps` without multiplying a missing rating.

    Loss and gradients are those of the dense steps, up to the order of sums; Adam
    moves every weight at every step, rated or not, as it must. The layers between are
    torch's.

    Args:
        network: What is trained, on the CPU.
        options: The settings; the optimizer is ``adam`` or ``adamw``.
        n_threads: Threads to use; part of what decides the bytes.
    """

    def __init__(
        self, network: Network, options: AutoencoderOptions, n_threads: int
    ) -> None:
        self._network, self._options, self._n_threads = network, options, n_threads
        set_threads(n_threads)
        self._first = network.weights[0].detach().numpy()
        self._last = network.weights[-1].detach().numpy()
        self._last_offsets = network.offsets[-1].detach().numpy()
        self._moments = {
            name: np.zeros((2, *array.shape), array.dtype)
            for name, array in (
                ("first", self._first),
                ("last", self._last),
                ("last_offsets", self._last_offsets),
            )
        }
        self._between = make_optimizer(
            network.weights[1:-1], network.offsets[:-1], options
        )
        self._n_steps = 0
        self._buffers: dict[tuple[int, ...], NDArray[Any]] = {}

    def epoch(self, rows: Rows, order: Tensor) -> float:
        """Take one step per batch of *rows* in *order*; return the mean squared error.

        The error is the one on the way: each batch's before its own step.
        """
        total, n_cells = 0.0, 0
        for batch in torch.split(order, self._options.batch_size):
            starts, places, targets = kernels.by_column(
                rows.offsets.numpy(),
                rows.columns.numpy(),
                rows.values.numpy(),
                batch.numpy(),
                rows.n_columns,
            )
            total += self._step(starts, places, targets, len(batch))
            n_cells += len(targets)
        return total / n_cells

    def _step(
        self,
        starts: NDArray[np.int64],
        places: NDArray[np.int32],
        targets: NDArray[Any],
        n_rows: int,
    ) -> float:
        self._n_steps += 1
        bounds = self._shares(starts)
        values = self._network.drop_input(torch.from_numpy(targets)).numpy()
        encoded = self._buffer(n_rows, self._first.shape[1], 0)
        kernels.encode(bounds, starts, places, values, self._first, encoded)
        product = torch.from_numpy(encoded).sum(0).requires_grad_()
        hidden = self._network.deepen(product)
        back = self._buffer(n_rows, self._last.shape[1], 1)
        losses = np.zeros(self._n_threads)
        kernels.step_output(
            bounds,
            starts,
            places,
            targets,
            hidden.detach().numpy(),
            self._last,
            self._last_offsets,
            self._moments["last"],
            self._moments["last_offsets"],
            self._first.dtype.type(2 / len(targets)),
            _CODES[self._options.output_activation],
            self._rates(self._options.weight_decay),
            self._rates(0.0),
            back,
            losses,
        )
        self._between.zero_grad()
        hidden.backward(torch.from_numpy(back).sum(0))  # type: ignore[no-untyped-call]
        assert product.grad is not None
        kernels.step_input(
            bounds,
            starts,
            places,
            values,
            product.grad.numpy(),
            self._first,
            self._moments["first"],
            self._rates(self._options.weight_decay),
        )
        self._between.step()
        return float(losses.sum())

    def _rates(self, weight_decay: float) -> tuple[Any, ...]:
        """Return Adam's constants at this step, in the weights' own precision."""
        rate, (beta1, beta2) = self._options.learning_rate, _BETAS
        coupled = self._options.optimizer == "adam"
        constants = (
            weight_decay if coupled else 0.0,
            1.0 if coupled else 1 - rate * weight_decay,
            beta1,
            1 - beta1,
            beta2,
            1 - beta2,
            rate / (1 - beta1**self._n_steps),
            1 / np.sqrt(1 - beta2**self._n_steps),
            _EPS,
        )
        return tuple(map(self._first.dtype.type, constants))

    def _shares(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the columns of each thread, shape ``(n_threads + 1,)``."""
        cost = starts + _CELLS_PER_COLUMN * np.arange(len(starts))
        wanted = np.linspace(0, cost[-1], self._n_threads + 1)
        bounds: NDArray[np.int64] = np.searchsorted(cost, wanted)
        return bounds

    def _buffer(self, n_rows: int, width: int, use: int) -> NDArray[Any]:
        shape = (self._n_threads, n_rows, width)
        if (*shape, use) not in self._buffers:
            self._buffers[(*shape, use)] = np.empty(shape, self._first.dtype)
        return self._buffers[(*shape, use)]


def read_rows(
    network: Network,
    rows: Rows,
    places: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[Any]:
    """Return the output of *network* at chosen cells of *rows*.

    Args:
        network: On the CPU.
        rows: What it encodes; all at once, so only as many as fit into memory.
        places: Row per wanted cell.
        columns: Column per wanted cell.
    """
    first, last = (network.weights[n].detach().numpy() for n in (0, -1))
    product = np.zeros((len(rows), first.shape[1]), first.dtype)
    arrays = (rows.offsets.numpy(), rows.columns.numpy(), rows.values.numpy())
    kernels.encode_rows(*arrays, first, product)
    hidden = network.deepen(torch.from_numpy(product)).numpy()
    read = np.empty(len(places), first.dtype)
    offsets = network.offsets[-1].detach().numpy()
    kernels.sample(places, columns, hidden, last, offsets, read)
    return network.activate_output(torch.from_numpy(read)).numpy()


def set_threads(n_threads: int) -> None:
    """Let the kernels use so many threads, as far as the machine has them."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n_threads, most))


def warm_up() -> None:
    """Load the kernels, or compile them the first time, outside of any clock."""
    options = AutoencoderOptions(hidden_units=(1,), batch_size=1)
    rows = Rows(
        offsets=torch.tensor([0, 1]),
        columns=torch.tensor([0]),
        values=torch.ones(1),
        n_columns=1,
    )
    network = Network(rows, options, torch.Generator().manual_seed(0))
    SparseSteps(network, options, 1).epoch(rows, torch.tensor([0]))
    with torch.no_grad():
        read_rows(network, rows, np.zeros(1, np.int64), np.zeros(1, np.int64))

"""Training steps of a network, whatever the route and the device."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from operator import add
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, optim

from benchbox.models import TimedStep
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.refeeding import Refed
from benchbox_autoencoders.rows import Rows


class AnyBatch(Protocol):
    """The rated cells of a batch, in the layout that a route needs."""

    @property
    def side(self) -> Tensor | None:
        """Side inputs per row, shape ``(n_rows, d)``, if any."""


B = TypeVar("B", bound=AnyBatch)


class Steps(ABC, Generic[B]):
    """Takes training steps of a network, batch by batch.

    The loss is the mean squared error at rated cells, plus the penalty. The layers in
    between are differentiated automatically. The first and the last layer, which have
    nearly all weights, are differentiated by subclasses.

    Args:
        network: The network to train, on the device of the rows.
        options: Options of the model.
        precision: ``bfloat16`` for products of dense matrices in bfloat16; otherwise
            they have the type of the weights.

    Attributes:
        optimizer: The optimizer, whose learning rate applies to all parameters.
    """

    optimizer: optim.Optimizer

    def __init__(
        self, network: Network, options: AutoencoderOptions, precision: str
    ) -> None:
        self._network, self._options = network, options
        self._in_bfloat16 = precision == "bfloat16"

    def _threads(self) -> AbstractContextManager[None]:
        """Return a context in which steps use the right number of threads."""
        return nullcontext()

    @abstractmethod
    def _batches(self, rows: Rows, order: Tensor) -> Iterator[B]:
        """Yield the batches of *rows* in *order*."""

    @abstractmethod
    def _encode(self, batch: B) -> tuple[Any, Tensor]:
        """Return the inputs of the encoder, and their product with the first weights.

        The inputs are in the form that `_step_input` needs.
        """

    @abstractmethod
    def _step_output(self, batch: B, hidden: Tensor) -> tuple[Any, Any, Tensor]:
        """Update the last layer, unless weights are tied.

        Returns:
            The sum of squared errors; the derivatives of the loss by the last layer's
            sums, in the form that `_step_input` needs, or empty if weights are not
            tied; the derivatives by *hidden*.
        """

    @abstractmethod
    def _step_input(
        self, batch: B, given: Any, back: Tensor, slopes: Any, hidden: Tensor
    ) -> None:
        """Update the first layer, and with it the last one if weights are tied.

        Args:
            batch: The batch.
            given: Inputs of the encoder, from `_encode`.
            back: Derivatives of the loss by the product, shape ``(n_rows, h_1)``.
            slopes: Derivatives of the loss by the last layer's sums, from
                `_step_output`.
            hidden: Last hidden layer, shape ``(n_rows, h_L)``.
        """

    @abstractmethod
    def _step_refed(
        self, batch: B, gradient: Tensor, slopes: Any, hidden: Tensor
    ) -> None:
        """Do the same as `_step_input`, given the *gradient* by the first weights."""

    @abstractmethod
    def _step_rest(self) -> None:
        """Update all other parameters, and discard the gradients."""

    def epoch(self, rows: Rows, order: Tensor, timed: TimedStep = nullcontext) -> float:
        """Take a step for each batch of *rows* in *order*; return the mean loss.

        The loss is the mean squared error; each batch's is computed before its step.

        Args:
            rows: Rows to train on.
            order: Indexes of the rows in the order of the epoch.
            timed: Makes a context in which a step is timed.
        """
        batches, squares = self._batches(rows, order), []
        with self._threads():
            for _ in range(0, len(order), self._options.batch_size):
                # Making a batch is part of its step.
                with timed():
                    squares.append(self._learn(next(batches)))
        # The host waits for the device only here, and when it copies the order.
        return self._total(squares) / int(rows.counts[order].sum())

    def _total(self, squares: list[Any]) -> float:
        """Return the sum of the batches' sums of squared errors."""
        # One after the other: from Python 3.12 on, `sum` would round otherwise.
        return float(reduce(add, squares, 0.0))

    def _learn(self, batch: B) -> Any:
        network, squares = self._network, []
        refed: Refed | None = None
        for n_left in reversed(range(1 + self._options.refeeding)):
            given, product = self._encoded(batch, refed)
            product.requires_grad_()
            with self._arithmetic(product):
                units = network.deepen(product, batch.side)
            following = Refed(network, units, self._options) if n_left else None
            hidden = units.detach().to(network.first.dtype)
            with torch.no_grad():
                squared, slopes, back = self._step_output(batch, hidden)
            penalty, back = network.penalty, back.to(units.dtype)
            if penalty is None:
                torch.autograd.backward([units], [back])
            else:
                torch.autograd.backward([units, penalty], [back, None])
            assert product.grad is not None
            with torch.no_grad():
                if refed is None:
                    self._step_input(batch, given, product.grad, slopes, hidden)
                else:
                    gradient = refed.gradient(product.grad)
                    self._step_refed(batch, gradient, slopes, hidden)
            self._step_rest()
            refed = following
            squares.append(squared)
        return squares[0]

    @torch.no_grad()
    def _encoded(self, batch: B, refed: Refed | None) -> tuple[Any, Tensor]:
        if refed is not None:
            return None, refed.product(self._network.first)
        return self._encode(batch)

    def _arithmetic(self, tensor: Tensor) -> AbstractContextManager[Any]:
        """Return the context for products on the device of *tensor*."""
        if not self._in_bfloat16:
            # Not every device has autocast, even if it is disabled.
            return nullcontext()
        return torch.autocast(tensor.device.type, torch.bfloat16)


def decayed(network: Network) -> list[torch.nn.Parameter]:
    """Return the parameters with weight decay."""
    side = network.side_weights
    return [*network.weights, *([] if side is None else [side])]

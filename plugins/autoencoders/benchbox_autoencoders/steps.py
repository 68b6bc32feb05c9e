"""Steps: how batches move a network, whatever multiplies them and wherever."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, optim

from benchbox.models import TimedStep
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.refeeding import Refed
from benchbox_autoencoders.rows import Rows


class Cut(Protocol):
    """The rated cells of a batch, as a route wants them."""

    @property
    def side(self) -> Tensor | None:
        """Side inputs per row, shape ``(n_rows, d)``; there may be none."""


C = TypeVar("C", bound=Cut)


class Steps(ABC, Generic[C]):
    """Takes the steps of a network, batch by batch.

    The loss is the mean squared error at rated cells, plus the penalty. The layers
    between are differentiated automatically; the first and the last, which hold nearly
    all the weights, by whoever knows how their products are formed.

    Args:
        network: What is trained; it lies on the device of the rows.
        options: The settings.
        precision: Arithmetic of products of dense matrices: ``bfloat16``, or that of
            the weights.

    Attributes:
        optimizer: Holds the learning rate of all steps.
    """

    optimizer: optim.Optimizer

    def __init__(
        self, network: Network, options: AutoencoderOptions, precision: str
    ) -> None:
        self._network, self._options = network, options
        self._in_bfloat16 = precision == "bfloat16"

    def _threads(self) -> AbstractContextManager[None]:
        """Return the context in which steps get as many threads as are due to them."""
        return nullcontext()

    @abstractmethod
    def _cuts(self, rows: Rows, order: Tensor) -> Iterator[C]:
        """Yield the cells of each batch of *rows* in *order*."""

    @abstractmethod
    def _encode(self, cut: C) -> tuple[Any, Tensor]:
        """Return the ratings, corrupted if they are to be, and their product.

        The ratings are as `_step_input` wants them.
        """

    @abstractmethod
    def _step_output(self, cut: C, hidden: Tensor) -> tuple[Any, Any, Tensor]:
        """Step the last layer, unless it is tied.

        Returns:
            The sum of squared errors; the derivatives by the output as `_step_input`
            wants them, which may be nothing unless it is tied; those by *hidden*.
        """

    @abstractmethod
    def _step_input(
        self, cut: C, given: Any, back: Tensor, slopes: Any, hidden: Tensor
    ) -> None:
        """Step the first layer, and the last if they are tied.

        Args:
            cut: The cells.
            given: From `_encode`.
            back: Derivatives by the product.
            slopes: From `_step_output`.
            hidden: Last hidden layer.
        """

    @abstractmethod
    def _step_refed(
        self, cut: C, gradient: Tensor, slopes: Any, hidden: Tensor
    ) -> None:
        """Do the same where the *gradient* by the first layer is there as a whole."""

    @abstractmethod
    def _step_rest(self) -> None:
        """Step all else, and forget the gradients."""

    def epoch(self, rows: Rows, order: Tensor, timed: TimedStep = nullcontext) -> float:
        """Take the steps of each batch of *rows* in *order*; return the mean loss.

        The loss is the mean squared error on the way: each batch's before its step.
        *timed* gives the context that times a step.
        """
        cuts, total = self._cuts(rows, order), 0.0
        with self._threads():
            for _ in range(0, len(order), self._options.batch_size):
                # Cutting a batch is a part of its step.
                with timed():
                    total += self._learn(next(cuts))
        # A device is waited for here, and once before, for the order.
        return float(total) / int(rows.counts[order].sum())

    def _learn(self, cut: C) -> Any:
        network, squares = self._network, []
        refed: Refed | None = None
        for n_left in reversed(range(1 + self._options.refeeding)):
            given, product = self._encoded(cut, refed)
            product.requires_grad_()
            with self._arithmetic(product):
                units = network.deepen(product, cut.side)
            following = Refed(network, units, self._options) if n_left else None
            hidden = units.detach().to(network.first.dtype)
            with torch.no_grad():
                squared, slopes, back = self._step_output(cut, hidden)
            penalty, back = network.penalty, back.to(units.dtype)
            if penalty is None:
                torch.autograd.backward([units], [back])
            else:
                torch.autograd.backward([units, penalty], [back, None])
            assert product.grad is not None
            with torch.no_grad():
                if refed is None:
                    self._step_input(cut, given, product.grad, slopes, hidden)
                else:
                    gradient = refed.gradient(product.grad)
                    self._step_refed(cut, gradient, slopes, hidden)
            self._step_rest()
            refed = following
            squares.append(squared)
        return squares[0]

    @torch.no_grad()
    def _encoded(self, cut: C, refed: Refed | None) -> tuple[Any, Tensor]:
        if refed is not None:
            return None, refed.product(self._network.first)
        return self._encode(cut)

    def _arithmetic(self, beside: Tensor) -> torch.autocast:
        """Return the context of products on the device of the tensor *beside*."""
        kind = beside.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=self._in_bfloat16)


def decayed(network: Network) -> list[torch.nn.Parameter]:
    """Return the parameters under weight decay."""
    side = network.side_weights
    return [*network.weights, *([] if side is None else [side])]

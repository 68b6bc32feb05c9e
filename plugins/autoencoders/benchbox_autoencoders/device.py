"""Device: steps by torch's operators, which an accelerator has too.

Gradients of the first and the last layer are written by hand: it takes the host half as
long to launch them as to differentiate automatically, and it is the host that a fast
device waits for.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from benchbox.models.training import make_optimizer
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import by_column, by_row
from benchbox_autoencoders.steps import Steps, decayed

# Derivatives by an activation's argument, given those by its value and the value.
_BACKWARD: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "identity": lambda slopes, _: slopes,
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "tanh": torch.ops.aten.tanh_backward,
}


class DeviceSteps(Steps[Batch]):
    """Sets every gradient, and lets torch's optimizers move all weights at once.

    Args:
        network: What is trained; it lies on the device of the rows.
        options: The settings.
        precision: Arithmetic of products of dense matrices: ``bfloat16``, or that of
            the weights.
    """

    _by_column = False
    """Whether cells are wanted column by column too."""

    def __init__(
        self, network: Network, options: AutoencoderOptions, precision: str = "float32"
    ) -> None:
        super().__init__(network, options, precision)
        self.optimizer = make_optimizer(decayed(network), network.offsets, options)

    def _cuts(self, rows: Rows, order: Tensor) -> Iterator[Batch]:
        return rows.batches(order, self._options.batch_size, self._by_column)

    def _step_rest(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _loss(self, batch: Batch, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of squared errors, and derivatives by the layer's *sums*."""
        output = self._network.activate_output(sums)
        errors = output - batch.values
        back = _BACKWARD[self._options.output_activation]
        slopes = back(errors * (2 / len(errors)), output)
        return torch.dot(errors, errors).double(), slopes


class DeviceCells(DeviceSteps):
    """Multiplies rated cells alone."""

    _by_column = True

    def _encode(self, cut: Batch) -> tuple[Tensor, Tensor]:
        given = self._network.corrupt(cut.values)
        return given, by_row(cut.cells, given, self._network.first)

    def _step_output(self, cut: Batch, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cells, last, offsets = cut.cells, self._network.last, self._network.offsets[-1]
        sums = self._network.sums(hidden, cells, whole=False)
        squared, slopes = self._loss(cut, sums)
        ones = hidden.new_ones(len(hidden), 1)
        offsets.grad = by_column(cells, slopes, ones).view(-1)
        if not self._options.tied:
            last.grad = by_column(cells, slopes, hidden)
        return squared, slopes, by_row(cells, slopes, last)

    def _step_input(
        self, cut: Batch, given: Tensor, back: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        gradient = by_column(cut.cells, given, back)
        self._step_refed(cut, gradient, slopes, hidden)

    def _step_refed(
        self, cut: Batch, gradient: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        if self._options.tied:
            gradient = gradient + by_column(cut.cells, slopes, hidden)
        self._network.first.grad = gradient


class DeviceRows(DeviceSteps):
    """Multiplies whole rows."""

    def _encode(self, cut: Batch) -> tuple[Tensor, Tensor]:
        given = cut.cells.dense(self._network.corrupt(cut.values))
        return given, self._product(given, self._network.first)

    def _step_output(self, cut: Batch, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cells, last, offsets = cut.cells, self._network.last, self._network.offsets[-1]
        with self._arithmetic(hidden):
            sums = self._network.sums(hidden, cells, whole=True)
        squared, at_rated = self._loss(cut, sums.to(hidden.dtype))
        slopes = cells.dense(at_rated)
        offsets.grad = slopes.sum(0)
        if not self._options.tied:
            last.grad = self._product(slopes.T, hidden)
        return squared, slopes, self._product(slopes, last)

    def _step_input(
        self, cut: Batch, given: Tensor, back: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        self._step_refed(cut, self._product(given.T, back), slopes, hidden)

    def _step_refed(
        self, cut: Batch, gradient: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        if self._options.tied:
            gradient = gradient + self._product(slopes.T, hidden)
        self._network.first.grad = gradient

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        with self._arithmetic(one):
            return (one @ other).to(one.dtype)

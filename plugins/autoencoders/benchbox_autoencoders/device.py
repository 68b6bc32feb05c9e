"""Training steps by torch's operators, which also run on accelerators.

Gradients of the first and the last layer are written by hand: the host launches them in
half the time of automatic differentiation, and a fast device waits for the host.
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

# The derivative of the loss by an activation's argument, given the derivative by its
# value, and the value.
_BACKWARD: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "identity": lambda slopes, _: slopes,
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "tanh": torch.ops.aten.tanh_backward,
}


class DeviceSteps(Steps[Batch]):
    """Computes all gradients, and lets an optimizer of torch update all weights.

    Args:
        network: The network to train, on the device of the rows.
        options: Options of the model.
        precision: ``bfloat16`` for products of dense matrices in bfloat16; otherwise
            they have the type of the weights.
    """

    _by_column = False
    """Whether cells are needed sorted by column too."""

    def __init__(
        self, network: Network, options: AutoencoderOptions, precision: str = "float32"
    ) -> None:
        super().__init__(network, options, precision)
        self.optimizer = make_optimizer(decayed(network), network.offsets, options)

    def _batches(self, rows: Rows, order: Tensor) -> Iterator[Batch]:
        return rows.batches(order, self._options.batch_size, self._by_column)

    def _step_rest(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _loss(self, batch: Batch, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of squared errors, and the loss's derivatives by *sums*."""
        output = self._network.activate_output(sums)
        errors = output - batch.values
        back = _BACKWARD[self._options.output_activation]
        slopes = back(errors * (2 / len(errors)), output)
        return torch.dot(errors, errors), slopes

    def _total(self, squares: list[Tensor]) -> float:
        # On the host, because not every device has float64.
        return float(torch.stack(squares).cpu().double().sum())


class DeviceCells(DeviceSteps):
    """Multiplies only rated cells."""

    _by_column = True

    def _encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        given = self._network.corrupt(batch.values)
        return given, by_row(batch.cells, given, self._network.first)

    def _step_output(
        self, batch: Batch, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        cells, last, offsets = (
            batch.cells,
            self._network.last,
            self._network.offsets[-1],
        )
        sums = self._network.sums(hidden, cells, whole=False)
        squared, slopes = self._loss(batch, sums)
        ones = hidden.new_ones(len(hidden), 1)
        offsets.grad = by_column(cells, slopes, ones).view(-1)
        if not self._options.tied:
            last.grad = by_column(cells, slopes, hidden)
        return squared, slopes, by_row(cells, slopes, last)

    def _step_input(
        self, batch: Batch, given: Tensor, back: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        gradient = by_column(batch.cells, given, back)
        self._step_refed(batch, gradient, slopes, hidden)

    def _step_refed(
        self, batch: Batch, gradient: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        if self._options.tied:
            gradient = gradient + by_column(batch.cells, slopes, hidden)
        self._network.first.grad = gradient


class DeviceRows(DeviceSteps):
    """Multiplies whole rows."""

    def _encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        given = batch.cells.dense(self._network.corrupt(batch.values))
        return given, self._product(given, self._network.first)

    def _step_output(
        self, batch: Batch, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        cells, last, offsets = (
            batch.cells,
            self._network.last,
            self._network.offsets[-1],
        )
        with self._arithmetic(hidden):
            sums = self._network.sums(hidden, cells, whole=True)
        squared, at_rated = self._loss(batch, sums.to(hidden.dtype))
        slopes = cells.dense(at_rated)
        offsets.grad = slopes.sum(0)
        if not self._options.tied:
            last.grad = self._product(slopes.T, hidden)
        return squared, slopes, self._product(slopes, last)

    def _step_input(
        self, batch: Batch, given: Tensor, back: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        self._step_refed(batch, self._product(given.T, back), slopes, hidden)

    def _step_refed(
        self, batch: Batch, gradient: Tensor, slopes: Tensor, hidden: Tensor
    ) -> None:
        if self._options.tied:
            gradient = gradient + self._product(slopes.T, hidden)
        self._network.first.grad = gradient

    def _product(self, one: Tensor, other: Tensor) -> Tensor:
        with self._arithmetic(one):
            return (one @ other).to(one.dtype)

"""Steps: training by automatic differentiation, on any device, by any optimizer."""

from contextlib import nullcontext

import torch
from torch import Tensor

from benchbox.models import TimedStep
from benchbox.training.optimizers import make_optimizer
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.refeeding import Refed
from benchbox_autoencoders.rows import Batch, Rows


class Steps:
    """Takes the steps of *network* batch by batch, along its route.

    Args:
        network: What is trained; it lies on the device of the rows.
        options: The settings.
        precision: Arithmetic of the layers between, and of the whole pass on the dense
            route: ``bfloat16``, or that of the weights.
    """

    def __init__(
        self, network: Network, options: AutoencoderOptions, precision: str = "float32"
    ) -> None:
        self._network, self._options = network, options
        self._in_bfloat16 = precision == "bfloat16"
        self.optimizer = make_optimizer(decayed(network), network.offsets, options)

    def epoch(self, rows: Rows, order: Tensor, timed: TimedStep = nullcontext) -> float:
        """Take the steps of each batch of *rows* in *order*; return the mean loss.

        The loss is the mean squared error on the way: each batch's before its step.
        *timed* gives the context that times a step.
        """
        device = rows.values.device
        total = torch.zeros((), dtype=torch.float64, device=device)
        for index in torch.split(order, self._options.batch_size):
            with timed():
                total += self._learn(rows.batch(index))
        return float(total) / int(rows.counts[order].sum())

    def _learn(self, batch: Batch) -> Tensor:
        network, squares = self._network, []
        refed: Refed | None = None
        for n_left in reversed(range(1 + self._options.refeeding)):
            with self._arithmetic(batch):
                if refed is None:
                    hidden = network.hidden(batch)
                else:
                    hidden = network.deepen(refed.product(network.first), batch.side)
            refed = Refed(network, hidden, self._options) if n_left else None
            squares.append(self._step(hidden, batch))
        return squares[0]

    def _step(self, hidden: Tensor, batch: Batch) -> Tensor:
        with self._arithmetic(batch):
            output = self._network.decode(hidden, batch.cells)
        error = output.to(batch.values.dtype) - batch.values
        squared = torch.dot(error, error)
        self.optimizer.zero_grad()
        loss, penalty = squared / len(error), self._network.penalty
        loss = loss if penalty is None else loss + penalty
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return squared.detach()

    def _arithmetic(self, batch: Batch) -> torch.autocast:
        kind = batch.values.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=self._in_bfloat16)


def decayed(network: Network) -> list[torch.nn.Parameter]:
    """Return the parameters under weight decay."""
    side = network.side_weights
    return [*network.weights, *([] if side is None else [side])]

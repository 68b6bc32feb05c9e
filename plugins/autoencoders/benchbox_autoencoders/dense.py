"""Dense: training steps that multiply whole rows, on any device, by any optimizer."""

import torch
from torch import Tensor

from benchbox_autoencoders.network import Network
from benchbox_autoencoders.optimizers import make_optimizer
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.rows import Rows


class DenseSteps:
    """Takes the steps of *network* batch by batch, by automatic differentiation.

    Args:
        network: What is trained; it lies on the device of the rows.
        options: The settings.
    """

    def __init__(self, network: Network, options: AutoencoderOptions) -> None:
        self._network = network
        self._batch_size = options.batch_size
        self._optimizer = make_optimizer(network.weights, network.offsets, options)

    def epoch(self, rows: Rows, order: Tensor) -> float:
        """Take one step per batch of *rows* in *order*; return the mean squared error.

        The error is the one on the way: each batch's before its own step.
        """
        shuffled = rows.take(order)
        total = torch.zeros((), dtype=torch.float64, device=rows.values.device)
        for batch in shuffled.batches(self._batch_size):
            error = self._network(batch, batch.cells) - batch.values
            squared = torch.dot(error, error)
            self._optimizer.zero_grad()
            (squared / len(error)).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += squared.detach()
        return float(total) / len(shuffled.values)

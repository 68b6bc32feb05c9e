"""Re-feeding: the dense reconstruction of a batch as the input of another step.

A linear output is ``Z = H W' + b`` with few hidden units, so ``Z U`` is ``H (W' U) +
b U``, and the gradient ``Z' G`` is ``W (H' G) + b (1' G)``. Both are exact without
computing *Z*, and cheaper if a batch has more rows than the layers have units.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions


class Refed:
    """The output of a forward pass, before the weights are updated.

    Args:
        network: The network, before the update.
        hidden: Last hidden layer of the pass, shape ``(n_rows, h)``.
        options: Options of the model.
    """

    def __init__(
        self, network: Network, hidden: Tensor, options: AutoencoderOptions
    ) -> None:
        self._hidden = hidden.detach().to(network.last.dtype)
        self._whole: Tensor | None = None
        last, offsets = network.last.detach(), network.offsets[-1].detach()
        if is_factored(len(hidden), options):
            # Copies, because the update changes both.
            self._last, self._offsets = last.clone(), offsets.clone()
            return
        whole = F.linear(self._hidden, last, offsets)
        self._whole = network.activate_output(whole)

    def product(self, weights: Tensor) -> Tensor:
        """Return the output times *weights*, shape ``(n_rows, h_1)``."""
        if self._whole is not None:
            return self._whole @ weights
        inner = self._last.T @ weights
        return torch.addmm(self._offsets @ weights, self._hidden, inner)

    def gradient(self, slope: Tensor) -> Tensor:
        """Return the gradient by the weights, given *slope*, that by the `product`.

        Its shape is ``(n_columns, h_1)``.
        """
        if self._whole is not None:
            return self._whole.T @ slope
        outer = torch.outer(self._offsets, slope.sum(0))
        return torch.addmm(outer, self._last, self._hidden.T @ slope)


def is_factored(n_rows: int, options: AutoencoderOptions) -> bool:
    """Return whether fewer operations are needed without computing the output."""
    if options.output_activation != "identity":
        return False
    first, last = options.hidden_units[0], options.hidden_units[-1]
    return n_rows * (last + 2 * first) > 2 * first * last

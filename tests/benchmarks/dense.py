"""Dense: autoencoders as one writes them in PyTorch, to measure ours against.

``plain`` fills dense batches from compressed rows, masks, differentiates automatically
and takes fused steps. ``best`` is the fastest dense step we know: gradients by hand at
rated cells, preallocated, at torch's fastest setting for float32.
"""

from collections.abc import Callable

import torch
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from torch import Tensor, nn, optim

# As trials set it, by the precision asked for.
MATMUL = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}


class DenseAutoencoder:
    """A dense autoencoder with sigmoid units that starts where *network* is.

    Attributes:
        weights: One matrix per layer, ``(h_i, h_(i+1))``; tied, all but the last.
        offsets: One vector per layer.
        optimizer: Moves all of them.
    """

    def __init__(self, network: Network, options: AutoencoderOptions) -> None:
        assert options.activation == "sigmoid"
        assert not options.tied or len(options.hidden_units) == 1
        matrices = [network.first, *network.between]
        if not options.tied:
            matrices.append(network.last.T)
        self.weights = [_own(matrix) for matrix in matrices]
        self.offsets = [_own(offset) for offset in network.offsets]
        self.optimizer = _optimizer(self.weights, self.offsets, options)
        self._options = options

    def output(self, inputs: Tensor) -> Tensor:
        """Return the whole reconstruction of whole rows."""
        weights: list[Tensor] = [*self.weights]
        if self._options.tied:
            weights.append(weights[0].T)
        hidden = inputs
        for weight, offset in zip(weights[:-1], self.offsets[:-1], strict=True):
            hidden = torch.sigmoid(torch.addmm(offset, hidden, weight))
        return torch.addmm(self.offsets[-1], hidden, weights[-1])


def plain_step(
    dense: DenseAutoencoder, options: AutoencoderOptions, precision: str = "float32"
) -> Callable[[Batch], Tensor]:
    """Return what takes a plain step, and returns the loss before it."""
    in_bfloat16 = precision == "bfloat16"

    def step(batch: Batch) -> Tensor:
        torch.set_float32_matmul_precision(MATMUL[precision])
        targets = _filled(batch, batch.values)
        mask = _filled(batch, torch.ones_like(batch.values))
        inputs, losses = targets, []
        for _ in range(1 + options.refeeding):
            with torch.autocast(inputs.device.type, torch.bfloat16, in_bfloat16):
                output = dense.output(inputs)
            loss = (((output - targets) * mask) ** 2).sum() / mask.sum()
            dense.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            dense.optimizer.step()
            inputs = output.detach()
            losses.append(loss.detach())
        return losses[0]

    return step


def best_step(
    dense: DenseAutoencoder, options: AutoencoderOptions
) -> Callable[[Batch], Tensor]:
    """Return what takes the best step on full batches, and returns the loss before."""
    weights, offsets = dense.weights, dense.offsets
    for parameter in (*weights, *offsets):
        parameter.grad = torch.zeros_like(parameter)
    shape = options.batch_size, len(offsets[-1])
    inputs, errors = weights[0].detach().new_empty(2, *shape)

    @torch.no_grad()
    def step(batch: Batch) -> Tensor:
        torch.set_float32_matmul_precision("medium")
        cells = batch.cells.places, batch.cells.columns
        n_cells = len(batch.values)
        inputs.zero_()
        inputs[cells] = batch.values
        layers = [inputs]
        for weight, offset in zip(weights[:-1], offsets[:-1], strict=True):
            layers.append(torch.addmm(offset, layers[-1], weight).sigmoid_())
        output = torch.addmm(offsets[-1], layers[-1], weights[-1])
        error = output[cells] - batch.values
        errors.zero_()
        errors[cells] = error * (2 / n_cells)
        _set_gradients(dense, layers, errors)
        dense.optimizer.step()
        return torch.dot(error, error) / n_cells

    return step


def _set_gradients(dense: DenseAutoencoder, layers: list[Tensor], back: Tensor) -> None:
    for n in reversed(range(len(layers))):
        weight, offset = dense.weights[n], dense.offsets[n]
        torch.mm(layers[n].T, back, out=weight.grad)
        torch.sum(back, 0, out=offset.grad)
        if n:
            back = back @ weight.T * layers[n] * (1 - layers[n])


def _filled(batch: Batch, values: Tensor) -> Tensor:
    cells = batch.cells
    rows = values.new_zeros(cells.n_rows, cells.n_columns)
    rows[cells.places, cells.columns] = values
    return rows


def _own(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(memory_format=torch.contiguous_format))


def _optimizer(
    weights: list[nn.Parameter],
    offsets: list[nn.Parameter],
    options: AutoencoderOptions,
) -> optim.Optimizer:
    groups = [
        {"params": weights, "weight_decay": options.weight_decay},
        {"params": offsets, "weight_decay": 0.0},
    ]
    if options.optimizer == "rmsprop":
        return optim.RMSprop(groups, lr=options.learning_rate)
    assert options.optimizer == "adam"
    return optim.Adam(groups, lr=options.learning_rate, fused=True)

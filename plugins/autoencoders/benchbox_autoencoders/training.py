"""Training of the autoencoders."""

from collections.abc import Callable

import torch

from benchbox import FitContext
from benchbox.models import is_accelerator
from benchbox.models.training import train_epochs
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.route import choose_route, make_steps
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.shards import EpochOrders

Evaluate = Callable[[Network], float]


def train(
    rows: Rows,
    options: AutoencoderOptions,
    context: FitContext,
    evaluate: Evaluate | None = None,
) -> Network:
    """Return a network that reconstructs the rated cells of *rows*.

    Args:
        rows: Training rows; only rated cells count in the loss.
        options: Options of the model.
        context: Gives the seed, the device and, for a refit, the number of epochs.
        evaluate: Returns the validation error of a network. If given, training stops
            early, and the network of the best epoch is returned.
    """
    generator = torch.Generator().manual_seed(context.seed)
    network = Network(rows, options, generator).to(context.device)
    chance = generator
    if is_accelerator(context.device):
        # Random numbers are drawn on the device, because copying them is too slow.
        chance = torch.Generator(context.device).manual_seed(context.seed)
    network.seed(chance)
    network.route = choose_route(rows, options, context)
    context.note("route", network.route)
    steps = make_steps(network, options, context)
    orders = EpochOrders(rows.counts)

    def epoch() -> float:
        return steps.epoch(rows, orders.draw(generator), context.step)

    train_epochs(
        network,
        steps.optimizer,
        epoch,
        options,
        context,
        None if evaluate is None else lambda: evaluate(network),
    )
    # Steps may have changed the memory layout of weights. Contiguous weights make sums
    # run in the same order as in a restored network.
    for weights in network.parameters():
        weights.data = weights.data.contiguous()
    return network

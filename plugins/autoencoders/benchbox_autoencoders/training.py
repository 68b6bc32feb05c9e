"""Training: how every autoencoder learns."""

from collections.abc import Callable

import torch

from benchbox import FitContext
from benchbox.models import is_accelerator
from benchbox.models.training import train_epochs
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.route import choose_route, make_steps
from benchbox_autoencoders.rows import Rows

Evaluate = Callable[[Network], float]


def train(
    rows: Rows,
    options: AutoencoderOptions,
    context: FitContext,
    evaluate: Evaluate | None = None,
) -> Network:
    """Return a network that reconstructs the rated cells of *rows*.

    Args:
        rows: What to learn from; only rated cells enter the loss.
        options: The settings.
        context: Seed, device, and for a refit the number of epochs.
        evaluate: Gives the validation error of a network; training then ends by
            patience, and the best network is returned.
    """
    generator = torch.Generator().manual_seed(context.seed)
    network = Network(rows, options, generator).to(context.device)
    chance = generator
    if is_accelerator(context.device):
        # Drawn where they are used: numbers would come too slowly from the host.
        chance = torch.Generator(context.device).manual_seed(context.seed)
    network.seed(chance)
    network.route = choose_route(rows, options, context)
    context.note("route", network.route)
    steps = make_steps(network, options, context)
    rated = rows.counts.nonzero().view(-1)

    def epoch() -> float:
        order = rated[torch.randperm(len(rated), generator=generator)]
        return steps.epoch(rows, order, context.step)

    train_epochs(
        network,
        steps.optimizer,
        epoch,
        options,
        context,
        None if evaluate is None else lambda: evaluate(network),
    )
    # However steps had laid them out: sums then have the order that they will have in
    # a network that is restored.
    for weights in network.parameters():
        weights.data = weights.data.contiguous()
    return network

"""Training: the one loop every autoencoder learns by."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchbox import EarlyStopping, FitContext
from benchbox_autoencoders.dense import DenseSteps
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.route import check_route, choose_route
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.sparse import SparseSteps

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
    steps = _steps(network, rows, options, context)
    rated = rows.offsets.diff().nonzero().view(-1)
    n_epochs = context.epochs or options.epochs
    stopping = EarlyStopping(options.patience)
    best: dict[str, Tensor] = {}
    for epoch in range(1, n_epochs + 1):
        order = rated[torch.randperm(len(rated), generator=generator)]
        network.train()
        loss = steps.epoch(rows, order)
        network.eval()
        error = None if evaluate is None else evaluate(network)
        context.report(epoch, n_epochs, loss=loss, validation_rmse=error)
        if error is None:
            continue
        if stopping.improved(epoch, error):
            best = {k: v.clone() for k, v in network.state_dict().items()}
        if stopping.should_stop(epoch):
            break
    if best:
        network.load_state_dict(best)
    return network.eval()


def _steps(
    network: Network, rows: Rows, options: AutoencoderOptions, context: FitContext
) -> DenseSteps | SparseSteps:
    check_route(options, context.device)
    network.route = choose_route(rows, options, context.device)
    context.note("route", network.route)
    if network.route == "dense":
        return DenseSteps(network, options)
    return SparseSteps(network, options, context.n_threads)

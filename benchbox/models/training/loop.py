"""Loop: epochs until the validation error no longer falls."""

from collections.abc import Callable

from torch import Tensor, nn, optim

from benchbox.models.contract import EarlyStopping, FitContext
from benchbox.models.training.optimizers import LearningRate
from benchbox.models.training.options import TrainingOptions


def train_epochs(
    network: nn.Module,
    optimizer: optim.Optimizer,
    take_epoch: Callable[[], float],
    options: TrainingOptions,
    context: FitContext,
    evaluate: Callable[[], float] | None = None,
) -> None:
    """Train *network* by epochs, and leave it as it was after the best of them.

    Args:
        network: Put into training mode for epochs, and into evaluation mode else.
        optimizer: Its learning rate follows the schedule of the options.
        take_epoch: Passes over the ratings once; returns the mean loss on the way.
        options: Epochs at most, patience and schedule.
        context: Takes the reports, and for a refit the number of epochs.
        evaluate: Gives the validation error of the network as it is; training then
            ends by patience, if there is any.
    """
    n_epochs = context.epochs or options.epochs
    stopping = EarlyStopping(options.patience)
    rate = LearningRate(optimizer, options)
    best: dict[str, Tensor] = {}
    for epoch in range(1, n_epochs + 1):
        network.train()
        loss = take_epoch()
        network.eval()
        is_due = options.patience > 0 or epoch == n_epochs
        error = evaluate() if evaluate is not None and is_due else None
        context.report(epoch, n_epochs, loss=loss, validation_rmse=error)
        rate.after_epoch(loss if error is None else error)
        if error is None:
            continue
        if stopping.improved(epoch, error):
            best = {k: v.clone() for k, v in network.state_dict().items()}
        if options.patience and stopping.should_stop(epoch):
            break
    if best:
        network.load_state_dict(best)
    network.eval()

"""The training loop, with early stopping."""

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
    """Train *network* for several epochs, and restore its weights of the best epoch.

    Args:
        network: Network; in training mode during epochs, and else in evaluation mode.
        optimizer: Optimizer; its learning rate follows the schedule in *options*.
        take_epoch: Passes over the ratings once and returns the mean loss.
        options: Maximum number of epochs, patience and schedule.
        context: Receives the reports; gives the number of epochs in a refit.
        evaluate: Returns the validation error of the network; with it, training stops
            early if the options set a patience.
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

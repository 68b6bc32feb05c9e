"""Training: optimizers, schedules and the loop that models share."""

from typing import get_args

import pytest
import torch
from torch import nn

from benchbox import FitContext
from benchbox.models.training.activations import ACTIVATIONS
from benchbox.models.training.loop import train_epochs
from benchbox.models.training.optimizers import LearningRate, make_optimizer
from benchbox.models.training.options import (
    Activation,
    Optimizer,
    Schedule,
    TrainingOptions,
)
from benchbox.models.training.threads import at_most


def test_fewer_threads_are_given_back_whatever_happens() -> None:
    before = torch.get_num_threads()

    def breaks() -> None:
        with at_most(1):
            assert torch.get_num_threads() == 1
            raise RuntimeError("it broke")

    with pytest.raises(RuntimeError, match="broke"):
        breaks()
    with at_most(before + 5):
        assert torch.get_num_threads() == before

    assert torch.get_num_threads() == before


def one_weight(value: float = 1.0) -> nn.Linear:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    nn.init.constant_(network.bias, value)
    return network


def optimizer_of(network: nn.Linear, **settings) -> torch.optim.Optimizer:
    options = TrainingOptions(**settings)
    return make_optimizer([network.weight], [network.bias], options)


def rates(errors: list[float], **settings) -> list[float]:
    """Return the learning rate after each epoch, given its error."""
    optimizer = optimizer_of(one_weight(), learning_rate=1.0, **settings)
    rate = LearningRate(optimizer, TrainingOptions(**settings))
    found = []
    for error in errors:
        optimizer.step()
        rate.after_epoch(error)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_every_activation_has_a_name_and_keeps_the_shape() -> None:
    assert set(get_args(Activation)) == set(ACTIVATIONS)
    x = torch.linspace(-3, 3, 12).view(3, 4)
    for activation in ACTIVATIONS.values():
        assert activation(x).shape == x.shape


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_every_optimizer_steps_against_the_gradient(name: str) -> None:
    network = one_weight()
    optimizer = optimizer_of(network, optimizer=name, learning_rate=0.1)

    network(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert network.weight.item() < 1 > network.bias.item()


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_weight_decay_spares_offsets(name: str) -> None:
    network = one_weight()
    optimizer = optimizer_of(network, optimizer=name, weight_decay=0.5)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)

    optimizer.step()

    assert network.weight.item() < 1 == network.bias.item()


def test_a_constant_learning_rate_stays() -> None:
    assert rates([3.0, 4.0, 5.0]) == [1.0, 1.0, 1.0]


def test_steps_lower_the_learning_rate_every_so_many_epochs() -> None:
    found = rates([1.0] * 5, schedule="step", schedule_epochs=2, schedule_factor=0.5)

    assert found == [1.0, 0.5, 0.5, 0.25, 0.25]


def test_a_plateau_lowers_the_learning_rate() -> None:
    settings = {"schedule": "plateau", "schedule_epochs": 1, "schedule_factor": 0.1}

    assert rates([3.0, 2.0, 1.0, 0.5], **settings) == [1.0] * 4
    assert rates([3.0, 3.0, 3.0, 3.0], **settings) == pytest.approx([1, 1, 0.1, 0.1])


def test_every_schedule_is_one_of_these() -> None:
    assert get_args(Schedule) == ("constant", "plateau", "step")


def run(errors: list[float] | None, **settings) -> tuple[list, float]:
    """Add 1 to a weight each epoch; return the reports and what it is left at."""
    network = one_weight(0.0)
    reports: list = []

    def epoch() -> float:
        assert network.training
        with torch.no_grad():
            network.weight += 1
        return 10.0 - network.weight.item()

    def evaluate() -> float:
        assert not network.training
        assert errors is not None
        return errors[int(network.weight.item()) - 1]

    train_epochs(
        network,
        optimizer_of(network),
        epoch,
        TrainingOptions(**settings),
        FitContext(on_report=reports.append),
        evaluate if errors else None,
    )
    assert not network.training
    return reports, network.weight.item()


def test_the_network_is_left_as_it_was_after_its_best_epoch() -> None:
    reports, left = run([3.0, 1.0, 2.0, 2.0, 0.0], patience=2)

    assert [report.validation_rmse for report in reports] == [3.0, 1.0, 2.0, 2.0]
    assert [report.loss for report in reports] == [9.0, 8.0, 7.0, 6.0]
    assert left == 2


def test_without_patience_the_last_epoch_is_kept_and_is_the_only_one_judged() -> None:
    reports, left = run([1.0, 2.0, 3.0, 4.0], patience=0, epochs=4)

    assert [report.validation_rmse for report in reports] == [None, None, None, 4.0]
    assert left == 4


def test_without_validation_all_epochs_are_taken() -> None:
    reports, left = run(None, epochs=6)

    assert [(report.epoch, report.n_epochs) for report in reports] == [
        (n, 6) for n in range(1, 7)
    ]
    assert left == 6


def test_the_schedule_follows_the_loss_where_there_is_no_validation() -> None:
    network = one_weight()
    optimizer = optimizer_of(network, learning_rate=1.0)
    options = TrainingOptions(epochs=4, schedule="plateau", schedule_epochs=1)

    train_epochs(network, optimizer, lambda: 5.0, options, FitContext())

    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)

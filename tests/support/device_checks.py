"""Checks of the routes for accelerators, for a process in which `loom_backend` lives.

Each is called by name from a test: torch takes in a backend only before it has
differentiated anything, so the process of the tests cannot.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchbox import FitContext, ModelSpec, Ratings
from benchbox.models import Precision
from benchbox.plugins.registry import discover
from benchbox.trials.child import build_model
from tests.support import loom_backend
from tests.support.toy_ratings import hide, low_rank

NAME = "loom:0"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "user": ("autorec-user", {}),
    "item": ("autorec-item", {}),
    "linear": (
        "autorec-user",
        {"input_noise": 0.1, "activity_l1": 0.01, "optimizer": "rmsprop"},
    ),
    "curved": ("autorec-user", {"output_activation": "tanh", "optimizer": "sgd"}),
    "described": ("autorec-user", {"side_inputs": ["attributes", "tastes"]}),
    "stacked": ("stacked-autoencoder", {"hidden_units": [5, 3, 5]}),
    "tied": (
        "stacked-autoencoder",
        {"hidden_units": [5, 3, 5], "tied": True, "refeeding": 1},
    ),
    "refed": (
        "stacked-autoencoder",
        {"hidden_units": [5, 3, 5], "refeeding": 1, "output_activation": "sigmoid"},
    ),
    "rounded": ("stacked-autoencoder", {"hidden_units": [5, 3, 5]}),
    "factors": ("biased-mf-sgd", {"l1": 1e-4}),
    "all rows": ("biased-mf-sgd", {"l1": 1e-4, "optimizer": "adam"}),
    "adagrad": ("neural-cf", {"optimizer": "row-adagrad"}),
    "perceptron": (
        "neural-cf",
        {"side_features": ["users", "items"], "dropout": 0.1, "negative_ratio": 1.5},
    ),
    "squares": ("biased-mf", {}),
    "posterior": ("bayesian-mf", {"burn_in": 1}),
    "kernels": ("sparse-fc", {"hidden_units": [5, 4]}),
    "convolved": ("glocal-k", {"hidden_units": [5, 4], "pretraining": 1}),
}
"""A model and options by name: together they take every turn of the device's code."""

PRECISIONS: dict[str, Precision] = {"rounded": "bfloat16"}
"""Precision of products where it is not float32, by case."""

ROUTES = {"autorec-user", "autorec-item", "stacked-autoencoder"}
"""Models that multiply either whole rows or only rated cells."""

SPECS = {offer.value.name: offer.value for offer in discover().all("models")}


def on_accelerators() -> set[str]:
    """Return the names of all bundled models that run on an accelerator themselves."""
    return {
        name
        for name, spec in SPECS.items()
        if "accelerator" in spec.capabilities.devices and not spec.options().fits_models
    }


@pytest.fixture(scope="session")
def loom_process() -> Iterator[Callable[..., Any]]:
    """Return what calls a function of this module where there is a loom."""
    pytest.importorskip("torch._C._acc", reason="torch has no backends in Python")
    with ProcessPoolExecutor(
        1, get_context("spawn"), initializer=loom_backend.register
    ) as pool:
        yield lambda work, *args: pool.submit(work, *args).result()


def toy_ratings() -> tuple[Ratings, Ratings]:
    """Return visible and hidden ratings of described users and items."""
    train, hidden = hide(low_rank(60, 40, rank=2, seed=1), 0.4, seed=2)
    return replace(
        train,
        user_features={"age": np.arange(60.0)},
        item_features={"genre": np.array(["a|b", "b"] * 20)},
    ), hidden


@dataclass(frozen=True)
class Asked:
    """What a model asks of a device.

    Attributes:
        launches: Number of operations in each step.
        fit_reads: Number of reads outside of steps, in the fit.
        predict_reads: Number of reads in the prediction.
        operations: Names of all operations.
    """

    launches: list[int]
    fit_reads: int
    predict_reads: int
    operations: set[str]


def asked(case: str, route: str, fault: str = "") -> Asked:
    """Fit and predict on fakes, which have no values; raise what a fault leads to."""
    from tests.support.fake_device import FakeDevice

    model, (train, hidden) = _built(case, route), toy_ratings()
    device = FakeDevice()
    with device.present(), _in_each_step(FAULTS[fault]) if fault else ExitStack():
        context = _context(case, NAME, train, hidden)
        model.fit(train, replace(context, time_step=device.step))
        n_reads = device.n_reads
        predicted = model.predict(train, hidden.users, hidden.items)
    assert predicted.shape == (len(hidden),)
    return Asked(
        launches=[sum(step.values()) for step in device.launches],
        fit_reads=n_reads,
        predict_reads=device.n_reads - n_reads,
        operations=device.operations,
    )


def largest_gap(case: str, route: str, other: str) -> float:
    """Return how far predictions of a loom are from those of *other*, at most.

    Args:
        case: The model and its options.
        route: How an autoencoder multiplies.
        other: The CPU with its ``own code``, without dropout and noise; or with the
            ``same code``, which draws the same numbers.
    """
    settings = {} if other == "same code" else _without_chance(case)
    on_loom = _predicted(case, route, NAME, settings)
    with _every_device_an_accelerator() if other == "same code" else ExitStack():
        return float(np.abs(on_loom - _predicted(case, route, "cpu", settings)).max())


def _predicted(
    case: str, route: str, device: str, settings: dict[str, Any]
) -> NDArray[np.float32]:
    model, (train, hidden) = _built(case, route, settings), toy_ratings()
    model.fit(train, _context(case, device, train, hidden))
    predicted: NDArray[np.float32] = model.predict(train, hidden.users, hidden.items)
    return predicted


def _built(case: str, route: str, settings: dict[str, Any] | None = None) -> Any:
    name, given = CASES[case]
    spec: ModelSpec = SPECS[name]
    known = spec.options.__struct_fields__
    small = {"epochs": 2, "hidden_units": [6], "batch_size": 25 if route else 600}
    # At this rate, two epochs change predictions by some 0.1.
    small |= {"route": route, "n_factors": 3, "learning_rate": 0.05}
    # Or the same bias model would stand in for part of any prediction.
    small |= {"shrink": settings is None}
    chosen = {k: v for k, v in small.items() if k in known} | given | (settings or {})
    options_type = f"{spec.options.__module__}:{spec.options.__qualname__}"
    return build_model(spec.target, options_type, chosen)


def _context(case: str, device: str, train: Ratings, hidden: Ratings) -> FitContext:
    return FitContext(
        device=device,
        validation=hidden,
        validation_history=train,
        precision=PRECISIONS.get(case, "float32"),
    )


def _without_chance(case: str) -> dict[str, Any]:
    known = SPECS[CASES[case][0]].options.__struct_fields__
    drawn = ("input_dropout", "dropout", "input_noise", "negative_ratio")
    return dict.fromkeys((name for name in drawn if name in known), 0.0)


@contextmanager
def _every_device_an_accelerator() -> Iterator[None]:
    with ExitStack() as stack:
        for name, module in [*sys.modules.items()]:
            if name.startswith("benchbox_") and hasattr(module, "is_accelerator"):
                stack.enter_context(patch.object(module, "is_accelerator", bool))
        yield


@contextmanager
def _in_each_step(act: Callable[[Any], Any]) -> Iterator[None]:
    """Have autoencoders and embeddings do something with a tensor of each step."""
    from benchbox_autoencoders.device import DeviceSteps
    from benchbox_embeddings.row_steps import RowSteps

    loss, step = DeviceSteps._loss, RowSteps._step

    def acting_loss(self: Any, batch: Any, sums: Any) -> Any:
        act(batch.values)
        return loss(self, batch, sums)

    def acting_step(self: Any, batch: Any) -> Any:
        act(batch.targets)
        return step(self, batch)

    with (
        patch.object(DeviceSteps, "_loss", acting_loss),
        patch.object(RowSteps, "_step", acting_step),
    ):
        yield


FAULTS: dict[str, Callable[[Any], Any]] = {
    "a value is read": lambda tensor: tensor.sum().item(),
    "values are counted": lambda tensor: tensor.nonzero(),
    "values are copied to the host": lambda tensor: tensor.cpu(),
    "values are copied from the host": lambda tensor: torch.ones(3).to(tensor.device),
    "an index is on the CPU": lambda tensor: tensor[torch.arange(2)],
    "an operand is on the CPU": lambda tensor: tensor + torch.ones(len(tensor)),
}
"""What a step must not do, by name."""

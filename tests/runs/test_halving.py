"""Halving: a smaller batch only where it may help, and where the model permits it."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from benchbox.models import Capabilities
from benchbox.runs.halving import halved, with_any_batch
from benchbox.runs.plan import Chosen, PlannedTrial
from tests.support.toy_runs import toy_model

PERMITS = Capabilities(halves_batches=True)
FULL: Any = SimpleNamespace(status="out-of-memory", device_is_full=True)


def a_trial(
    can: Capabilities = PERMITS, tuned: dict[str, Any] | None = None, **options: Any
) -> PlannedTrial:
    model = msgspec.structs.replace(toy_model("net", **options), capabilities=can)
    chosen = {("fold", model.id): Chosen(options=tuned or {})}
    plan: Any = SimpleNamespace(models=[model], chosen=chosen)
    fold: Any = SimpleNamespace(id="fold")
    return PlannedTrial(
        plan=plan, stage_number=0, model_number=0, fold=fold, replicate=0
    )


def sizes(trial: PlannedTrial) -> list[int]:
    """Return the batches of a trial that always finds the device full."""
    found = [trial.model.options["batch_size"]]
    while (smaller := halved(trial, FULL)) is not None:
        trial = smaller
        found.append(trial.model.options["batch_size"])
    return found


@pytest.mark.parametrize(
    ("size", "tried"),
    [
        (1000, [1000, 500, 250, 125, 62, 31]),
        (5, [5, 2, 1]),
        (1, [1]),
    ],
)
def test_a_batch_is_halved_five_times_at_most(size: int, tried: list[int]) -> None:
    trial = a_trial(batch_size=size, epochs=3)

    assert sizes(trial) == tried
    assert [t.model.options["batch_size"] for t in with_any_batch(trial)] == tried


@pytest.mark.parametrize(
    "trial",
    [
        a_trial(Capabilities(), batch_size=64),
        a_trial(epochs=3),
        a_trial(batch_size="all"),
        a_trial(batch_size=64, tuned={"batch_size": 128}),
    ],
)
def test_no_batch_is_halved_that_the_model_or_a_search_has_fixed(
    trial: PlannedTrial,
) -> None:
    assert halved(trial, FULL) is None
    assert with_any_batch(trial) == [trial]


@pytest.mark.parametrize(
    ("status", "device_is_full"),
    [("ok", False), ("failed", True), ("out-of-memory", False), ("timeout", False)],
)
def test_no_batch_is_halved_unless_the_memory_of_the_device_ran_out(
    status: str, device_is_full: bool
) -> None:
    record: Any = SimpleNamespace(status=status, device_is_full=device_is_full)

    assert halved(a_trial(batch_size=64), record) is None


def test_what_tuning_chose_stays_beside_the_smaller_batch() -> None:
    trial = halved(a_trial(batch_size=64, rate=1, tuned={"rate": 2}), FULL)

    assert trial is not None
    assert trial.model.options == {"batch_size": 32, "rate": 2}

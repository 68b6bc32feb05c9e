"""Outcomes: what a trial says of its time must agree with the runner's clock."""

from typing import Any

import msgspec
import pytest

from benchbox.errors import ModelError
from benchbox.models import EpochReport
from benchbox.records import MOST_EPOCHS
from benchbox.records.trial_job import TrialOutcome
from benchbox.trials.outcomes import checked_outcome

TOLD = TrialOutcome(wall_seconds={"load": 1.0, "fit": 4.0, "predict": 1.0})
EPOCH = EpochReport(epoch=1, n_epochs=1, loss=0.5)


def test_what_agrees_with_the_runner_is_taken() -> None:
    seen = {"load": 1.1, "fit": 4.2, "predict": 3.0}

    assert checked_outcome(TOLD, 9.0, seen).wall_seconds == TOLD.wall_seconds


@pytest.mark.parametrize("phase", ["load", "fit", "predict"])
def test_a_phase_that_lasted_longer_than_is_told_is_not_believed(phase: str) -> None:
    with pytest.raises(ModelError, match=f"its {phase} took"):
        checked_outcome(TOLD, 30.0, {phase: 20.0})


def test_a_trial_that_failed_may_have_left_a_phase_early() -> None:
    failed = TrialOutcome(status="failed", reason="it broke")

    assert checked_outcome(failed, 30.0, {"load": 20.0}).reason == "it broke"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "timeout"}, "its status is 'timeout'"),
        ({"curve": [EPOCH] * (MOST_EPOCHS + 1)}, "reports more than"),
        ({"wall_seconds": {"paint": 1.0}}, "there is no phase 'paint'"),
        ({"wall_seconds": {"fit": 90.0}}, "its phases took 90 s, but it ran for 9 s"),
        ({"n_steps": -1}, "a count or a duration is below 0"),
        ({"cpu_seconds": {"fit": float("inf")}}, "out of all proportion"),
    ],
)
def test_a_report_that_cannot_be_true_is_not_believed(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        checked_outcome(msgspec.structs.replace(TOLD, **changes), 9.0)

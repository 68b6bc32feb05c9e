"""Seen phases: the runner's own clock, without the runner's own work."""

import pytest

from benchbox.trials.executors import seen


def test_phases_are_timed_without_what_the_runner_does_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(seen, "monotonic", lambda: now)
    phases = seen.SeenPhases()

    phases.begin("load")
    now += 2
    phases.begin("fit")
    now += 3
    with phases.unseen():
        now += 50
    now += 1
    phases.begin("")
    now += 7
    phases.begin("predict")

    assert phases.seconds == {"load": 2.0, "fit": 4.0}

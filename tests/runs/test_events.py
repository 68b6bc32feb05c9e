"""Events: plugins are told of a run, in order, and cannot harm it."""

from pathlib import Path
from typing import Any

import pytest

from benchbox import hookimpl
from benchbox.runs.events import Events
from tests.support.entry_points import Point, found
from tests.support.toy_runs import toy_model, toy_run


class Journal:
    """Notes what it is told, and spoils it."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @hookimpl
    def benchbox_run_started(self, run: Any, folder: Path) -> None:
        self.heard.append((run.id, folder))
        run.id = "spoilt"

    @hookimpl
    def benchbox_run_ended(self, run: Any) -> None:
        self.heard.append(run.id)


class Failing:
    @hookimpl
    def benchbox_run_started(self) -> None:
        raise SystemExit("disk full")


def test_a_plugin_is_told_what_it_asks_for_and_can_spoil_only_its_copy() -> None:
    journal, said = Journal(), []
    run = toy_run([toy_model("m")])
    events = Events(found(Point("journal", journal)), said.append)

    events.tell("run_started", run=run, folder=Path("here"))
    events.tell("run_ended", run=run, folder=Path("here"))

    assert journal.heard == [(run.id, Path("here")), run.id]
    assert not said


def test_a_plugin_that_fails_is_reported_once_and_the_others_are_told() -> None:
    journal, said = Journal(), []
    points = Point("a-failing", Failing(), "acme"), Point("journal", journal)
    events = Events(found(*points), said.append)

    for _ in range(3):
        events.tell("run_started", run=toy_run([toy_model("m")]), folder=Path())

    assert len(journal.heard) == 3
    assert said == [
        "plugin acme 1.2 (a-failing) fails in its hook benchbox_run_started: "
        "SystemExit: disk full. The run continues without it."
    ]


def test_a_user_who_interrupts_a_plugin_interrupts_the_run() -> None:
    class Slow:
        @hookimpl
        def benchbox_run_started(self) -> None:
            raise KeyboardInterrupt

    events = Events(found(Point("slow", Slow())), print)

    with pytest.raises(KeyboardInterrupt):
        events.tell("run_started", run=toy_run([toy_model("m")]), folder=Path())

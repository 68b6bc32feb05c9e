"""Turns: one thread of a run works at a time, the others wait for their trials."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from benchbox.records import EpochEnded, Fitted, Pairs, TrialJob, TrialOutcome
from benchbox.runs.turns import RunsAside, Turns
from benchbox.trials import Finished

JOB = TrialJob(target="", options_type="", options={}, train="", history="", out="")
PAIRS = Pairs(users="users", items="items")


class Meeting:
    """An executor whose trials are over once as many run at the same time."""

    def __init__(self, n_trials: int) -> None:
        self._all_here = Barrier(n_trials, timeout=60)
        self.got: list[dict[str, Any]] = []

    def run(self, job: TrialJob, **given: Any) -> Finished:
        self.got.append(given)
        given["listen"](EpochEnded(epoch=1, of=1))
        self._all_here.wait()
        assert given["hand_pairs"] is None or given["hand_pairs"]() == PAIRS
        given["listen"](Fitted())
        return Finished(outcome=TrialOutcome(status="ok"))


def test_trials_run_at_once_and_what_they_ask_of_the_runner_is_in_turn() -> None:
    aside = RunsAside(executor := Meeting(2), 2)  # type: ignore[arg-type]
    at_work: list[str] = []
    heard: list[object] = []

    def hand_pairs() -> Pairs:
        at_work.append("begins")
        Event().wait(0.05)
        at_work.append("ends")
        return PAIRS

    def work() -> None:
        with aside.turns:
            aside.run(JOB, log=Path(), listen=heard.append, hand_pairs=hand_pairs)
            at_work.append("after")

    with ThreadPoolExecutor(2) as threads:
        for call in [threads.submit(work) for _ in range(2)]:
            call.result(60)

    assert len(heard) == 4
    assert sorted(at_work) == ["after"] * 2 + ["begins"] * 2 + ["ends"] * 2
    begun = [place for place, what in enumerate(at_work) if what == "begins"]
    assert [at_work[place + 1] for place in begun] == ["ends", "ends"]
    assert all(given["stop"] is aside.stop for given in executor.got)


def test_an_executor_of_one_trial_at_a_time_is_told_nothing_of_others() -> None:
    aside = RunsAside(executor := Meeting(1), 1)  # type: ignore[arg-type]
    with aside.turns:
        aside.run(JOB, log=Path(), listen=lambda news: None, expected_bytes=9)

    assert executor.got[0].keys() == {
        "log",
        "listen",
        "hand_pairs",
        "ask_again",
        "memory_limit_bytes",
    }


def test_who_waits_in_turn_lets_others_do_what_it_waits_for() -> None:
    turns, done = Turns(), list[str]()

    def wait() -> None:
        with turns:
            turns.wait_for(lambda: "act" in done)
            done.append("waited")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait)
        with turns:
            done.append("act")
        waiting.result(60)

    assert done == ["act", "waited"]


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns, turns.aside():
        raise KeyError

    with turns:
        pass

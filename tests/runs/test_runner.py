"""The runner: where trials are placed, and what becomes of those to be run again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from benchbox.machine import FoundDevices
from benchbox.plugins import discover
from benchbox.records import RunFolder, TrialJob, TrialOutcome, TrialRecord
from benchbox.runs import Plan, Session, make_config
from benchbox.runs.attempts import LOST_WORKERS, MOST_LOST
from benchbox.runs.listener import Silent
from benchbox.runs.runner import execute
from benchbox.trials import AgainError, Finished

FAILED = Finished(outcome=TrialOutcome(status="failed", reason="as planned"))

Answer = Callable[[TrialJob, dict[str, Any]], Finished]


class Scripted:
    """An executor whose trials end as a test says; first uses do nothing."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.given: list[dict[str, Any]] = []

    def run(self, job: TrialJob, **given: Any) -> Finished:
        if job.access.compiles:
            return FAILED
        self.given.append(given)
        return self._answer(job, given)


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    settings = {
        "models": ("biased-mf",),
        "datasets": ("synthetic:n_ratings=2000",),
        "protocols": ("kfold:n_folds=3",),
        "seeds": 2,
        "threads": 1,
    }
    with Session(discover(), notify=lambda line: None) as session:
        yield session.plan(make_config(settings))


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path, "run")
    (folder.path / "logs").mkdir(exist_ok=True)
    return folder


def ended(
    plan: Plan, folder: RunFolder, answer: Answer, *, n: int, jobs: int = 1
) -> tuple[list[TrialRecord], Scripted]:
    """Run the first *n* trials; return their records in the order of their ends."""
    records: list[TrialRecord] = []

    class Notes(Silent):
        def trial_ended(self, trial: object, record: TrialRecord) -> None:
            records.append(record)

    executor = Scripted(answer)
    done = execute(plan, plan.trials[:n], folder, executor, Notes(), jobs=jobs)  # type: ignore[arg-type]
    assert done.to_the_end
    return records, executor


def test_trials_that_run_at_once_share_the_accelerators(
    plan: Plan, folder: RunFolder
) -> None:
    here = FoundDevices("cuda", ["one", "two"])
    both = Barrier(2, timeout=60)

    def answer(job: TrialJob, given: dict[str, Any]) -> Finished:
        both.wait()
        return FAILED

    records, _ = ended(replace(plan, accelerators=here), folder, answer, n=6, jobs=2)

    assert (
        sorted(record.device for record in records) == ["cuda:0"] * 3 + ["cuda:1"] * 3
    )
    # Which one it was is no part of what decides a figure.
    planned = [replace(t, plan=replace(plan, accelerators=here)) for t in plan.trials]
    assert {record.key for record in records} == {trial.key for trial in planned}


def test_a_trial_that_needed_what_others_had_is_run_again_with_all_memory(
    plan: Plan, folder: RunFolder
) -> None:
    def answer(job: TrialJob, given: dict[str, Any]) -> Finished:
        if given["expected_bytes"] is not None:
            raise AgainError("used more than was left", alone=True)
        return FAILED

    records, executor = ended(plan, folder, answer, n=2, jobs=2)

    assert {record.reason for record in records} == {"as planned"}
    assert not any(LOST_WORKERS in record.settings for record in records)
    expected = [given["expected_bytes"] is None for given in executor.given]
    assert sorted(expected) == [False, False, True, True]


@pytest.mark.parametrize("n_lost", [1, MOST_LOST])
def test_a_trial_whose_worker_was_lost_is_run_again_and_says_so(
    plan: Plan, folder: RunFolder, n_lost: int
) -> None:
    calls = count(1)

    def answer(job: TrialJob, given: dict[str, Any]) -> Finished:
        if next(calls) <= n_lost:
            raise AgainError("the node was lost")
        return FAILED

    (record,), _ = ended(plan, folder, answer, n=1)

    assert (record.status, record.reason) == ("failed", "as planned")
    assert record.settings[LOST_WORKERS] == str(n_lost)


def test_a_trial_that_loses_worker_after_worker_is_not_run_for_ever(
    plan: Plan, folder: RunFolder
) -> None:
    def answer(job: TrialJob, given: dict[str, Any]) -> Finished:
        raise AgainError("the node was lost")

    (record,), executor = ended(plan, folder, answer, n=1)

    assert (record.status, record.reason) == (
        "crashed",
        "the node was lost, after 3 others",
    )
    assert len(executor.given) == MOST_LOST + 1

"""Runs the trials of a plan, scores their predictions and writes their records."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchbox.machine import AUTO, Environment
from benchbox.records import RunFolder, scratch_folder
from benchbox.runs.attempts import Attempts
from benchbox.runs.costs import MemoryNeeds
from benchbox.runs.fold_store import FoldStore, Stores
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.runs.turns import RunsAside, at_once
from benchbox.trials import Executor


@dataclass(frozen=True, slots=True)
class Executed:
    """How the trials of a run were carried out.

    Attributes:
        to_the_end: Whether all trials were run; false after Ctrl-C.
        first_use_seconds: Wall-clock seconds of each model's first use, before its
            trials.
    """

    to_the_end: bool
    first_use_seconds: dict[str, float]


def execute(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    executor: Executor,
    listener: Listener,
    *,
    jobs: int = 1,
    needs: MemoryNeeds | None = None,
    met: Callable[[Environment], None] = lambda environment: None,
) -> Executed:
    """Run *trials* of *plan*; each record is on disk the moment its trial ends.

    Args:
        plan: Plan of the run.
        trials: Trials to run; those on one fold are together. One at a time, the next
            one is drawn after the listener got the record of the one before.
        folder: Folder for the records.
        executor: Executor that runs the trials.
        listener: Its methods are called as the trials progress.
        jobs: How many trials run at once; the executor must be able to.
        needs: Estimates of the memory that trials need.
        met: Takes the machine and software of a trial before its record is written, if
            they are not the runner's.

    Before its first trial, each model is fitted to a few ratings, so that the cost of a
    first use, such as compilation, is not in the times of any trial.
    """
    aside = RunsAside(executor, jobs, met)
    carry = partial(at_once, aside=aside)
    return _execute(plan, trials, folder, aside, listener, needs, carry)


def execute_in_turn(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    aside: RunsAside,
    listener: Listener,
    needs: MemoryNeeds,
) -> Executed:
    """Run *trials* of *plan* one at a time, as `execute` does, beside other threads.

    Args:
        plan: Plan of the run.
        trials: Trials to run; those on one fold are together.
        folder: Folder for the records.
        aside: Whose turn it is: that of the caller.
        listener: Its methods are called as the trials progress.
        needs: Estimates of the memory that trials need.
    """
    return _execute(plan, trials, folder, aside, listener, needs, lambda work: work())


def _execute(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    aside: RunsAside,
    listener: Listener,
    needs: MemoryNeeds | None,
    carry: Callable[[Callable[[], None]], None],
) -> Executed:
    with scratch_folder() as scratch:
        attempts = Attempts(folder, aside, listener, scratch, needs or MemoryNeeds())
        work = _Work(plan, iter(trials), folder, listener, attempts, aside, scratch)
        try:
            carry(work.carry_out)
        except KeyboardInterrupt:
            return Executed(False, attempts.first_use.wall_seconds)
    return Executed(True, attempts.first_use.wall_seconds)


class _Work:
    """The trials of a run, which one or several threads carry out.

    Args:
        plan: Plan of the run.
        trials: Trials to run.
        folder: Folder for the records.
        listener: Its methods are called as the trials progress.
        attempts: Runs a trial.
        aside: Whose turn it is.
        scratch: Folder for the files that trials read.
    """

    def __init__(
        self,
        plan: Plan,
        trials: Iterator[PlannedTrial],
        folder: RunFolder,
        listener: Listener,
        attempts: Attempts,
        aside: RunsAside,
        scratch: Path,
    ) -> None:
        self._plan, self._trials, self._folder = plan, trials, folder
        self._listener, self._attempts, self._aside = listener, attempts, aside
        self._stores = Stores(scratch)
        self._accelerators: Counter[int] = Counter()
        known = folder.examine().records
        self._digests = {r.key: r.predictions_digest for r in known if not r.repeat}

    def carry_out(self) -> None:
        """Run trials until none is left; the caller has its turn.

        Raises:
            KeyboardInterrupt: The run was interrupted.
        """
        for trial in self._trials:
            with self._placed(trial) as placed, self._stores.lent(placed) as store:
                self._one(placed, store)
            if self._aside.stop.is_set():
                raise KeyboardInterrupt

    def _one(self, trial: PlannedTrial, store: FoldStore) -> None:
        with self._aside.speaking:
            self._listener.trial_started(trial)
        try:
            record, predicted = self._attempts.attempt(trial, store)
        except KeyboardInterrupt:
            reason = "stopped by the user"
            record = trial.record(status="interrupted", reason=reason)
            self._folder.write_trial(record, None)
            raise
        first = self._digests.setdefault(record.key, record.predictions_digest)
        if record.status == "ok" and first not in ("", record.predictions_digest):
            record.notes["repeat"] = "predictions differ from those of repeat 0"
        # A repeat predicts the same, and is there for its timing alone.
        wanted = self._plan.config.keep_predictions and not trial.repeat
        if wanted and predicted is not None:
            if not self._folder.has_reference(record):
                self._folder.write_reference(record, store.reference)
            self._folder.write_trial(record, predicted.values, predicted.distribution)
        else:
            self._folder.write_trial(record, None)
        with self._aside.speaking:
            self._listener.trial_ended(trial, record)

    @contextmanager
    def _placed(self, trial: PlannedTrial) -> Iterator[PlannedTrial]:
        """Give the trial the accelerator that fewest others use, if it may be any."""
        here = self._plan.accelerators
        may_be_any = self._plan.config.device == AUTO and trial.device == here.first
        if len(here.names) < 2 or not may_be_any:
            yield trial
            return
        used = self._accelerators
        number = min(range(len(here.names)), key=lambda one: (used[one], one))
        used[number] += 1
        try:
            yield replace(trial, accelerator=number)
        finally:
            used[number] -= 1

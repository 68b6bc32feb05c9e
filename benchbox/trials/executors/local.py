"""Local executor: each trial in a fresh process of this machine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import LifoQueue
from threading import Event, Lock
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from benchbox.errors import BenchboxError, ModelError
from benchbox.machine import (
    FoundDevices,
    Gauges,
    MemoryPool,
    Watch,
    cpu_seconds,
    family_cpu_seconds,
    leased,
    most_memory_bytes,
    tree_cpu_seconds,
)
from benchbox.records import (
    NOT_ENFORCED,
    RAN_AT_ONCE,
    SILENCE_SECONDS,
    ChildMessage,
    Concluded,
    Confined,
    Described,
    Devices,
    DevicesQuestion,
    Enough,
    Fitted,
    Loaded,
    ModelQuestion,
    Pairs,
    PhaseBegan,
    Predicted,
    Question,
    QuestionTask,
    Reply,
    TrialJob,
    TrialOutcome,
    TrialTask,
    Waits,
    scratch_folder,
)
from benchbox.trials.confinement.compiled import copy_compiled
from benchbox.trials.confinement.private import COMPILED
from benchbox.trials.executors.api import AgainError, AskAgain, Finished, Listen
from benchbox.trials.executors.conversation import Conversation
from benchbox.trials.executors.held_back import HeldBack
from benchbox.trials.executors.running import End, Limits
from benchbox.trials.executors.seen import SeenPhases
from benchbox.trials.executors.slot import Slot
from benchbox.trials.executors.starter import Starter
from benchbox.trials.outcomes import checked_outcome

_Received = TypeVar("_Received")

MEMORY_LIMIT = "memory limit"
"""Name of the setting of a trial that tells how much memory it might use."""

DEVICE_WAIT = "wait for the device"
"""Name of the setting that tells how long another run had its accelerator."""

MEMORY_WAIT = "wait for memory"
"""Name of the setting that tells how long trials of the same run had it."""

_FOR_MEMORY = "memory: it may take {:.1f} GiB, and other trials have too much"

_LONG_WAIT_SECONDS = 1.0

_ANSWER_SECONDS = 600.0
"""In which a child answers a question; it may import large libraries for that."""


class LocalExecutor:
    """Runs trials in children of zygotes; use it as a context manager.

    Args:
        n_threads: Threads of each trial.
        log: File that takes what the zygotes print, and children that are asked.
        variables: Environment variables that trials see beside this process's own.
        folder: Folder trials work in; by default this process's own.
        jobs: How many trials may run at once, each called for by a thread of its own.
            Their times are marked as contended.
    """

    def __init__(
        self,
        n_threads: int,
        log: Path,
        *,
        variables: Mapping[str, str] | None = None,
        folder: Path | None = None,
        jobs: int = 1,
    ) -> None:
        self._log, self._jobs = log, jobs
        self._slots = [
            Slot(Starter(n_threads, log, variables or {}, folder)) for _ in range(jobs)
        ]
        self._free: LifoQueue[Slot] = LifoQueue()
        for slot in reversed(self._slots):
            self._free.put(slot)
        self._watch: Watch | None = None
        self._watching = Lock()
        self._memory = MemoryPool(most_memory_bytes())

    def __enter__(self) -> Self:
        for slot in self._slots:
            slot.zygote.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for slot in self._slots:
            slot.zygote.stop()
        if self._watch is not None:
            self._watch.close()

    def accelerators(self) -> FoundDevices:
        """Have a child find the accelerators of this machine."""
        return self._ask(DevicesQuestion(), Devices).accelerators

    def try_accelerators(self) -> Devices:
        """Have a child use each accelerator of this machine, and tell what it lacks."""
        return self._ask(DevicesQuestion(tries=True), Devices)

    def describe(self, question: ModelQuestion) -> Described:
        """Have a child tell what a class in a file says of itself."""
        with scratch_folder() as scratch:
            place = msgspec.structs.replace(question, scratch=str(scratch))
            return self._ask(place, Described)

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None = None,
        ask_again: AskAgain | None = None,
        memory_limit_bytes: int | None = None,
        expected_bytes: int | None = None,
        stop: Event | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to; see `Executor.run`."""
        n_bytes = memory_limit_bytes or most_memory_bytes()
        needs = None if expected_bytes is None else min(expected_bytes, n_bytes)
        for_memory = self._waits(listen, _FOR_MEMORY.format((needs or n_bytes) / 2**30))
        for_device = self._waits(listen, f"{job.device}, which another trial has")
        began = monotonic()
        with (
            self._slot() as slot,
            self._memory.leased(needs, waits=for_memory, stop=stop) as lease,
        ):
            memory_seconds = monotonic() - began
            with leased(job.device, waits=for_device, stop=stop) as device_seconds:
                finished = self._run(
                    slot,
                    job,
                    Limits(
                        job.time_limit_seconds,
                        n_bytes,
                        job.silence_limit_seconds,
                        None if self._jobs == 1 else lease,
                    ),
                    log,
                    listen,
                    hand_pairs,
                    ask_again,
                    stop,
                )
        if lease.is_short:
            raise AgainError(finished.outcome.reason, alone=True)
        settings = finished.outcome.settings
        settings[MEMORY_LIMIT] = f"{n_bytes / 2**30:.2f} GiB"
        waited = {MEMORY_WAIT: memory_seconds, DEVICE_WAIT: device_seconds}
        for name, seconds in waited.items():
            if seconds >= _LONG_WAIT_SECONDS:
                settings[name] = f"{seconds:.0f} s"
        return finished

    def _run(
        self,
        slot: Slot,
        job: TrialJob,
        limits: Limits,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None,
        ask_again: AskAgain | None,
        stop: Event | None,
    ) -> Finished:
        with self._watching:
            if self._watch is None:
                self._watch = Watch(self._cpu_seconds)
        gauges = Gauges(job.device)
        said, seen = Conversation(keeps_model=job.keep is not None), SeenPhases()

        def take(message: ChildMessage) -> Reply | None:
            said.take(message)
            if isinstance(message, Concluded | Confined):
                return None
            if isinstance(message, Loaded):
                seen.begin("")
                return held_back.show()
            if isinstance(message, Predicted):
                return (ask_again and ask_again(message)) or Enough()
            if isinstance(message, PhaseBegan | Fitted):
                # After the fit, until the prediction begins, the runner is at work.
                phase = message.phase if isinstance(message, PhaseBegan) else ""
                seen.begin(phase)
                gauges.phase(phase)
            with seen.unseen():
                listen(message)
            if hand_pairs is None or not isinstance(message, Fitted):
                return None
            return hand_pairs()

        kept, compiled = Path(job.access.compiled), Path(job.out, COMPILED)
        if job.access.compiled:
            copy_compiled(kept, compiled)
        with HeldBack(job) as held_back:
            since = self._watch.start()
            beside = slot.left_over()
            task = TrialTask(job=held_back.job)
            end = slot.run(
                task,
                ChildMessage,
                take,
                log,
                limits,
                glance=gauges.glance,
                stop=stop,
            )
        if job.access.compiled and job.access.compiles:
            copy_compiled(compiled, kept)
        contended, foreign_cpus = self._watch.seen(since)
        if self._jobs > 1:
            beside.append(f"up to {self._jobs} {RAN_AT_ONCE}")
        outcome = _outcome(said.outcome, end, seen.seconds)
        return Finished(
            outcome=outcome,
            contended=(*beside, *contended),
            foreign_cpus=foreign_cpus,
            gauges=gauges.record(outcome.missing),
            confined=said.confined or NOT_ENFORCED,
        )

    @contextmanager
    def _slot(self) -> Iterator[Slot]:
        slot = self._free.get()
        try:
            yield slot
        finally:
            self._free.put(slot)

    def _ask(self, question: Question, kind: type[_Received]) -> _Received:
        answers: list[_Received] = []
        task = QuestionTask(question=question)
        limits = Limits(_ANSWER_SECONDS, most_memory_bytes(), SILENCE_SECONDS)
        with self._slot() as slot:
            end = slot.run(task, kind, answers.append, self._log, limits)
        if not answers:
            raise BenchboxError(
                f"The child process asked about {msgspec.to_builtins(question)} ended "
                f"without an answer ({end.verdict()[1]}). Its output is in "
                f"{self._log}."
            )
        return answers[0]

    def _cpu_seconds(self) -> float:
        """Return processor seconds of the runner, and of zygotes and their children."""
        # While a trial begins or ends, others may be running.
        of = tree_cpu_seconds if self._jobs == 1 else family_cpu_seconds
        pids = [slot.zygote.pid for slot in self._slots]
        # A zygote that has been waited for is counted among the children.
        return cpu_seconds() + sum(of(pid) for pid in pids if pid)

    def _waits(self, listen: Listen, what: str) -> Callable[[], None]:
        return lambda: listen(Waits(what=what))


def _outcome(
    said: TrialOutcome | None, end: End, seen: Mapping[str, float]
) -> TrialOutcome:
    """Return what the trial said of itself, or what its silence means."""
    if said is None or end.status != 0 or end.cause is not None:
        status, reason = end.verdict()
        outcome = TrialOutcome(status=status, reason=reason)
    else:
        try:
            outcome = checked_outcome(said, end.elapsed_seconds, seen)
        except ModelError as error:
            outcome = TrialOutcome(status="failed", reason=str(error))
    # A trial that measured more after its predictions knows its peak before that.
    outcome.peak_memory_bytes = outcome.peak_memory_bytes or end.peak_memory_bytes
    return outcome

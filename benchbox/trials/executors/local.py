"""Local executor: one trial at a time, each in a fresh process of this machine."""

import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from benchbox.errors import BenchboxError
from benchbox.machine import FoundDevices, Gauges, Watch, cpu_seconds, tree_cpu_seconds
from benchbox.records import (
    Described,
    Devices,
    DevicesQuestion,
    Fitted,
    ModelQuestion,
    Pairs,
    PhaseBegan,
    Question,
    QuestionTask,
    Task,
    TrialJob,
    TrialMessage,
    TrialOutcome,
    TrialTask,
)
from benchbox.trials.child import OUTCOME
from benchbox.trials.executors.api import Finished, Listen
from benchbox.trials.executors.channel import Line
from benchbox.trials.executors.running import End, Limits, RunningChild, explain
from benchbox.trials.executors.starter import Starter

_Received = TypeVar("_Received")


class LocalExecutor:
    """Runs trials in children of a zygote; use it as a context manager.

    Args:
        n_threads: Threads of each trial.
        log: File that takes what the zygote prints, and children that are asked.
        variables: Environment variables that trials see beside this process's own.
        folder: Folder trials work in; by default this process's own.
    """

    def __init__(
        self,
        n_threads: int,
        log: Path,
        *,
        variables: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._log = log
        self._zygote = Starter(n_threads, log, variables or {}, folder)
        self._watch: Watch | None = None

    def __enter__(self) -> Self:
        self._zygote.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zygote.stop()
        if self._watch is not None:
            self._watch.close()

    def accelerators(self) -> FoundDevices:
        """Have a child find the accelerators of this machine."""
        return self._ask(DevicesQuestion(), Devices).accelerators

    def describe(self, question: ModelQuestion) -> Described:
        """Have a child tell what a class in a file says of itself."""
        return self._ask(question, Described)

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None = None,
        memory_limit_bytes: int | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to; see `Executor.run`."""
        limits = Limits(job.time_limit_seconds, memory_limit_bytes)
        if self._watch is None:
            self._watch = Watch(self._cpu_seconds)
        gauges = Gauges(job.device)

        def take(message: TrialMessage) -> Pairs | None:
            if isinstance(message, PhaseBegan):
                gauges.phase(message.phase)
            if isinstance(message, Fitted):
                # What follows, until the prediction begins, is the runner's work.
                gauges.phase("")
            listen(message)
            if hand_pairs is None or not isinstance(message, Fitted):
                return None
            return hand_pairs()

        self._watch.start()
        task = TrialTask(job=job, log=str(log.absolute()))
        end = self._run_child(task, TrialMessage, take, limits, gauges.glance)
        contended, foreign_cpus = self._watch.seen()
        outcome = _outcome(job, end)
        return Finished(
            outcome=outcome,
            contended=contended,
            foreign_cpus=foreign_cpus,
            gauges=gauges.record(outcome.missing),
        )

    def _ask(self, question: Question, kind: type[_Received]) -> _Received:
        answers: list[_Received] = []
        task = QuestionTask(question=question, log=str(self._log.absolute()))
        end = self._run_child(task, kind, answers.append, Limits())
        if not answers:
            raise BenchboxError(
                f"The child process asked about {msgspec.to_builtins(question)} ended "
                f"without an answer ({explain(end.status)}). Its output is in "
                f"{self._log}."
            )
        return answers[0]

    def _cpu_seconds(self) -> float:
        """Return processor seconds of the runner, the zygote and all its children."""
        pid = self._zygote.pid
        # A zygote that has been waited for is counted among the children.
        return cpu_seconds() + (tree_cpu_seconds(pid) if pid else 0.0)

    def _run_child(
        self,
        task: Task,
        receives: Any,
        take: Callable[[Any], Pairs | None],
        limits: Limits,
        glance: Callable[[int], None] = lambda pid: None,
    ) -> End:
        control = self._zygote.line()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            child = RunningChild(Line(ours, receives), control, take, glance)
            try:
                control.send(task, hand_over=theirs.fileno())
                theirs.close()
                return child.follow(limits)
            except (EOFError, BrokenPipeError):
                # The zygote itself is gone; its child must not be left behind.
                child.signal(signal.SIGKILL)
                self._zygote.stop()
                return End(status=-signal.SIGKILL)
            except BaseException:
                # Ctrl-C, or a full disk: nothing may go on training unwatched.
                child.kill()
                raise


def _outcome(job: TrialJob, end: End) -> TrialOutcome:
    """Return what the trial said of itself, or what its silence means."""
    file = Path(job.out) / OUTCOME
    if end.status == 0 and file.exists() and not end.broken_limit:
        outcome = msgspec.json.decode(file.read_bytes(), type=TrialOutcome)
    else:
        status, reason = end.verdict()
        outcome = TrialOutcome(status=status, reason=reason)
    # A trial that measured more after its predictions knows its peak before that.
    outcome.peak_memory_bytes = outcome.peak_memory_bytes or end.peak_memory_bytes
    return outcome

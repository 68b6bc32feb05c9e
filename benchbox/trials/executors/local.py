"""Local executor: one trial at a time, each in a fresh process of this machine."""

import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import psutil

from benchbox.errors import BenchboxError, ModelError
from benchbox.machine import (
    Family,
    FoundDevices,
    Gauges,
    Watch,
    cpu_seconds,
    is_alive,
    leased,
    most_memory_bytes,
    tree_cpu_seconds,
)
from benchbox.records import (
    MOST_TRIAL_BYTES,
    NOT_ENFORCED,
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
    Task,
    TrialJob,
    TrialOutcome,
    TrialTask,
    scratch_folder,
)
from benchbox.trials.confinement.compiled import copy_compiled
from benchbox.trials.confinement.private import COMPILED
from benchbox.trials.executors.api import AskAgain, Finished, Listen
from benchbox.trials.executors.channel import Line, LineError
from benchbox.trials.executors.conversation import Conversation
from benchbox.trials.executors.held_back import HeldBack
from benchbox.trials.executors.printed import Printed
from benchbox.trials.executors.running import (
    End,
    Limits,
    RunningChild,
    ZygoteLostError,
)
from benchbox.trials.executors.seen import SeenPhases
from benchbox.trials.executors.starter import Starter
from benchbox.trials.outcomes import checked_outcome

_Received = TypeVar("_Received")

MEMORY_LIMIT = "memory limit"
"""Name of the setting of a trial that tells how much memory it might use."""

DEVICE_WAIT = "wait for the device"
"""Name of the setting that tells how long another run had its accelerator."""

_LONG_WAIT_SECONDS = 1.0

_ANSWER_SECONDS = 600.0
"""In which a child answers a question; it may import large libraries for that."""


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
        self._survivors: list[psutil.Process] = []

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
    ) -> Finished:
        """Run one trial to whatever end it comes to; see `Executor.run`."""
        n_bytes = memory_limit_bytes or most_memory_bytes()
        limits = Limits(job.time_limit_seconds, n_bytes, job.silence_limit_seconds)
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
        with leased(job.device) as waited_seconds, HeldBack(job) as held_back:
            self._watch.start()
            beside = self._left_over()
            task = TrialTask(job=held_back.job)
            end = self._run_child(task, ChildMessage, take, log, limits, gauges.glance)
        if job.access.compiled and job.access.compiles:
            copy_compiled(compiled, kept)
        contended, foreign_cpus = self._watch.seen()
        outcome = _outcome(said.outcome, end, seen.seconds)
        outcome.settings[MEMORY_LIMIT] = f"{n_bytes / 2**30:.2f} GiB"
        if waited_seconds >= _LONG_WAIT_SECONDS:
            outcome.settings[DEVICE_WAIT] = f"{waited_seconds:.0f} s"
        return Finished(
            outcome=outcome,
            contended=(*beside, *contended),
            foreign_cpus=foreign_cpus,
            gauges=gauges.record(outcome.missing),
            confined=said.confined or NOT_ENFORCED,
        )

    def _ask(self, question: Question, kind: type[_Received]) -> _Received:
        answers: list[_Received] = []
        task = QuestionTask(question=question)
        limits = Limits(_ANSWER_SECONDS, most_memory_bytes(), SILENCE_SECONDS)
        end = self._run_child(task, kind, answers.append, self._log, limits)
        if not answers:
            raise BenchboxError(
                f"The child process asked about {msgspec.to_builtins(question)} ended "
                f"without an answer ({end.verdict()[1]}). Its output is in "
                f"{self._log}."
            )
        return answers[0]

    def _left_over(self) -> list[str]:
        """Say what runs on of earlier trials, which could not be ended."""
        self._survivors = [one for one in self._survivors if is_alive(one)]
        return [
            f"process {one.pid} of an earlier trial ran beside it"
            for one in self._survivors
        ]

    def _cpu_seconds(self) -> float:
        """Return processor seconds of the runner, the zygote and all its children."""
        pid = self._zygote.pid
        # A zygote that has been waited for is counted among the children.
        return cpu_seconds() + (tree_cpu_seconds(pid) if pid else 0.0)

    def _run_child(
        self,
        task: Task,
        receives: Any,
        take: Callable[[Any], Reply | None],
        log: Path,
        limits: Limits,
        glance: Callable[[int], None] = lambda pid: None,
    ) -> End:
        control = self._zygote.line()
        ours, theirs = socket.socketpair()
        line = Line[Any](
            ours,
            receives,
            most_message_bytes=MOST_TRIAL_BYTES,
            most_bytes=MOST_TRIAL_BYTES,
        )
        with ours, theirs, Printed(log) as printed:
            family = Family(self._zygote.pid)
            child = RunningChild(
                line, control, printed, family, take, glance, self._zygote.is_stopped
            )
            try:
                control.send(task, hand_over=(theirs.fileno(), printed.sink))
                theirs.close()
                printed.handed_over()
                end = child.follow(limits)
                self._survivors += end.survivors
                return end
            except (EOFError, BrokenPipeError):
                # The zygote itself is gone; its child must not be left behind.
                child.signal(signal.SIGKILL)
                self._zygote.stop()
                self._survivors += family.end()
                return End(status=-signal.SIGKILL, cause=child.cause)
            except (ZygoteLostError, LineError) as error:
                child.signal(signal.SIGKILL)
                self._zygote.kill()
                self._survivors += family.end()
                return End(
                    status=-signal.SIGKILL, cause=child.cause or ("failed", str(error))
                )
            except BaseException:
                # Ctrl-C, or a full disk: nothing may go on training unwatched.
                try:
                    child.kill()
                except (ZygoteLostError, LineError):
                    self._zygote.kill()
                raise


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

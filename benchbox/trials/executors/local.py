"""Local executor: one trial at a time, each in a fresh process of this machine."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from time import monotonic
from types import TracebackType
from typing import Any, Self

import msgspec
import psutil

from benchbox.errors import BenchboxError
from benchbox.machine import GaugeRecord, Gauges, Watch, cpu_seconds, tree_cpu_seconds
from benchbox.records import Status, TrialJob, TrialOutcome
from benchbox.trials.child import OUTCOME
from benchbox.trials.executors.channel import Line

_GRACE_SECONDS = 2.0
"""Between the polite signal and the one that cannot be refused."""

_POLL_SECONDS = 0.2
"""How often the limits are looked at."""

_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait must not spin: with other work on the machine a spinning team was
seen to take 15 times as long, and alone it gains nothing that could be measured."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

Listener = Callable[[dict[str, Any]], None]
"""Takes each message of a running trial, for progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a trial's process ended.

    Attributes:
        outcome: What the trial said, or what its silence means.
        peak_memory_bytes: Largest resident set of the process, if it started.
        contended: What else used the machine meanwhile.
        foreign_cpus: Processors that other work kept busy; `None` if unknown.
        gauges: What the sensors of the machine said.
    """

    outcome: TrialOutcome
    peak_memory_bytes: int | None = None
    contended: tuple[str, ...] = ()
    foreign_cpus: float | None = None
    gauges: GaugeRecord = field(default_factory=GaugeRecord)


class LocalExecutor:
    """Runs trials in children of a zygote; use it as a context manager.

    Args:
        n_threads: Threads of each trial.
        log: File that takes what the zygote itself prints.
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
        self._n_threads = n_threads
        self._log = log
        self._variables = dict(variables or {})
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._ready = False
        self._watch: Watch | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        if self._watch is not None:
            self._watch.close()

    def ask(self, message: dict[str, Any], log: Path) -> dict[str, Any]:
        """Have a child answer a question about the machine or about a model's file."""
        answers: list[dict[str, Any]] = []
        ended = self._run_child(message, log, answers.append, _Limits())
        if not answers:
            raise BenchboxError(
                f"The child process asked about {message} ended without an answer "
                f"({_explain(ended.status)}). Its output is in {log}."
            )
        return answers[0]

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        hand_pairs: Callable[[], dict[str, str]],
        listen: Listener,
        memory_limit_bytes: int | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to.

        Args:
            job: The trial.
            log: File that takes what the model prints.
            hand_pairs: Writes the pairs to predict once the fit is over, and returns
                the names of the files.
            listen: Takes the trial's messages.
            memory_limit_bytes: Resident memory at which the trial is ended.
        """
        limits = _Limits(job.time_limit_seconds, memory_limit_bytes)
        message = {"kind": "trial", "job": msgspec.to_builtins(job)}
        if self._watch is None:
            self._watch = Watch(self._cpu_seconds)
        gauges = Gauges(job.device)

        def note(message: dict[str, Any]) -> None:
            if message["kind"] in ("phase", "fitted"):
                gauges.phase(message.get("phase", ""))
            listen(message)

        self._watch.start()
        ended = self._run_child(message, log, note, limits, hand_pairs, gauges)
        file = Path(job.out) / OUTCOME
        if ended.status == 0 and file.exists() and not ended.broken_limit:
            outcome = msgspec.json.decode(file.read_bytes(), type=TrialOutcome)
        else:
            status, reason = ended.verdict()
            outcome = TrialOutcome(status=status, reason=reason)
        contended, foreign_cpus = self._watch.seen()
        return Finished(
            outcome=outcome,
            peak_memory_bytes=outcome.peak_memory_bytes or ended.peak_memory_bytes,
            contended=contended,
            foreign_cpus=foreign_cpus,
            gauges=gauges.record(outcome.missing),
        )

    def _cpu_seconds(self) -> float:
        """Return processor seconds of the runner, the zygote and all its children."""
        zygote = self._process
        # A zygote that has been waited for is counted among the children.
        return cpu_seconds() + (tree_cpu_seconds(zygote.pid) if zygote else 0.0)

    def _run_child(
        self,
        message: dict[str, Any],
        log: Path,
        listen: Listener,
        limits: "_Limits",
        hand_pairs: Callable[[], dict[str, str]] | None = None,
        gauges: Gauges | None = None,
    ) -> "_Ended":
        control = self._control()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            child = _Child(Line(ours), control, listen, hand_pairs, gauges)
            try:
                said = {**message, "log": str(log.absolute())}
                control.send(said, hand_over=theirs.fileno())
                theirs.close()
                ended = child.follow(limits)
            except (EOFError, BrokenPipeError):
                # The zygote itself is gone; its child must not be left behind.
                child.signal(signal.SIGKILL)
                self._stop()
                return _Ended(status=-signal.SIGKILL)
            except BaseException:
                # Ctrl-C, or a full disk: nothing may go on training unwatched.
                child.kill()
                raise
        return ended

    def _control(self) -> Line:
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._line is None:
            self._start()
        assert self._line is not None
        if not self._ready:
            self._await_ready(self._line)
        return self._line

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        threads = str(self._n_threads)
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # -P: a file in the working folder must not shadow a package.
                [
                    sys.executable,
                    "-P",
                    "-m",
                    __package__ + ".zygote",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=_WAITING
                | os.environ
                | self._variables
                | dict.fromkeys(_THREADS, threads),
                # Ctrl-C is for the runner alone, which then ends its children.
                start_new_session=True,
            )
        self._line = Line(ours)
        # A process that has died already is found out when its answer is waited for.
        with suppress(BrokenPipeError):
            self._line.send({"path": sys.path})
        self._ready = False

    def _await_ready(self, line: Line) -> None:
        try:
            line.receive()
        except EOFError:
            self._stop()
            tail = self._log.read_text(errors="replace").strip().splitlines()
            raise BenchboxError(
                f"The process that runs trials could not start: "
                f"{tail[-1] if tail else 'it said nothing'}. Is torch installed whole?"
            ) from None
        self._ready = True

    def _stop(self) -> None:
        if self._line is not None:
            self._line.socket.close()
        if self._process is not None:
            if not self._ready:
                # Still importing: it would notice the closed line only afterwards.
                self._process.kill()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._line = self._process = None


class _Limits:
    """When a child has had enough."""

    def __init__(
        self, seconds: float | None = None, n_bytes: int | None = None
    ) -> None:
        self._seconds, self._bytes = seconds, n_bytes
        self._started = monotonic()

    def broken(self, pid: int) -> tuple[Status, str] | None:
        """Return the status and reason of the limit that *pid* has passed, if any."""
        if self._seconds is not None and monotonic() - self._started > self._seconds:
            return "timeout", f"did not end within {self._seconds:g} s"
        if self._bytes is not None:
            with suppress(psutil.NoSuchProcess):
                used = psutil.Process(pid).memory_info().rss
                if used > self._bytes:
                    return "out-of-memory", (
                        f"used {used / 2**30:.2f} GiB of the "
                        f"{self._bytes / 2**30:.2f} GiB it may"
                    )
        return None


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a child: exit status, and the limit it was ended for."""

    status: int
    peak_memory_bytes: int | None = None
    broken_limit: tuple[Status, str] | None = None

    def verdict(self) -> tuple[Status, str]:
        return self.broken_limit or ("crashed", _explain(self.status))


class _Child:
    """A running child, as the runner sees it."""

    def __init__(
        self,
        line: Line,
        control: Line,
        listen: Listener,
        hand_pairs: Callable[[], dict[str, str]] | None,
        gauges: Gauges | None,
    ) -> None:
        self._line, self._control = line, control
        self._listen, self._hand_pairs = listen, hand_pairs
        self._gauges = gauges
        self._pid: int | None = None
        self._open = True

    def follow(self, limits: _Limits) -> _Ended:
        """Pass messages on until the child ends or breaks a limit."""
        broken: tuple[Status, str] | None = None
        deadline = 0.0
        while True:
            ended = self._step()
            if ended is not None:
                self._drain()
                return _Ended(ended["status"], ended["peak_memory_bytes"], broken)
            if self._pid is None:
                continue
            if self._gauges is not None:
                self._gauges.glance(self._pid)
            if broken is None:
                broken = limits.broken(self._pid)
                if broken is not None:
                    self.signal(signal.SIGTERM)
                    deadline = monotonic() + _GRACE_SECONDS
            elif monotonic() > deadline:
                self.signal(signal.SIGKILL)

    def kill(self) -> None:
        """End the child at once, and wait until it is gone."""
        with suppress(EOFError):
            while self._pid is None:
                self._step()
            self.signal(signal.SIGKILL)
            while self._step() is None:
                pass

    def _step(self) -> dict[str, Any] | None:
        """Handle what has arrived; return the end of the child once it is told."""
        sockets = [self._control.socket, *([self._line.socket] if self._open else [])]
        ready, _, _ = select(sockets, [], [], _POLL_SECONDS)
        if self._line.socket in ready:
            self._drain()
        if self._control.socket in ready:
            for message in self._control.waiting():
                if message["kind"] == "started":
                    self._pid = message["pid"]
                elif message["pid"] == self._pid:
                    return message
        return None

    def _drain(self) -> None:
        if not self._open:
            return
        try:
            while select([self._line.socket], [], [], 0)[0]:
                for message in self._line.waiting():
                    self._take(message)
        except EOFError:
            self._open = False

    def _take(self, message: dict[str, Any]) -> None:
        self._listen(message)
        if message.get("kind") == "fitted" and self._hand_pairs is not None:
            # A child that has died meanwhile is noticed by its end.
            with suppress(BrokenPipeError):
                self._line.send(self._hand_pairs())

    def signal(self, number: int) -> None:
        """Send a signal to the child and all it has started."""
        if self._pid is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)


def _explain(status: int) -> str:
    if status >= 0:
        return (
            f"the process ended with exit code {status} before its result was written"
        )
    name = signal.Signals(-status).name
    hint = {
        "SIGSEGV": "segmentation fault",
        "SIGKILL": "killed, perhaps by the system for want of memory",
        "SIGABRT": "aborted",
    }.get(name, "killed")
    return f"{hint} (signal {-status}, {name})"

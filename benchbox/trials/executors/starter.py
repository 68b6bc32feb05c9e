"""Starter: the runner's side of the zygote, which is started anew when it has died."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from select import select
from threading import current_thread, main_thread
from time import monotonic

import psutil

from benchbox.errors import BenchboxError
from benchbox.machine import Family, accelerator_targets
from benchbox.records import Ready, SearchPath, ZygoteMessage
from benchbox.trials.executors.channel import Line

_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait must not spin: with other work on the machine a spinning team was
seen to take 15 times as long, and alone it gains nothing that could be measured."""

_PROGRAM = f"{__package__}.zygote"

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


_IMPORT_SECONDS = 600.0
"""In which the zygote must have imported torch; a slow network disk takes minutes."""

_POLL_SECONDS = 0.2
"""How often it is looked whether the zygote has been stopped meanwhile."""


_STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class Starter:
    """Starts the zygote, and keeps the line to it.

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
        variables: Mapping[str, str],
        folder: Path | None,
    ) -> None:
        self._log, self._folder = log, folder
        self._variables = {**variables, **dict.fromkeys(_THREADS, str(n_threads))}
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line[ZygoteMessage] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the zygote, once it is ready."""
        return self._pid

    def line(self) -> Line[ZygoteMessage]:
        """Return the line to a zygote that is ready, started again if need be.

        Raises:
            BenchboxError: It cannot start.
        """
        if self._has_ended():
            self.stop()
        if self.is_stopped():
            self.kill()
        if self._line is None:
            self.start()
        assert self._line is not None
        if self._pid is None:
            self._await_ready(self._line)
        return self._line

    def _has_ended(self) -> bool:
        if self._process is None:
            return False
        # Its guard, which is the process started here, ends a moment later.
        return self._process.poll() is not None or self._status() in _ENDED

    def start(self) -> None:
        """Start the zygote; it imports its libraries meanwhile."""
        ours, theirs = socket.socketpair()
        # A cleaner may have removed the folder since.
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                # -P: a file in the working folder must not shadow a package.
                [
                    sys.executable,
                    "-P",
                    "-m",
                    _PROGRAM,
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=_WAITING | os.environ | self._variables,
                # Ctrl-C is for the runner alone, which then ends its children.
                start_new_session=True,
            )
        self._line = Line(ours, ZygoteMessage)
        # A process that has died already is found out when its answer is waited for.
        with suppress(BrokenPipeError):
            known = dict(accelerator_targets())
            lasts = current_thread() is main_thread()
            self._line.send(
                SearchPath(
                    path=sys.path,
                    accelerators=known,
                    dies_with=os.getpid() if lasts else 0,
                )
            )
        self._pid = None

    def is_stopped(self) -> bool:
        """Return whether the zygote has been stopped, so that it answers nobody."""
        return self._status() in _STOPPED

    def _status(self) -> str:
        """Return the status of the zygote, as psutil names it; empty if unknown."""
        if self._process is None:
            return ""
        try:
            if self._pid is not None:
                return str(psutil.Process(self._pid).status())
            # While it is not ready, it may be a child of its guard.
            guard = psutil.Process(self._process.pid)
            return str((guard.children() or [guard])[0].status())
        except psutil.NoSuchProcess:
            return psutil.STATUS_DEAD
        except psutil.Error:
            return ""

    def kill(self) -> None:
        """End the zygote and all it has started, whatever state they are in."""
        if self._process is not None:
            Family(self._process.pid).end()
            self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End the zygote and its children, and wait until it is gone."""
        if self._line is not None:
            self._line.socket.close()
        if self._process is not None:
            if self._pid is None:
                # Still importing: it would notice the closed line only afterwards.
                self._process.kill()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._line = self._process = self._pid = None

    def _await_ready(self, line: Line[ZygoteMessage]) -> None:
        deadline = monotonic() + _IMPORT_SECONDS
        try:
            while not select([line.socket], [], [], _POLL_SECONDS)[0]:
                if self.is_stopped() or monotonic() > deadline:
                    self.kill()
                    raise BenchboxError(
                        f"The process that runs trials was stopped, or did not start "
                        f"within {_IMPORT_SECONDS:g} s. Try again."
                    )
            ready = line.receive()
        except EOFError:
            self.stop()
            tail = self._log.read_text(errors="replace").strip().splitlines()
            raise BenchboxError(
                f"The process that runs trials could not start: "
                f"{tail[-1] if tail else 'it said nothing'}. Is torch installed whole?"
            ) from None
        assert isinstance(ready, Ready)
        self._pid = ready.pid

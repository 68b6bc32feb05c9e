"""Models that take more than they may, each by a way of its own."""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchbox import FitContext, Ratings
from tests.support.planted_models import Honest

SIZE = 1 << 30
"""More than the limit of the tests."""


class Keeps(Honest):
    """Takes memory by some way, and keeps it."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.take()
        time.sleep(60)

    def take(self) -> None:
        """Take `SIZE` bytes."""


class InItself(Keeps):
    def take(self) -> None:
        self.hoard = np.ones(SIZE, dtype=np.uint8)


class InAChild(Keeps):
    def take(self) -> None:
        if os.fork() == 0:
            self.hoard = np.ones(SIZE, dtype=np.uint8)
            time.sleep(60)


class InManyChildren(Keeps):
    def take(self) -> None:
        for _ in range(4):
            if os.fork() == 0:
                self.hoard = np.ones(SIZE // 4, dtype=np.uint8)
                time.sleep(60)


class InADaemon(Keeps):
    def take(self) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            self.hoard = np.ones(SIZE, dtype=np.uint8)
            time.sleep(60)


class InSharedMemory(Keeps):
    """Maps nothing: only its file takes memory."""

    def take(self) -> None:
        self.kept = os.memfd_create("kept")
        os.ftruncate(self.kept, SIZE)
        block = bytes(1 << 20)
        for _ in range(SIZE >> 20):
            os.write(self.kept, block)


class InAFileOfSharedMemory(Keeps):
    def take(self) -> None:
        file = Path(f"/dev/shm/benchbox-test-{os.getppid()}")
        with file.open("wb") as opened:
            for _ in range(SIZE >> 20):
                opened.write(bytes(1 << 20))
            file.unlink()
            time.sleep(60)


class InASharedMap(Keeps):
    def take(self) -> None:
        self.kept = mmap.mmap(-1, SIZE)
        self.kept.write(bytes(SIZE))


class SharesWithMany(Honest):
    """Takes a third of the limit, which four processes map: that is no fault."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        hoard = np.ones(SIZE // 6, dtype=np.uint8)
        pids = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                hoard.sum()
                time.sleep(1.5)
                os._exit(0)
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)
        super().fit(train, context)


class StartsADaemon(Honest):
    """Starts a process in a session of its own, and fails."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        script = "import time; time.sleep(600)"
        started = subprocess.Popen(
            [sys.executable, "-c", script], start_new_session=True
        )
        print(started.pid, flush=True)  # noqa: T201 - a test reads it in the log
        raise ValueError("enough")


class ForkBomb(Honest):
    """Starts processes that start processes: 32 times as many in each second."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        # Should nobody end it, it ends itself before it does harm.
        for _ in range(10):
            self.hide(os.fork())
            time.sleep(0.2)
        time.sleep(5)
        os._exit(1)

    def hide(self, pid: int) -> None:
        """Stay where all can be ended together."""


class ForkBombInSessions(ForkBomb):
    """Starts each of them in a session of its own."""

    def hide(self, pid: int) -> None:
        if pid == 0:
            os.setsid()


class CutsItsTies(Honest):
    """Adopts no orphans any more, and forks twice."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(write, f"{os.getpid()}\n".encode())
                time.sleep(600)
            os._exit(0)
        os.wait()
        print(os.read(read, 100).decode(), flush=True)  # noqa: T201
        raise ValueError("enough")


class LeavesItsGroup(Honest):
    """Is in no group that anybody knows, takes no polite signal, and hangs."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            time.sleep(600)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


class StopsItsParentAtTheEnd(Honest):
    """Leaves a stopped zygote behind, for the next trial."""

    def fit(self, train: Ratings, context: FitContext) -> None:
        super().fit(train, context)
        zygote = os.getppid()
        if os.fork() == 0:
            os.setsid()
            os.kill(zygote, signal.SIGSTOP)
            os._exit(0)
        os.wait()

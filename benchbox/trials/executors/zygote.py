"""Zygote: a process that has imported torch, and forks a fresh child for each trial.

Importing torch takes seconds, forking takes hundredths of one. The zygote itself never
touches an accelerator nor computes, since neither survives a fork. It is a program of
its own, started by ``python -m`` with its socket, so that it inherits nothing else from
the runner, and no ratings.
"""

import gc
import os
import signal
import socket
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, NoReturn

import msgspec

from benchbox.machine import peak_memory_bytes
from benchbox.records import TrialJob
from benchbox.trials.child import OUTCOME, run_trial
from benchbox.trials.executors.channel import Line


def main() -> int:
    """Serve the socket whose number is the only argument, until it closes."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    sys.path[:] = line.receive()["path"]
    _preload()
    line.send({"kind": "ready"})
    # Everything loaded so far is shared with the children; the collector must not
    # touch, and so copy, the pages it lies on.
    gc.freeze()
    wake, waker = socket.socketpair()
    for end in (wake, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    try:
        while True:
            ready, _, _ = select([line.socket, wake], [], [])
            if wake in ready:
                wake.recv(4096)
                _reap(line, children)
            if line.socket in ready:
                message, channel = line.receive_with_file()
                children.add(_fork(line, message, channel))
    except (EOFError, BrokenPipeError):
        return 0
    finally:
        # The runner is gone: whatever still trains, trains for nobody.
        for pid in children:
            _kill_group(pid)


def _preload() -> None:
    import numba  # noqa: F401
    import scipy.sparse.linalg  # noqa: F401

    # The first optimiser of a process imports the compiler, for a second.
    import torch._dynamo
    import torch.optim  # noqa: F401

    # Python warns that forking with threads is risky; the only threads here are
    # those of the BLAS library, which shuts them down around a fork by itself.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded")


def _fork(line: Line, message: dict[str, Any], channel: int | None) -> int:
    pid = os.fork()
    if pid:
        if channel is not None:
            os.close(channel)
        line.send({"kind": "started", "pid": pid})
        return pid
    _child(line, message, channel)


def _child(line: Line, message: dict[str, Any], channel: int | None) -> NoReturn:
    """Run one job and leave without the zygote's clean-up."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        line.socket.close()
        _redirect(message["log"])
        gc.unfreeze()
        if channel is not None:
            _run_job(message, Line(socket.socket(fileno=channel)))
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_job(message: dict[str, Any], line: Line) -> None:
    if message["kind"] == "trial":
        job = msgspec.convert(message["job"], TrialJob)
        outcome = run_trial(job, line)
        # Whole or not at all: a half-written outcome would be read as a result.
        part = Path(job.out) / f"{OUTCOME}.part"
        part.write_bytes(msgspec.json.encode(outcome))
        part.replace(Path(job.out) / OUTCOME)
    else:
        from benchbox.trials.executors import inspection

        line.send(inspection.answer(message))


def _redirect(log: str) -> None:
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _reap(line: Line, children: set[int]) -> None:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        # What a child left running must not disturb the next trial.
        _kill_group(pid)
        line.send(
            {
                "kind": "ended",
                "pid": pid,
                "status": os.waitstatus_to_exitcode(status),
                "peak_memory_bytes": peak_memory_bytes(usage),
            }
        )


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

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
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from select import select
from typing import NoReturn

from benchbox.machine import (
    accelerator_in_use,
    adopt_orphans,
    die_with,
    end_orphans,
    go_first,
    peak_memory_bytes,
    set_accelerators,
    tolerate_damaged_metadata,
)
from benchbox.records import (
    Concluded,
    Confined,
    Ended,
    ModelQuestion,
    Ready,
    Reply,
    SearchPath,
    Started,
    Task,
    TrialOutcome,
    TrialTask,
)
from benchbox.trials.child import run_trial
from benchbox.trials.confinement.confine import confine_question, confine_trial, prepare
from benchbox.trials.executors.channel import Line
from benchbox.trials.executors.guard import go_on_guarded

_Control = Line[Task]
"""The line to the runner, over which tasks arrive."""


def main() -> int:
    """Serve the socket whose number is the only argument, until it closes."""
    end = socket.socket(fileno=int(sys.argv[1]))
    where = Line[SearchPath](end, SearchPath).receive()
    go_on_guarded(where.dies_with)
    # Whatever a trial leaves falls to this process, and is ended with the trial.
    adopt_orphans()
    sys.path[:] = where.path
    set_accelerators(where.accelerators)
    line: _Control = Line(end, Task)
    _preload()
    prepare()
    if kind := accelerator_in_use():
        sys.exit(f"importing torch has started {kind}, which no fork survives")
    line.send(Ready(pid=os.getpid()))
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
                task, handed = line.receive_with_files(2)
                children.add(_fork(line, task, handed))
    except (EOFError, BrokenPipeError):
        return 0
    finally:
        # The runner is gone: whatever still trains, trains for nobody.
        for pid in children:
            _kill_group(pid)


def _preload() -> None:
    tolerate_damaged_metadata()
    import numba
    import scipy.sparse.linalg  # noqa: F401

    # The first optimiser of a process imports the compiler, for a second.
    import torch._dynamo
    import torch.optim  # noqa: F401

    # The modules of models import what plugins may use.
    import benchbox.models.training
    import benchbox.plugins  # noqa: F401

    # The first kernel of a process, compiled or not, has Numba import half of itself.
    numba.njit("()")(_nothing)

    # Python warns that forking with threads is risky; the only threads here are
    # those of the BLAS library, which shuts them down around a fork by itself.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded")


def _nothing() -> None: ...


def _fork(line: _Control, task: Task, handed: list[int]) -> int:
    zygote = os.getpid()
    pid = os.fork()
    if pid:
        for descriptor in handed:
            os.close(descriptor)
        line.send(Started(pid=pid))
        return pid
    channel, sink = handed
    _child(line, task, channel, sink, zygote)


def _child(
    line: _Control, task: Task, channel: int, sink: int, zygote: int
) -> NoReturn:
    """Run one job and leave without the zygote's clean-up.

    Args:
        line: The zygote's own line to the runner.
        task: The job.
        channel: Descriptor of the child's line to the runner.
        sink: Descriptor that takes what the child prints.
        zygote: Process id of the zygote.
    """
    leave = os._exit  # A model may put something else in its place.
    code = 1
    try:
        os.setsid()
        die_with(zygote)
        go_first()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        line.socket.close()
        _redirect(sink)
        _close_all_but(channel)
        gc.unfreeze()
        _do(task, Line(socket.socket(fileno=channel), Reply))
        code = 0
    except BaseException:  # noqa: BLE001
        # A bug in benchbox, or a model that reached into it: the log shows which.
        _safely(traceback.print_exc)
    finally:
        # Looked up inside `_safely`: the model may have put anything in their place.
        _safely(lambda: sys.stdout.flush())  # noqa: PLW0108
        _safely(lambda: sys.stderr.flush())  # noqa: PLW0108
        leave(code)


def _do(task: Task, line: Line[Reply]) -> None:
    if isinstance(task, TrialTask):
        try:
            line.send(Confined(by=confine_trial(task.job)))
        except OSError as error:
            reason = f"it could not be confined: {error}"
            line.send(Concluded(outcome=TrialOutcome(status="failed", reason=reason)))
            return
        line.send(Concluded(outcome=run_trial(task.job, line)))
        return
    from benchbox.trials.executors import inspection

    # A question about devices runs no code of a model.
    if isinstance(task.question, ModelQuestion):
        confine_question(task.question)
    line.send(inspection.answer(task.question))


def _redirect(sink: int) -> None:
    os.dup2(sink, 1)
    os.dup2(sink, 2)


def _close_all_but(channel: int) -> None:
    """Close what the zygote had open: a model may write to whatever it finds."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2 and int(name) != channel:
            with suppress(OSError):
                os.close(int(name))


def _safely(act: Callable[[], object]) -> None:
    with suppress(BaseException):
        act()


def _reap(line: _Control, children: set[int]) -> None:
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid not in children:
            continue
        children.discard(pid)
        # What a child left running must not disturb the next trial.
        _kill_group(pid)
        if not children:
            end_orphans()
        line.send(
            Ended(
                pid=pid,
                status=os.waitstatus_to_exitcode(status),
                peak_memory_bytes=peak_memory_bytes(usage),
            )
        )


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

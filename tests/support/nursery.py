"""Nursery: a process that has imported torch, and forks the zygotes of these tests.

A zygote takes seconds for its imports, and these tests start some seventy. One that a
nursery forks is, for the process of the tests, what it would have started itself: its
child, with the same program, variables, folder and files.
"""

import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from coverage import Coverage

_MOST_BYTES = 1 << 20
_READ_AT_IMPORT = ("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "TORCH", "PYTHON", "LD_")
"""How variables begin that libraries read while they are imported."""

_SET_AT_IMPORT = {"TORCHINDUCTOR_CACHE_DIR"}
"""Variables that a library sets for itself, once it is imported."""


def fork_zygotes() -> None:
    """Have nurseries of this process fork the zygotes that it starts from now on."""
    if sys.platform == "linux":
        from benchbox.trials.executors import starter

        starter.subprocess = _Starting()  # type: ignore[assignment]


def fork_no_zygotes(patch: pytest.MonkeyPatch) -> None:
    """Have zygotes started as a user's are, whose imports a test is about."""
    patch.setattr("benchbox.trials.executors.starter.subprocess", subprocess)


class _Starting:
    """What a starter of zygotes uses of the module `subprocess`."""

    DEVNULL = subprocess.DEVNULL
    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self) -> None:
        self._owner, self._python = os.getpid(), sys.executable
        self._nurseries: dict[tuple[tuple[str, str], ...], _Nursery] = {}
        atexit.register(self._close)

    def Popen(
        self,
        args: Sequence[str],
        *,
        stdout: IO[bytes],
        env: Mapping[str, str],
        cwd: Path | None,
        **settings: Any,
    ) -> "subprocess.Popen[bytes] | _Forked":
        # Orphans of a nursery fall to none but its own ancestors.
        if os.getpid() != self._owner or args[0] != self._python:
            return subprocess.Popen(args, stdout=stdout, env=env, cwd=cwd, **settings)
        known = tuple(
            (name, env[name])
            for name in sorted(env)
            if name.startswith(_READ_AT_IMPORT) and name not in _SET_AT_IMPORT
        )
        if known not in self._nurseries:
            self._nurseries[known] = _Nursery(dict(env))
        pid = self._nurseries[known].fork(
            program=args[3],
            variables=dict(env),
            folder=str(cwd or Path.cwd()),
            line=settings["pass_fds"][0],
            log=stdout.fileno(),
        )
        return _Forked(pid)

    def _close(self) -> None:
        if os.getpid() == self._owner:
            for nursery in self._nurseries.values():
                nursery.close()


class _Nursery:
    """The line to one nursery."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=variables | {"PYTHONPATH": str(Path(__file__).parents[2])},
                cwd="/",
            )

    def fork(self, *, line: int, log: int, **start: Any) -> int:
        """Return the process id of a new zygote, which is a child of this process."""
        from benchbox.machine import ties

        message = json.dumps({**start, "runner": os.getpid()}).encode()
        ties.adopt_orphans()
        try:
            socket.send_fds(self._line, [message], [line, log])
            answer = self._line.recv(_MOST_BYTES)
        finally:
            ties._prctl(ties._PR_SET_CHILD_SUBREAPER, 0)
        return int(answer)

    def close(self) -> None:
        # Processes that tests have forked may hold it, too.
        self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()
        self._process.wait()


class _Forked:
    """The part of `subprocess.Popen` that a starter of zygotes uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._returncode: int | None = None

    def poll(self) -> int | None:
        if self._returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._returncode = os.waitstatus_to_exitcode(status)
        return self._returncode

    def wait(self, timeout: float = float("inf")) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("zygote", timeout)
            time.sleep(0.005)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, 9)


def main() -> None:
    """Serve the socket whose number is the only argument, until it closes."""
    line = socket.socket(fileno=int(sys.argv[1]))
    # Loaded already if it measures this process, and not installed everywhere.
    loaded = sys.modules.get("coverage")
    measured = loaded and loaded.Coverage.current()
    if measured:
        measured.stop()
    _preload()
    gc.freeze()
    while True:
        message, handed, _, _ = socket.recv_fds(line, _MOST_BYTES, 2)
        if not message:
            os._exit(0)
        between = os.fork()
        if not between:
            if os.fork():
                os._exit(0)
            _become_zygote(line, measured, handed, **json.loads(message))
        os.waitpid(between, 0)
        for descriptor in handed:
            os.close(descriptor)


def _preload() -> None:
    from benchbox.trials.executors import zygote

    zygote._preload()
    # Each zygote runs it as its program.
    del sys.modules[zygote.__name__]


def _become_zygote(
    nursery: socket.socket,
    measured: "Coverage | None",
    handed: Sequence[int],
    *,
    runner: int,
    program: str,
    variables: Mapping[str, str],
    folder: str,
) -> NoReturn:
    code = 1
    try:
        while os.getppid() != runner:
            time.sleep(0.001)
        os.setsid()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        line, log = handed
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        nursery.send(str(os.getpid()).encode())
        nursery.close()
        sys.argv = [program, str(line)]
        if measured:
            measured.start()
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        # As the interpreter does: a text is printed, and the code is 1 then.
        if isinstance(left.code, str):
            sys.stderr.write(f"{left.code}\n")
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()

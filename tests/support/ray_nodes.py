"""A Ray cluster of machines that are processes of this one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_MEMORY_BYTES = 4 << 30
_STORE_BYTES = 100 << 20
_PATIENCE_SECONDS = 120.0


class RayNodes:
    """Nodes with a processor each, which end with the block.

    Attributes:
        address: Where the cluster is.
        folder: Their files.
        scratch: Their folder for temporary files.
        nodes: The processes of the nodes that were started; the first is the head.

    Args:
        n: How many.
    """

    def __init__(self, n: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        # Paths of sockets are short.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.scratch = self.folder / "t"
        self.scratch.mkdir()
        self.nodes: list[psutil.Popen] = []
        self._n = n

    def __enter__(self) -> Self:
        try:
            for _ in range(self._n):
                self.add()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in range(len(self.nodes)):
            self.kill(number)
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self) -> None:
        """Start a node, and wait until it is one of the cluster."""
        wanted = self._n_alive() + 1 if self.nodes else 1
        head = ["--head", "--port", self.address.rpartition(":")[2]]
        where = ["--address", self.address] if self.nodes else head
        first = [] if self.nodes else ["--include-dashboard=false"]
        words = f"--num-cpus 1 --memory {_MEMORY_BYTES} --disable-usage-stats --block"
        store = ["--object-store-memory", str(_STORE_BYTES)]
        temporary = [] if self.nodes else ["--temp-dir", str(self.folder)]
        program = Path(sys.executable).with_name("ray")
        with (self.folder / f"node-{len(self.nodes)}.log").open("wb") as log:
            self.nodes.append(
                psutil.Popen(
                    [
                        *(program, "start", *where, *first),
                        *(*words.split(), *store, *temporary),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={
                        **os.environ,
                        "RAY_USAGE_STATS_ENABLED": "0",
                        "RAY_worker_niceness": "0",
                        "TMPDIR": str(self.scratch),
                    },
                )
            )
        await_(lambda: self._n_alive() >= wanted, "a node of Ray")

    def kill(self, number: int) -> None:
        """Kill a node, with all it has started, as if its machine had lost power."""
        try:
            below = self.nodes[number].children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        for process in [self.nodes[number], *below]:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.nodes[number].wait()
        psutil.wait_procs(below, timeout=30)

    def workers(self, number: int | None = None) -> list[psutil.Process]:
        """Return the processes of benchbox's workers on one node, or on all."""
        nodes = self.nodes if number is None else [self.nodes[number]]
        found = []
        for node in nodes:
            if node.is_running() and node.status() != psutil.STATUS_ZOMBIE:
                found += [
                    one
                    for one in node.children(recursive=True)
                    if _words(one)[:1] and _words(one)[0].startswith("ray::Worker")
                ]
        return found

    def _n_alive(self) -> int:
        probe = (
            "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False, "
            "configure_logging=False); "
            "print(sum(n['Alive'] for n in ray.nodes()))"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", probe, self.address],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )
        return int(done.stdout.split()[-1]) if done.returncode == 0 else 0


def await_(is_so: Callable[[], bool], what: str) -> None:
    """Wait until *is_so*, for two minutes at most."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.2)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []

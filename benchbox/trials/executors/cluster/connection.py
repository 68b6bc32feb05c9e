"""Connection: the few calls of Ray that benchbox makes."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from threading import Event
from time import monotonic
from typing import Any

from benchbox.errors import BenchboxError, UsageError, one_line
from benchbox.trials.executors.cluster.places import Node

AUTO_ADDRESS = "auto"
"""Address of the cluster that this machine is part of."""

_REACH_SECONDS = 5.0
_POLL_SECONDS = 0.2

_SILENT_SECONDS = 300.0
"""After which a worker that does not answer is given up. It answers every two seconds,
but at first it may have to fetch many ratings over a slow network."""

_LEAVE_SECONDS = 10.0
"""In which a worker must have ended what it started."""


class LostError(Exception):
    """A worker, or its machine, is gone; the message says how."""


class Cluster:
    """A Ray cluster.

    Args:
        ray: The module.
        address: Where it was reached.
    """

    def __init__(self, ray: Any, address: str) -> None:
        self._ray, self.address = ray, address

    def nodes(self) -> list[Node]:
        """Return the machines that are alive and lend processors, by address.

        Raises:
            BenchboxError: The cluster is gone.
        """
        with self._whole():
            told = self._ray.nodes()
        found = [
            Node(
                id=one["NodeID"],
                name=one["NodeManagerAddress"],
                n_cpus=int(one["Resources"].get("CPU", 0)),
                n_accelerators=int(one["Resources"].get("GPU", 0)),
                memory_bytes=int(one["Resources"].get("memory", 0)),
            )
            for one in told
            if one["Alive"]
        ]
        return sorted(
            (node for node in found if node.n_cpus), key=lambda n: (n.name, n.id)
        )

    def on_each(self, nodes: Sequence[Node], function: Callable[[], Any]) -> list[Any]:
        """Return what *function* returns on each of *nodes*; it uses no processor.

        Raises:
            LostError: A machine does not answer.
        """
        task = self._ray.remote(function)
        refs = [
            task.options(
                num_cpus=0, max_retries=0, scheduling_strategy=self._on(node)
            ).remote()
            for node in nodes
        ]
        return [self._got(ref) for ref in refs]

    def hire(
        self, kind: type[Any], node: Node, needs: Mapping[str, float], *args: Any
    ) -> Any:
        """Return a new actor of class *kind* on *node*; it may have to wait.

        Args:
            kind: Its class.
            node: Its machine.
            needs: What it takes of the machine: ``num_cpus``, ``num_gpus``, ``memory``.
            args: Arguments of the class.
        """
        options = self._ray.remote(kind).options(
            **needs,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=self._on(node),
        )
        return options.remote(*args)

    def put(self, value: Any) -> Any:
        """Store *value*; each machine fetches it once. Return what stands for it.

        Raises:
            BenchboxError: The store is full, or the cluster is gone.
        """
        with self._whole():
            return self._ray.put(value)

    def call(
        self,
        actor: Any,
        method: str,
        *args: Any,
        stop: Event | None = None,
        waits: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Return what a method of an actor returns.

        Args:
            actor: The actor.
            method: Name of the method.
            args: Its arguments; those that `put` returned stand for their values.
            stop: Set by another thread that interrupts the wait.
            waits: Called while there is no answer; returns whether it may take any
                time.

        Raises:
            LostError: The actor is gone, or does not answer.
            KeyboardInterrupt: The wait was interrupted.
        """
        ref = getattr(actor, method).remote(*args)
        silent_at = monotonic() + _SILENT_SECONDS
        while not self._ray.wait([ref], timeout=_POLL_SECONDS)[0]:
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            if waits():
                silent_at = monotonic() + _SILENT_SECONDS
            if monotonic() > silent_at:
                raise LostError(f"did not answer for {_SILENT_SECONDS:g} s")
        return self._got(ref)

    def dismiss(self, actor: Any, *, politely: bool) -> None:
        """End an actor.

        Args:
            actor: The actor; it may be gone.
            politely: Whether it has time to end what it started.
        """
        with suppress(Exception):
            if politely:
                self._ray.get(actor.leave.remote(), timeout=_LEAVE_SECONDS)
        with suppress(Exception):
            self._ray.kill(actor, no_restart=True)

    def _got(self, ref: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except errors.RayTaskError:
            # The method itself has failed.
            raise
        except errors.RayError as error:
            raise LostError(_first_line(error)) from error

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except (self._ray.exceptions.RayError, RuntimeError) as error:
            raise BenchboxError(
                f"The Ray cluster at {self.address!r} is of no use any more: "
                f"{_first_line(error)}. Once it is, continue with --resume."
            ) from error

    def _on(self, node: Node) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node.id, soft=False)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Be connected to the cluster at *address* in the block.

    Within a program that is connected already, the same connection serves.

    Args:
        address: ``host:port``, or ``auto`` for the cluster of this machine.

    Raises:
        UsageError: Ray is not installed.
        BenchboxError: There is no cluster.
    """
    if find_spec("ray") is None:
        raise UsageError(
            "The executor 'ray' needs Ray, which is not installed: "
            "pip install 'benchbox-recsys[ray]'."
        )
    # Read when Ray is imported: no figures of use are sent anywhere.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    is_ours = not ray.is_initialized()
    if is_ours:
        _connect(ray, address)
    try:
        yield Cluster(ray, address)
    finally:
        if is_ours:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        if address != AUTO_ADDRESS:
            _check_reachable(address)
        ray.init(
            address=address,
            log_to_driver=False,
            configure_logging=False,
            logging_level="ERROR",
        )
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        raise BenchboxError(
            f"There is no Ray cluster to be reached at {address!r} "
            f"({_first_line(error)}). On a machine of the cluster, start Ray with "
            f"`ray start`, then run benchbox there; see docs/clusters.md."
        ) from error


def _check_reachable(address: str) -> None:
    """Find out at once that nobody answers, which takes Ray minutes.

    Raises:
        OSError: Nobody does.
        ValueError: It is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("an address is auto, or host:port such as 10.0.0.1:6379")
    socket.create_connection((host, int(port)), timeout=_REACH_SECONDS).close()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[0]).rstrip(".") if lines else type(error).__name__

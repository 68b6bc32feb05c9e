"""The machines of a cluster, which must all run the same code as the runner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from benchbox.errors import BenchboxError
from benchbox.machine import Environment, package_version, requirement_of
from benchbox.targets import source_digest
from benchbox.trials.executors.api import Machines
from benchbox.trials.executors.cluster.connection import (
    AUTO_ADDRESS,
    Cluster,
    LostError,
    connected,
)
from benchbox.trials.executors.cluster.places import Node

_OWN = "benchbox-recsys"

_DECISIVE = (_OWN, "torch", "numpy", "scipy", "numba")
"""Distributions that decide what trials predict."""


@contextmanager
def machines(address: str = AUTO_ADDRESS) -> Iterator[Machines]:
    """Be connected to a cluster in the block, and yield what its machines lend.

    Args:
        address: ``host:port``, or ``auto`` for the cluster of this machine.

    Raises:
        BenchboxError: There is no such cluster, it lends no processors, or a machine
            has other versions of what decides the figures.
    """
    with connected(address) as cluster:
        nodes = cluster.nodes()
        if not nodes:
            raise BenchboxError(
                f"The Ray cluster at {address!r} lends no processors. Start Ray with "
                f"--num-cpus on a machine that does."
            )
        environments = _alike(cluster, nodes)
        # That of a trial on an accelerator, if there are any.
        best = max(range(len(nodes)), key=lambda n: (nodes[n].n_accelerators, -n))
        yield Machines(
            n_cpus=tuple(node.n_cpus for node in nodes), environment=environments[best]
        )


def _alike(cluster: Cluster, nodes: list[Node]) -> list[Environment]:
    """Return the environment of each machine, after a check of their software."""
    digest = source_digest(f"{__name__}:machines")
    try:
        told = cluster.on_each(nodes, _asker())
    except LostError as error:
        raise BenchboxError(
            f"A machine of the Ray cluster at {cluster.address!r} does not answer: "
            f"{error}."
        ) from error
    for node, (versions, own_digest, _) in zip(nodes, told, strict=True):
        for name in _DECISIVE:
            here, there = package_version(name), versions[name]
            if here == there and (name != _OWN or digest == own_digest):
                continue
            has = f"has {name} {there}" if there else f"lacks {name}"
            if here == there:
                has += " with another source"
            raise BenchboxError(
                f"{node.name} of the Ray cluster {has}, and the run needs {name} "
                f"{here}. Install that there: pip install {requirement_of(name)}"
            )
    return [msgspec.msgpack.decode(known, type=Environment) for *_, known in told]


def _asker() -> Callable[[], Any]:
    """Return a function that needs nothing of benchbox where it is called.

    Ray sends the code of a function within a function, and only the name of others.
    """
    names, own = _DECISIVE, _OWN

    def ask() -> tuple[dict[str, str], str, bytes]:
        from importlib.metadata import PackageNotFoundError, version

        versions = {}
        for name in names:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                versions[name] = ""
        if not versions[own]:
            return versions, "", b""
        from msgspec.msgpack import encode

        from benchbox.machine import describe_environment
        from benchbox.targets import source_digest

        digest = source_digest("benchbox.errors:BenchboxError")
        return versions, digest, encode(describe_environment())

    return ask

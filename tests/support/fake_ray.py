"""A stand-in for Ray: its few calls that benchbox makes, within this process."""

import pickle
import sys
from collections import deque
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class RayError(Exception):
    pass


class RayTaskError(RayError):
    pass


class ActorDiedError(RayError):
    pass


class Ref:
    """Stands for a value, or for the error that came instead of it."""

    def __init__(self, get: Callable[[], Any]) -> None:
        try:
            self._value, self._error = get(), None
        except (RayError, OSError) as error:
            self._error = error

    def get(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Never(Ref):
    """A call that is never answered."""

    def __init__(self) -> None:
        super().__init__(lambda: None)


class Actor:
    """An object as Ray shows it: its methods are called from afar."""

    def __init__(self, ray: "FakeRay", node: str, kind: type[Any], *args: Any) -> None:
        self.node, self.is_alive = node, True
        self._ray, self._object = ray, kind(*args)

    def __getattr__(self, method: str) -> Any:
        return SimpleNamespace(remote=lambda *args: self._called(method, args))

    def end(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self._object.leave()

    def _called(self, method: str, args: tuple[Any, ...]) -> Ref:
        self._ray.calls.append(method)
        if self._ray.faults and self._ray.faults[0][0] == method:
            _, fault = self._ray.faults.popleft()
            if fault is Never:
                return Never()
            self.end()
            return Ref(lambda: _raise(fault))
        if not self.is_alive:
            return Ref(lambda: _raise(ActorDiedError("The actor is dead.")))
        self._ray.sent += [(method, a) for a in args if isinstance(a, bytes)]
        given = [arg.get() if isinstance(arg, Ref) else _sent(arg) for arg in args]
        return Ref(lambda: _sent(getattr(self._object, method)(*given)))


class FakeRay(ModuleType):
    """The module `ray`.

    Attributes:
        machines: What `nodes` tells.
        faults: Methods of actors that fail when they are next called, and how; the
            actor ends with it.
        calls: Methods of actors that were called.
        sent: Bytes that actors were given, each after the name of the method.
        stored: What was put into the store.
        hired: Actors, with the options they were made with.
        is_refused: Whether there is no cluster.
        is_gone: Whether it has ended meanwhile.
    """

    def __init__(self, *machines: dict[str, Any]) -> None:
        super().__init__("ray")
        self.__spec__ = ModuleSpec("ray", None)
        self.machines = list(machines)
        self.faults: deque[tuple[str, Any]] = deque()
        self.calls: list[str] = []
        self.hired: list[tuple[Actor, dict[str, Any]]] = []
        self.sent: list[tuple[str, bytes]] = []
        self.stored: list[Any] = []
        self.is_refused = self.is_gone = self._is_initialized = False
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of Ray."""
        strategies = ModuleType("ray.util.scheduling_strategies")
        strategies.NodeAffinitySchedulingStrategy = (  # type: ignore[attr-defined]
            lambda node, soft: node
        )
        util = ModuleType("ray.util")
        for module in (self, util, strategies):
            monkeypatch.setitem(sys.modules, module.__name__, module)

    def init(self, **options: Any) -> None:
        if self.is_refused:
            raise ConnectionError("Could not find any running Ray instance.\nMore.")
        self._is_initialized = True

    def is_initialized(self) -> bool:
        return self._is_initialized

    def shutdown(self) -> None:
        self._is_initialized = False

    def nodes(self) -> list[dict[str, Any]]:
        if self.is_gone:
            raise RayError("The GCS cannot be reached.")
        return self.machines

    def remote(self, what: Any) -> Any:
        return SimpleNamespace(
            options=lambda **options: SimpleNamespace(
                remote=lambda *args: self._made(what, options, args)
            )
        )

    def put(self, value: Any) -> Ref:
        if self.is_gone:
            raise RayError("The store is full.")
        self.stored.append(value)
        return Ref(lambda: _sent(value))

    def wait(self, refs: list[Ref], timeout: float) -> tuple[list[Ref], list[Ref]]:
        ready = [ref for ref in refs if not isinstance(ref, Never)]
        return ready, [ref for ref in refs if isinstance(ref, Never)]

    def get(self, ref: Ref, timeout: float | None = None) -> Any:
        return ref.get()

    def kill(self, actor: Actor, no_restart: bool) -> None:
        actor.end()

    def _made(self, what: Any, options: dict[str, Any], args: tuple[Any, ...]) -> Any:
        node = options["scheduling_strategy"]
        if not isinstance(what, type):
            return Ref(what)
        actor = Actor(self, node, what, *args)
        self.hired.append((actor, options))
        return actor


def machine(name: str, cpus: float = 1, **resources: float) -> dict[str, Any]:
    """Return a machine as Ray tells of it."""
    return {
        "NodeID": f"id-{name}",
        "NodeManagerAddress": name,
        "Alive": True,
        "Resources": {"CPU": float(cpus), "memory": 8.0 * 2**30, **resources},
    }


def _sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def _raise(error: BaseException) -> Any:
    raise error

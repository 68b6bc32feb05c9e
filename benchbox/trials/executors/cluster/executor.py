"""Ray executor: each trial on a machine of a Ray cluster, in the very same child."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from benchbox.errors import BenchboxError
from benchbox.machine import Environment, FoundDevices, accelerator_targets
from benchbox.records import (
    RAN_AT_ONCE,
    Described,
    DevicesQuestion,
    ModelQuestion,
    Pairs,
    Question,
    TrialJob,
    TrialOutcome,
    Waits,
)
from benchbox.trials.executors.api import AgainError, AskAgain, Finished, Listen
from benchbox.trials.executors.cluster.connection import (
    AUTO_ADDRESS,
    Cluster,
    LostError,
    connected,
)
from benchbox.trials.executors.cluster.hearing import Hearing
from benchbox.trials.executors.cluster.loads import Load, Loads
from benchbox.trials.executors.cluster.parcels import unpack
from benchbox.trials.executors.cluster.places import Node, Place, Places
from benchbox.trials.executors.cluster.words import (
    Heard,
    Introduction,
    Over,
)
from benchbox.trials.executors.cluster.worker import Worker

_Received = TypeVar("_Received")

PLACE = "machine of the cluster"
"""Name of the setting that tells where a trial ran."""

NICENESS = "niceness"
"""Name of the setting that tells that other processes there come first."""

FIRST_USE = "first use there"
"""Name of the setting that tells how long the first use of its model took there."""

LEFT_OUT = "machines left out"
"""Name of the setting that tells which machines lack the model, and what of it."""

_HEAR_SECONDS = 2.0
"""After which a worker answers, even if it has nothing to tell."""

_PATIENCE_SECONDS = 5.0
"""After which it is told that a machine is busy."""


@dataclass(slots=True, eq=False)
class _Hired:
    """A worker on a machine.

    Attributes:
        actor: The worker.
        needs: What it takes of the machine.
        said: What it says of itself.
        used: The models that have run there once.
    """

    actor: Any
    needs: dict[str, float]
    said: Introduction
    used: set[str] = field(default_factory=set)


class RayExecutor:
    """Runs trials on the machines of a Ray cluster; use it as a context manager.

    A trial has a whole machine to itself, unless several jobs per machine are asked
    for. Workers stay for the next trial.

    Args:
        n_threads: Threads of each trial.
        log: Not used; each worker has a log of its own.
        jobs: How many trials may run at once on each machine.
        address: ``host:port``, or ``auto`` for the cluster of this machine.
    """

    def __init__(
        self,
        n_threads: int,
        log: Path,
        *,
        jobs: int = 1,
        address: str = AUTO_ADDRESS,
    ) -> None:
        self._n_threads, self._jobs, self._address = n_threads, jobs, address
        self._context = ExitStack()
        self._hired: dict[tuple[str, int], _Hired] = {}
        self._hiring = Lock()
        self._found = FoundDevices()
        self._names: dict[str, list[str]] = {}
        self._lacking: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        self._cluster: Cluster = self._context.enter_context(connected(self._address))
        self._loads = Loads(self._cluster.put)
        self._places = Places(self._cluster.nodes, self._jobs, self._n_threads)
        self._places.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for place in list(self._hired):
            self._dismiss(place, politely=True)
        self._context.close()

    def accelerators(self) -> FoundDevices:
        """Have a machine that lends an accelerator find what a trial will see of it."""
        if any(node.n_accelerators for node in self._cluster.nodes()):
            self._found = self._ask(DevicesQuestion(), FoundDevices, accelerated=True)
        return self._found

    def describe(self, question: ModelQuestion) -> Described:
        """Have a machine tell what a class in a file says of itself."""
        return self._ask(question, Described)

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None = None,
        ask_again: AskAgain | None = None,
        memory_limit_bytes: int | None = None,
        expected_bytes: int | None = None,
        stop: Event | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to; see `Executor.run`."""
        load = self._loads.of_trial(job, is_asked=hand_pairs is not None)
        said = Hearing(job, log, listen, hand_pairs, ask_again)
        while True:
            lacking = self._lacking.setdefault(load.model, {})
            accelerated = job.device != "cpu"
            if lacking and not self._places.fitting(accelerated, lacking):
                reason = "; ".join(tuple(lacking.values()))
                return Finished(outcome=TrialOutcome(status="failed", reason=reason))
            over = self._placed(
                load, said, lacking, memory_limit_bytes, expected_bytes, stop
            )
            if over is not None:
                return over

    def _placed(
        self,
        load: Load,
        said: Hearing,
        lacking: dict[str, str],
        memory_limit_bytes: int | None,
        expected_bytes: int | None,
        stop: Event | None,
    ) -> Finished | None:
        """Run a trial on some machine; return `None` if that lacks its model."""
        accelerated = said.job.device != "cpu"
        with self._places.taken(
            whole=self._needs_whole(expected_bytes),
            accelerated=accelerated,
            without=lacking,
            waits=lambda: said.listen(Waits(what="a machine of the cluster")),
            stop=stop,
        ) as place:
            try:
                worker = self._worker(place, accelerated, said.listen, stop)
                share = None if place.is_whole else _share(place)
                limit = min(filter(None, (memory_limit_bytes, share)), default=None)
                finished = self._on(worker, place, load, said, limit, stop)
                if place.is_whole and place.n_beside > 1:
                    # It has the processors of all places.
                    self._leave(place, politely=True)
            except LostError as error:
                self._leave(place, politely=False)
                self._places.lost(place.node)
                where = f"the worker on {place.node.name} was lost: {error}"
                raise AgainError(where) from error
            except BaseException:
                # Ctrl-C, or a full disk: nothing may go on training unwatched.
                self._leave(place, politely=True)
                raise
        if isinstance(finished, str):
            lacking[place.node.id] = f"{place.node.name} {finished}"
            return None
        outcome = finished.outcome
        is_full = outcome.status == "out-of-memory" and not outcome.device_is_full
        if is_full and share is not None and limit == share:
            raise AgainError(outcome.reason, alone=True)
        if lacking:
            left = "; ".join(tuple(lacking.values()))
            outcome.settings[LEFT_OUT] = left
        return finished

    def _needs_whole(self, expected_bytes: int | None) -> bool:
        if self._jobs == 1 or expected_bytes is None:
            return True
        shares = [node.memory_bytes // self._jobs for node in self._cluster.nodes()]
        return expected_bytes > max(shares, default=0)

    def _on(
        self,
        worker: _Hired,
        place: Place,
        load: Load,
        said: Hearing,
        limit: int | None,
        stop: Event | None,
    ) -> Finished | str:
        """Run a trial with a worker; return what its machine lacks, if anything."""
        first = self._loads.first_use_of(load)
        first_seconds = 0.0
        if first is not None and first.load.model not in worker.used:
            silent = Hearing(first.load.job, None, _nobody, first.pairs, None)
            over = self._follow(worker, first.load, silent, limit, stop)
            if over.lacks:
                return over.lacks
            worker.used.add(first.load.model)
            first_seconds = sum(over.outcome.wall_seconds.values())
        over = self._follow(worker, load, said, limit, stop)
        if over.lacks:
            return over.lacks
        if load.job.access.compiles and said.handed is not None:
            self._loads.keep_first_use(load, said.handed)
            worker.used.add(load.model)
        if load.job.keep is not None and over.outcome.status == "ok":
            unpack(self._call(worker, "kept", stop=stop), Path(load.job.keep))
        over.outcome.settings[PLACE] = place.node.name
        if worker.said.niceness:
            over.outcome.settings[NICENESS] = str(worker.said.niceness)
        if first_seconds:
            over.outcome.settings[FIRST_USE] = f"{first_seconds:.1f} s"
        beside = [] if place.is_whole else [f"up to {place.n_beside} {RAN_AT_ONCE}"]
        return Finished(
            outcome=over.outcome,
            contended=(*beside, *over.contended),
            foreign_cpus=over.foreign_cpus,
            gauges=over.gauges,
            confined=over.confined,
            environment=worker.said.environment,
        )

    def _follow(
        self,
        worker: _Hired,
        load: Load,
        said: Hearing,
        limit: int | None,
        stop: Event | None,
    ) -> Over:
        """Pass on what a trial says and is told, until it is over."""
        self._call(worker, "begin", load.order(limit), *load.parcels, stop=stop)
        while True:
            told = self._call(worker, "hear", _HEAR_SECONDS, stop=stop)
            heard = msgspec.msgpack.decode(told, type=Heard)
            for asked in said.take(heard):
                answer = msgspec.msgpack.encode(asked)
                self._call(worker, "answer", answer, stop=stop)
            if heard.over is not None:
                return heard.over

    def _call(
        self, worker: _Hired, method: str, *args: Any, stop: Event | None = None
    ) -> Any:
        return self._cluster.call(worker.actor, method, *args, stop=stop)

    def _ask(
        self,
        question: Question,
        kind: type[_Received],
        *,
        accelerated: bool = False,
    ) -> _Received:
        load = self._loads.of_question(question)
        with self._places.taken(accelerated=accelerated) as place:
            try:
                worker = self._worker(place, accelerated, _nobody, None)
                told = self._cluster.call(
                    worker.actor, "ask", load.asked, *load.parcels, waits=lambda: True
                )
            except LostError as error:
                self._leave(place, politely=False)
                raise BenchboxError(
                    f"The worker on {place.node.name} was lost: {error}. Try again."
                ) from error
        return msgspec.msgpack.decode(told, type=kind)

    def _worker(
        self, place: Place, accelerated: bool, listen: Listen, stop: Event | None
    ) -> _Hired:
        """Return the worker of a place; it is hired if there is none that will do."""
        needs = self._needs(place, accelerated)
        key = place.node.id, place.numbers[0]
        known = self._hired.get(key)
        if known is not None and known.needs == needs:
            return known
        self._leave(place, politely=True)
        has_accelerator = bool(needs["num_gpus"])
        actor = self._cluster.hire(
            Worker,
            place.node,
            needs,
            self._n_threads,
            dict(accelerator_targets()),
            has_accelerator,
        )
        try:
            told = self._cluster.call(
                actor, "introduce", stop=stop, waits=_patience(place.node, listen)
            )
        except BaseException:
            self._cluster.dismiss(actor, politely=False)
            raise
        said = msgspec.msgpack.decode(told, type=Introduction)
        seen = self._as_seen(said.environment, place.node)
        hired = _Hired(actor, needs, msgspec.structs.replace(said, environment=seen))
        with self._hiring:
            self._hired[key] = hired
        return hired

    def _needs(self, place: Place, accelerated: bool) -> dict[str, float]:
        """Return what a worker takes of its machine.

        One that has the machine to itself takes all processors, so that Ray gives them
        to nobody else. It keeps the accelerator between trials that use one.
        """
        node = place.node
        lends = bool(node.n_accelerators) and place.is_whole and bool(self._found.names)
        return {
            "num_cpus": node.n_cpus if place.is_whole else self._n_threads,
            "num_gpus": int(accelerated or lends),
            "memory": 0 if place.is_whole else _share(place),
        }

    def _as_seen(self, environment: Environment, node: Node) -> Environment:
        """Return the environment with the accelerators of the machine.

        A trial that uses none is not lent one. All the same it ran on that machine.
        """
        if environment.accelerators:
            self._names[node.id] = environment.accelerators
        elif node.n_accelerators:
            names = self._names.get(node.id, self._found.names)
            return msgspec.structs.replace(environment, accelerators=names)
        return environment

    def _leave(self, place: Place, *, politely: bool) -> None:
        """End the workers of a place."""
        for number in place.numbers:
            self._dismiss((place.node.id, number), politely=politely)

    def _dismiss(self, key: tuple[str, int], *, politely: bool) -> None:
        with self._hiring:
            hired = self._hired.pop(key, None)
        if hired is not None:
            self._cluster.dismiss(hired.actor, politely=politely)


def _share(place: Place) -> int:
    return place.node.memory_bytes // place.n_beside


def _patience(node: Node, listen: Listen) -> Callable[[], bool]:
    """Return a function that says, after a while, that a machine is busy."""
    told_at = monotonic() + _PATIENCE_SECONDS
    told: list[bool] = []

    def waits() -> bool:
        if monotonic() > told_at and not told:
            told.append(True)
            listen(Waits(what=f"{node.name}, which other work of the cluster uses"))
        return True

    return waits


def _nobody(message: object) -> None:
    """Take the messages of a trial that nobody follows."""

"""Places: which machine of a cluster runs which trial."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Condition, Event
from time import monotonic

from benchbox.errors import BenchboxError

_POLL_SECONDS = 0.2
_GONE_SECONDS = 60.0
"""For which a run waits for a machine if there is none; one may be starting again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of a cluster.

    Attributes:
        id: Its id in the cluster.
        name: Its address.
        n_cpus: Processors it lends.
        n_accelerators: Accelerators it lends.
        memory_bytes: Memory it lends.
    """

    id: str
    name: str
    n_cpus: int
    n_accelerators: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A place for one trial.

    Attributes:
        node: The machine.
        numbers: Which of its places this is; all of them for a whole machine.
        n_beside: How many trials may run there at once.
    """

    node: Node
    numbers: tuple[int, ...]
    n_beside: int

    @property
    def is_whole(self) -> bool:
        """Whether no other trial of the run is there."""
        return len(self.numbers) == self.n_beside


class Places:
    """Gives each trial a place, on the machine with the fewest.

    Args:
        nodes: Returns the machines that are alive.
        jobs: How many trials may run at once on each.
        n_threads: Processors that each needs.
    """

    def __init__(
        self, nodes: Callable[[], Sequence[Node]], jobs: int, n_threads: int
    ) -> None:
        self._nodes, self._jobs, self._n_threads = nodes, jobs, n_threads
        self._changed = Condition()
        self._taken: dict[str, set[int]] = {}
        self._promised: Counter[str] = Counter()
        self._n_lost: Counter[str] = Counter()

    def check(self) -> None:
        """Check that there is a machine for a trial.

        Raises:
            BenchboxError: There is none.
        """
        if not self.fitting():
            raise BenchboxError(self._none())

    def fitting(
        self, accelerated: bool = False, without: Collection[str] = ()
    ) -> list[Node]:
        """Return the machines that can run a trial; see `taken`."""
        return [
            node
            for node in self._nodes()
            if node.n_cpus >= self._n_threads
            and node.id not in without
            and (node.n_accelerators or not accelerated)
        ]

    @contextmanager
    def taken(
        self,
        *,
        whole: bool = False,
        accelerated: bool = False,
        without: Collection[str] = (),
        waits: Callable[[], None] = lambda: None,
        stop: Event | None = None,
    ) -> Iterator[Place]:
        """Have a place in the block, after a wait until there is one.

        Args:
            whole: Whether the trial needs all places of a machine.
            accelerated: Whether it needs an accelerator.
            without: Ids of machines it cannot run on.
            waits: Called once if there is no place yet.
            stop: Set by another thread that interrupts the wait.

        Raises:
            BenchboxError: The cluster has no such machine.
            KeyboardInterrupt: The wait was interrupted.
        """
        fitting = partial(self.fitting, accelerated, without)
        place = self._awaited(fitting, whole, waits, stop)
        try:
            yield place
        finally:
            with self._changed:
                self._taken[place.node.id] -= set(place.numbers)
                self._changed.notify_all()

    def lost(self, node: Node) -> None:
        """Prefer others from now on: it may take a while until it counts as dead."""
        with self._changed:
            self._n_lost[node.id] += 1

    def _awaited(
        self,
        fitting: Callable[[], list[Node]],
        whole: bool,
        waits: Callable[[], None],
        stop: Event | None,
    ) -> Place:
        gone_at, has_told, promised = 0.0, False, ""
        with self._changed:
            try:
                while True:
                    nodes = fitting()
                    if nodes:
                        gone_at = 0.0
                        place = self._place(nodes, whole, promised)
                        if place is not None:
                            taken = self._taken.setdefault(place.node.id, set())
                            taken.update(place.numbers)
                            return place
                        if whole and promised not in [node.id for node in nodes]:
                            promised = self._promise(nodes, promised)
                    else:
                        gone_at = gone_at or monotonic() + _GONE_SECONDS
                        if monotonic() > gone_at:
                            raise BenchboxError(self._none())
                    if not has_told:
                        has_told = True
                        waits()
                    if stop is not None and stop.is_set():
                        raise KeyboardInterrupt
                    self._changed.wait(_POLL_SECONDS)
            finally:
                self._promised[promised] -= 1
                self._changed.notify_all()

    def _place(self, nodes: list[Node], whole: bool, promised: str) -> Place | None:
        for node in sorted(nodes, key=self._by_use):
            n = self._n_places(node)
            free = [k for k in range(n) if k not in self._taken.get(node.id, set())]
            # A trial that needs a whole machine must not wait for ever.
            is_promised = self._promised[node.id] - (node.id == promised) > 0
            if whole and len(free) == n:
                return Place(node, tuple(free), n)
            if not whole and free and not is_promised:
                return Place(node, (free[0],), n)
        return None

    def _promise(self, nodes: list[Node], instead_of: str) -> str:
        """Keep others from the machine with the fewest trials; return its id."""
        self._promised[instead_of] -= 1
        promised = min(nodes, key=self._by_use).id
        self._promised[promised] += 1
        return promised

    def _by_use(self, node: Node) -> tuple[int, int]:
        """Return how many places are taken, and how often a worker was lost there."""
        return len(self._taken.get(node.id, ())), self._n_lost[node.id]

    def _n_places(self, node: Node) -> int:
        return max(1, min(self._jobs, node.n_cpus // self._n_threads))

    def _none(self) -> str:
        here = ", ".join(f"{n.name} with {n.n_cpus}" for n in self._nodes()) or "none"
        return (
            f"No machine of the cluster can take a trial with {self._n_threads} "
            f"threads. Alive, with processors: {here}. Continue with --resume once "
            f"there is one."
        )

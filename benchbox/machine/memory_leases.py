"""Lends the machine's memory to trials that run at the same time."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event

_STEP = 1.25
"""How much more than its trial already uses a lease covers once it has grown."""

_POLL_SECONDS = 0.2


class MemoryLease:
    """Memory that one trial may use while others run.

    Attributes:
        is_short: Whether the trial needed more than was left. It was not its fault.
    """

    def __init__(self, pool: "MemoryPool", n_bytes: int) -> None:
        self.is_short = False
        self._pool, self.n_bytes = pool, n_bytes

    def covers(self, used_bytes: int) -> bool:
        """Return whether the trial may use that much; the lease grows if need be."""
        if used_bytes > self.n_bytes:
            self.is_short = not self._pool.grow(self, used_bytes)
        return not self.is_short


class MemoryPool:
    """Memory that trials share, none of which may take what another was promised.

    Those that wait are served in order, so that many small trials do not keep a large
    one waiting for ever.

    Args:
        n_bytes: All of it.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._changed = Condition()
        self._leases: list[MemoryLease] = []
        self._queue: deque[object] = deque()

    @property
    def free_bytes(self) -> int:
        """What nobody was promised."""
        return self.n_bytes - sum(lease.n_bytes for lease in self._leases)

    @contextmanager
    def leased(
        self,
        n_bytes: int | None = None,
        *,
        waits: Callable[[], None] = lambda: None,
        stop: Event | None = None,
    ) -> Iterator[MemoryLease]:
        """Have memory in the block, after a wait until it is free.

        Args:
            n_bytes: Expected need; `None` for all of it. Who needs more than there is
                gets all of it.
            waits: Called if it is not free yet.
            stop: Set by another thread that interrupts the wait.

        Raises:
            KeyboardInterrupt: The wait was interrupted.
        """
        asked = self.n_bytes if n_bytes is None else min(n_bytes, self.n_bytes)
        lease, place = MemoryLease(self, asked), object()
        if not self._took(lease):
            waits()
            self._await(lease, place, stop)
        try:
            yield lease
        finally:
            with self._changed:
                self._leases.remove(lease)
                self._changed.notify_all()

    def grow(self, lease: MemoryLease, used_bytes: int) -> bool:
        """Let *lease* cover *used_bytes*; return whether there was enough left."""
        with self._changed:
            most = lease.n_bytes + self.free_bytes
            if used_bytes > most:
                return False
            lease.n_bytes = min(int(used_bytes * _STEP), most)
            return True

    def _took(self, lease: MemoryLease) -> bool:
        with self._changed:
            fits = not self._queue and lease.n_bytes <= self.free_bytes
            if fits:
                self._leases.append(lease)
            return fits

    def _await(self, lease: MemoryLease, place: object, stop: Event | None) -> None:
        with self._changed:
            self._queue.append(place)
            try:
                while self._queue[0] is not place or lease.n_bytes > self.free_bytes:
                    if stop is not None and stop.is_set():
                        raise KeyboardInterrupt
                    self._changed.wait(_POLL_SECONDS)
                self._leases.append(lease)
            finally:
                self._queue.remove(place)
                self._changed.notify_all()

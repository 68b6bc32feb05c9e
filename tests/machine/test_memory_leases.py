"""Memory leases: nobody gets what another was promised, and nobody waits for ever."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread

import pytest

from benchbox.machine.memory_leases import MemoryLease, MemoryPool


class Taker:
    """Leases memory in a thread of its own, until it is told to give it back."""

    def __init__(
        self, pool: MemoryPool, n_bytes: int | None, stop: Event | None = None
    ) -> None:
        self.waits, self.has_it, self.gives_back = Event(), Event(), Event()
        self.lease: MemoryLease | None = None
        self.interrupted = False
        self._thread = Thread(target=self._take, args=(pool, n_bytes, stop))
        self._thread.start()

    def _take(self, pool: MemoryPool, n_bytes: int | None, stop: Event | None) -> None:
        try:
            with pool.leased(n_bytes, waits=self.waits.set, stop=stop) as self.lease:
                self.has_it.set()
                self.gives_back.wait(60)
        except KeyboardInterrupt:
            self.interrupted = True

    def end(self) -> None:
        self.gives_back.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def taking() -> Iterator[Callable[..., Taker]]:
    with ExitStack() as ends:

        def take(
            pool: MemoryPool, n_bytes: int | None, stop: Event | None = None
        ) -> Taker:
            taker = Taker(pool, n_bytes, stop)
            ends.callback(taker.end)
            return taker

        yield take


def test_what_fits_is_given_at_once_and_given_back(taking) -> None:
    pool = MemoryPool(100)
    first, second = taking(pool, 60), taking(pool, 40)

    assert first.has_it.wait(60)
    assert second.has_it.wait(60)
    assert pool.free_bytes == 0
    first.end()
    second.end()
    assert pool.free_bytes == 100
    assert not first.waits.is_set()


def test_what_does_not_fit_waits_says_so_and_is_served_in_turn(taking) -> None:
    pool = MemoryPool(100)
    first = taking(pool, 60)
    assert first.has_it.wait(60)
    large = taking(pool, 80)
    assert large.waits.wait(60)
    small = taking(pool, 10)
    assert small.waits.wait(60)

    # It would fit, but many small ones must not keep a large one waiting for ever.
    assert not small.has_it.wait(0.5)
    first.end()
    assert large.has_it.wait(60)
    assert small.has_it.wait(60)


@pytest.mark.parametrize("n_bytes", [None, 1000])
def test_who_needs_more_than_there_is_gets_all_of_it_alone(taking, n_bytes) -> None:
    pool = MemoryPool(100)
    first = taking(pool, 1)
    assert first.has_it.wait(60)
    all_of_it = taking(pool, n_bytes)
    assert all_of_it.waits.wait(60)
    assert not all_of_it.has_it.is_set()

    first.end()

    assert all_of_it.has_it.wait(60)
    assert pool.free_bytes == 0
    assert all_of_it.lease is not None
    assert all_of_it.lease.n_bytes == 100


def test_a_lease_grows_with_its_trial_while_there_is_memory_left() -> None:
    pool = MemoryPool(1000)
    with pool.leased(100) as mine, pool.leased(500):
        assert mine.covers(100)
        assert mine.n_bytes == 100
        assert mine.covers(200)
        # A quarter more than it uses, so that it need not grow at each look.
        assert mine.n_bytes == 250
        assert mine.covers(450)
        assert (mine.n_bytes, pool.free_bytes) == (500, 0)
        assert not mine.is_short

        assert not mine.covers(501)
        assert mine.is_short
        # What it had it keeps, until it gives it back.
        assert mine.n_bytes == 500


def test_who_waits_can_be_interrupted_and_is_not_waited_for(taking) -> None:
    pool, stop = MemoryPool(100), Event()
    first = taking(pool, 60)
    assert first.has_it.wait(60)
    waiting = taking(pool, 80, stop)
    assert waiting.waits.wait(60)

    stop.set()
    waiting.end()

    assert waiting.interrupted
    next_one = taking(pool, 40)
    assert next_one.has_it.wait(60)

"""Afterwork: what still works is waited for or named; what is idle may stay."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from queue import Queue
from time import monotonic, perf_counter, sleep, thread_time

import pytest

from benchbox.errors import ModelError
from benchbox.machine.clocks.afterwork import await_afterwork
from benchbox.machine.clocks.phases import PhaseClock
from tests.support.alone import alone


def spin(seconds: float) -> None:
    until = thread_time() + seconds
    while thread_time() < until:
        pass


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("work", [sleep, spin], ids=["sleeping", "spinning"])
@pytest.mark.parametrize("daemon", [False, True])
@alone
def test_a_thread_left_behind_is_paid_for_by_its_phase(work, daemon: bool) -> None:
    clock = PhaseClock(settle=await_afterwork)

    with clock.phase("fit"):
        threading.Thread(target=work, args=(0.2,), daemon=daemon).start()

    assert clock.wall_seconds["fit"] >= 0.2


@alone
def test_a_process_left_behind_is_paid_for_by_its_phase() -> None:
    clock = PhaseClock(settle=await_afterwork)

    with clock.phase("fit"):
        child = subprocess.Popen(["sleep", "0.3"])

    assert clock.wall_seconds["fit"] >= 0.25
    assert child.wait() == 0


@alone
def test_a_thread_that_works_on_is_named(stop: threading.Event) -> None:
    def heartbeat() -> None:
        while not stop.is_set():
            sleep(0.01)

    thread = threading.Thread(target=heartbeat, name="heartbeat")
    thread.start()
    with pytest.raises(ModelError, match=r"'heartbeat' kept working for 0\.05 s"):
        await_afterwork(0.05)
    stop.set()
    thread.join()


@alone
def test_a_process_that_lives_on_is_named() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with pytest.raises(ModelError, match=f"process {child.pid} "):
            await_afterwork(0.05)
    finally:
        child.kill()
        child.wait()


@alone
def test_an_idle_pool_may_stay_and_a_busy_one_is_waited_for() -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(int).result()
        started = monotonic()
        await_afterwork(5)
        idle = monotonic() - started
        # A task in C has no frame of its own, and must be seen all the same.
        pool.submit(sleep, 0.2)
        started = perf_counter()
        await_afterwork(5)
        busy = perf_counter() - started

    assert idle < 2
    assert busy >= 0.15


@alone
def test_a_thread_that_the_system_has_yet_to_wake_is_at_work() -> None:
    queue: Queue[int] = Queue()
    thread = threading.Thread(target=queue.get, name="drowsy")
    thread.start()
    await_afterwork(5)

    queue.queue.append(1)  # Nobody notifies the thread, so it goes on waiting.
    with pytest.raises(ModelError, match="'drowsy' kept working"):
        await_afterwork(0.05)

    queue.put(2)
    thread.join()


@alone
def test_threads_that_wait_for_a_queue_an_event_or_a_pool_are_idle(
    stop: threading.Event,
) -> None:
    queue: Queue[int] = Queue()
    targets = (queue.get, stop.wait)
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    with ThreadPool(1) as pool:
        pool.apply(int)

        await_afterwork(1)

    queue.put(1)
    stop.set()
    for thread in threads:
        thread.join()


def test_a_phase_that_fails_does_not_wait_for_anything() -> None:
    def never() -> None:
        raise AssertionError

    clock = PhaseClock(settle=never)

    @clock.phase("fit")
    def fit() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit()

"""Places: trials spread over machines, and one that needs all of a machine gets it."""

from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import pytest

from benchbox.errors import BenchboxError
from benchbox.trials.executors.cluster.places import Node, Place, Places


def places(jobs: int, *cpus: int, n_threads: int = 1, **more: Any) -> Places:
    nodes = [
        Node(id=f"n{k}", name=f"10.0.0.{k}", n_cpus=n, **more)
        for k, n in enumerate(cpus)
    ]
    return Places(lambda: nodes, jobs, n_threads)


def take(stack: ExitStack, there: Places, **how: Any) -> Place:
    return stack.enter_context(there.taken(**how))


def test_trials_go_where_the_fewest_are() -> None:
    there = places(2, 4, 4)
    with ExitStack() as stack:
        found = [take(stack, there).node.id for _ in range(4)]

    assert sorted(found) == ["n0", "n0", "n1", "n1"]
    assert found[:2] == ["n0", "n1"]


def test_a_machine_that_lost_a_worker_comes_last() -> None:
    there = places(1, 4, 4)
    with there.taken() as place:
        there.lost(place.node)
    with there.taken() as other:
        assert other.node != place.node


def test_a_machine_with_few_processors_has_fewer_places() -> None:
    there = places(4, 2, 8, n_threads=2)
    with ExitStack() as stack:
        found = [take(stack, there) for _ in range(5)]

    assert [place.node.id for place in found].count("n0") == 1
    assert {place.n_beside for place in found} == {1, 4}
    assert [place.is_whole for place in found if place.node.id == "n0"] == [True]


def test_machines_that_do_not_fit_are_left_out() -> None:
    there = places(1, 1, 8, n_threads=4)
    with there.taken() as place:
        assert place.node.id == "n1"
    with places(1, 8, 8).taken(without=["n0"]) as place:
        assert place.node.id == "n1"


def test_a_trial_that_needs_a_whole_machine_is_not_overtaken_for_ever() -> None:
    there = places(2, 2)
    order: list[str] = []
    waits = Event()

    def whole() -> None:
        with there.taken(whole=True, waits=waits.set) as place:
            assert place.is_whole
            order.append("whole")

    def small() -> None:
        with there.taken(waits=waits.set):
            order.append("small")

    with there.taken():
        threads = [Thread(target=whole)]
        threads[0].start()
        assert waits.wait(10)
        waits.clear()
        # There is room for a small one, but that is promised.
        threads.append(Thread(target=small))
        threads[1].start()
        assert waits.wait(10)
        assert order == []
    for thread in threads:
        thread.join(10)

    assert sorted(order) == ["small", "whole"]
    assert order[0] == "whole"


def test_a_wait_can_be_interrupted() -> None:
    there, stop = places(1, 1), Event()
    stop.set()

    with there.taken(), pytest.raises(KeyboardInterrupt), there.taken(stop=stop):
        raise AssertionError


def test_where_no_machine_fits_the_error_says_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchbox.trials.executors.cluster.places._GONE_SECONDS", -1.0)
    there = places(1, 2, 2, n_threads=4)

    with pytest.raises(BenchboxError, match=r"4 threads.*10\.0\.0\.0 with 2"):
        there.taken().__enter__()
    with pytest.raises(BenchboxError, match="No machine"):
        places(1, 2).taken(accelerated=True).__enter__()

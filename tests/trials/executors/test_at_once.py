"""Several trials at once: each has a zygote of its own, and what it was promised."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import psutil
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.machine import MemoryPool
from benchbox.records import RAN_AT_ONCE, Pairs, PhaseBegan, TrialJob, TrialNews, Waits
from benchbox.trials.executors.api import AgainError, Finished
from benchbox.trials.executors.local import MEMORY_WAIT, LocalExecutor
from tests.support.commands import PLANTED
from tests.support.toys import tiny_ratings

GIB = 1 << 30


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    log = tmp_path_factory.mktemp("zygotes") / "log"
    with LocalExecutor(1, log, jobs=2) as executor:
        yield executor


class Running:
    """A trial that another thread waits for.

    Attributes:
        ended: How it ended.
        stop: Interrupts it.
    """

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        executor: LocalExecutor,
        model: str,
        folder: Path,
        **given: int,
    ) -> None:
        self.stop = Event()
        self._fits, self.news = Event(), list[TrialNews]()
        (folder / "out").mkdir(parents=True)
        write_ratings(folder / "train", tiny_ratings(8))
        job = TrialJob(
            target=f"{PLANTED}:{model}",
            options_type="",
            options={},
            train=str(folder / "train"),
            history=str(folder / "train"),
            out=str(folder / "out"),
            time_limit_seconds=120,
        )
        three = np.zeros(3, dtype=np.int32)
        self.ended = threads.submit(
            executor.run,
            job,
            log=folder / "log",
            listen=self._hear,
            hand_pairs=lambda: Pairs.written(folder / "out", three, three),
            expected_bytes=given.get("expected_bytes", GIB // 4),
            memory_limit_bytes=given.get("memory_limit_bytes"),
            stop=self.stop,
        )

    def _hear(self, news: TrialNews) -> None:
        self.news.append(news)
        if news == PhaseBegan(phase="fit"):
            self._fits.set()

    def until_it_fits(self) -> "Running":
        assert self._fits.wait(60)
        return self

    def finished(self) -> Finished:
        return self.ended.result(120)

    def interrupted(self) -> None:
        self.stop.set()
        with pytest.raises(KeyboardInterrupt):
            self.ended.result(60)


Begin = Callable[..., Running]


@pytest.fixture
def begin(executor: LocalExecutor, tmp_path: Path) -> Iterator[Begin]:
    begun: list[Running] = []
    with ThreadPoolExecutor(3) as threads:

        def begin(model: str, **given: int) -> Running:
            folder = tmp_path / str(len(begun))
            begun.append(Running(threads, executor, model, folder, **given))
            return begun[-1]

        yield begin
        for one in begun:
            one.stop.set()


@pytest.mark.parametrize("model", ["Segfaults", "LeavesTheProcess", "Raises"])
def test_a_trial_that_fails_and_one_that_hangs_leave_their_neighbour_alone(
    begin: Begin, model: str
) -> None:
    hangs = begin("NeverEnds").until_it_fits()

    failed = begin(model).finished()
    honest = begin("Honest").finished()

    assert failed.outcome.status in ("crashed", "failed")
    assert honest.outcome.status == "ok"
    assert honest.contended[0] == f"up to 2 {RAN_AT_ONCE}"
    assert not hangs.ended.done()
    hangs.interrupted()


def test_a_zygote_that_dies_takes_only_its_own_trial_along(
    begin: Begin, executor: LocalExecutor
) -> None:
    first = begin("NeverEnds").until_it_fits()
    second = begin("NeverEnds").until_it_fits()
    # Which has which zygote is of no importance.
    pid = executor._slots[0].zygote.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait()

    while not (first.ended.done() or second.ended.done()):
        Event().wait(0.05)
    died, lives = (first, second) if first.ended.done() else (second, first)

    assert died.finished().outcome.status == "crashed"
    assert begin("Honest").finished().outcome.status == "ok"
    assert not lives.ended.done()
    lives.interrupted()


def test_a_third_trial_waits_for_a_place(begin: Begin) -> None:
    both = [begin("NeverEnds").until_it_fits() for _ in range(2)]
    third = begin("Honest")

    assert not third.ended.done()
    both[0].interrupted()
    assert third.finished().outcome.status == "ok"
    both[1].interrupted()


def test_a_trial_waits_until_there_is_memory_for_it_and_says_so(
    begin: Begin, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_memory", MemoryPool(4 * GIB))
    monkeypatch.setattr("benchbox.trials.executors.local._LONG_WAIT_SECONDS", 0.0)
    first = begin("NeverEnds", expected_bytes=3 * GIB).until_it_fits()
    second = begin("Honest", expected_bytes=2 * GIB)

    while not second.news:
        Event().wait(0.05)
    assert second.news == [
        Waits(what="memory: it may take 2.0 GiB, and other trials have too much")
    ]
    assert not second.ended.done()
    first.interrupted()

    finished = second.finished()
    assert finished.outcome.status == "ok"
    assert MEMORY_WAIT in finished.outcome.settings


def test_a_trial_that_needs_what_others_have_is_to_be_run_again_alone(
    begin: Begin, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_memory", MemoryPool(3 * GIB))
    beside = begin("NeverEnds", expected_bytes=2 * GIB).until_it_fits()

    with pytest.raises(AgainError, match="more than other trials had left") as error:
        begin("Hoards", expected_bytes=GIB // 2).ended.result(120)

    assert error.value.alone
    beside.interrupted()


def test_a_trial_that_has_all_memory_and_needs_more_says_so_in_a_line(
    begin: Begin, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_memory", MemoryPool(3 * GIB))

    hoards = begin("Hoards", expected_bytes=9 * GIB, memory_limit_bytes=GIB)

    outcome = hoards.finished().outcome
    assert outcome.status == "out-of-memory"
    assert outcome.reason.endswith("GiB of the 1.00 GiB it may")
    assert "\n" not in outcome.reason

"""Limits of a trial hold for all it starts, and nothing of it outlives it."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import msgspec
import numpy as np
import psutil
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.records.messages import Pairs
from benchbox.records.trial_job import TrialJob, TrialOutcome
from benchbox.trials.executors.api import Finished
from benchbox.trials.executors.local import MEMORY_LIMIT, LocalExecutor
from tests.support import greedy_models, planted_models
from tests.support.toys import tiny_ratings

GREEDY = f"{greedy_models.__file__}"
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    log = tmp_path_factory.mktemp("zygote") / "log"
    with LocalExecutor(1, log) as executor:
        yield executor


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    write_ratings(tmp_path / "train", tiny_ratings(8))
    (tmp_path / "out").mkdir()
    return TrialJob(
        target="",
        options_type="",
        options={},
        train=str(tmp_path / "train"),
        history=str(tmp_path / "train"),
        out=str(tmp_path / "out"),
        keep=None,
        time_limit_seconds=30,
    )


def finished(
    executor: LocalExecutor, job: TrialJob, name: str, gib: float | None = None
) -> Finished:
    return executor.run(
        msgspec.structs.replace(
            job, target=f"{GREEDY}:{name}", keep=str(Path(job.out) / "kept")
        ),
        log=Path(job.out) / "log",
        listen=lambda message: None,
        memory_limit_bytes=None if gib is None else int(gib * 2**30),
    )


def outcome(
    executor: LocalExecutor, job: TrialJob, name: str, gib: float | None = None
) -> TrialOutcome:
    return finished(executor, job, name, gib).outcome


def is_gone(pid: int) -> bool:
    """Return whether *pid* has ended, within a while."""
    until = monotonic() + 20
    while monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        sleep(0.02)
    return False


@pytest.mark.parametrize(
    "name",
    [
        "InItself",
        "InAChild",
        pytest.param("InManyChildren", marks=linux),
        pytest.param("InADaemon", marks=linux),
        pytest.param("InSharedMemory", marks=linux),
        pytest.param("InAFileOfSharedMemory", marks=linux),
        pytest.param("InASharedMap", marks=linux),
    ],
)
def test_memory_counts_wherever_a_trial_takes_it(
    executor: LocalExecutor, job: TrialJob, name: str
) -> None:
    ended = outcome(executor, job, name, gib=1.0)

    assert ended.status == "out-of-memory"
    assert ended.reason.endswith("of the 1.00 GiB it may")


@pytest.mark.slow
@linux
def test_memory_that_several_processes_share_counts_once(
    executor: LocalExecutor, job: TrialJob
) -> None:
    ended = outcome(executor, job, "SharesWithMany", gib=1.0)

    # It keeps no model; what matters is that it was not ended.
    assert ended.reason.startswith("SharesWithMany cannot be saved")


def test_a_trial_without_a_limit_of_its_own_has_that_of_the_machine(
    executor: LocalExecutor, job: TrialJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "benchbox.trials.executors.local.most_memory_bytes", lambda: 2**30 // 2
    )

    ended = outcome(executor, job, "InItself")

    assert ended.status == "out-of-memory"
    assert ended.settings == {MEMORY_LIMIT: "0.50 GiB"}


@linux
@pytest.mark.parametrize("name", ["StartsADaemon", "CutsItsTies"])
def test_what_a_trial_leaves_running_ends_with_it(
    executor: LocalExecutor, job: TrialJob, name: str
) -> None:
    ended = outcome(executor, job, name)

    assert ended.reason.startswith("ValueError: enough")
    pid = (Path(job.out) / "log").read_text().split()[0]
    assert is_gone(int(pid))


@linux
@pytest.mark.parametrize("name", ["ForkBomb", "ForkBombInSessions"])
def test_a_fork_bomb_ends_with_all_its_processes(
    executor: LocalExecutor, job: TrialJob, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("benchbox.trials.executors.running.MOST_PROCESSES", 20)
    assert outcome(executor, job, "StartsADaemon").status == "failed"
    zygote = psutil.Process(executor._slots[0].zygote.pid)

    ended = outcome(executor, job, name)

    assert ended.status == "failed"
    assert re.fullmatch(r"had \d+ processes at once, of 20 it may", ended.reason)
    assert zygote.children(recursive=True) == []


def test_a_child_that_hides_and_ignores_signals_ends_at_the_time_limit(
    executor: LocalExecutor, job: TrialJob
) -> None:
    job = msgspec.structs.replace(job, time_limit_seconds=0.5)

    assert outcome(executor, job, "LeavesItsGroup").status == "timeout"


@pytest.mark.slow
def test_a_zygote_that_was_stopped_between_trials_is_replaced(
    tmp_path: Path, job: TrialJob
) -> None:
    with LocalExecutor(1, tmp_path / "log") as executor:
        first = executor._slots[0].zygote.line() and executor._slots[0].zygote.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        while not executor._slots[0].zygote.is_stopped():
            sleep(0.01)

        ended = outcome(executor, job, "Honest")

    assert ended.reason.startswith("Honest cannot be saved")
    assert is_gone(first)


def test_what_cannot_be_ended_is_told_to_later_trials(
    executor: LocalExecutor, job: TrialJob
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"]
    ) as survivor:
        executor._slots[0]._survivors.append(psutil.Process(survivor.pid))

        beside = finished(executor, job, "Honest").contended
        survivor.kill()
        survivor.wait()
        after = finished(executor, job, "Honest").contended

    told = f"process {survivor.pid} of an earlier trial ran beside it"
    assert told in beside
    assert told not in after


@linux
@pytest.mark.parametrize("meet_their_end", ["suspend", "kill"])
def test_nothing_outlives_the_runner_and_the_zygote(
    tmp_path: Path, meet_their_end: str
) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from benchbox.records import TrialJob
        from benchbox.trials.executors.local import LocalExecutor
        from benchbox.data import write_ratings
        from tests.support.toys import tiny_ratings

        folder = Path({str(tmp_path)!r})
        write_ratings(folder / "train", tiny_ratings(8))
        job = TrialJob(
            target={f"{GREEDY}:LeavesItsGroup"!r}, options_type="", options={{}},
            train=str(folder / "train"), history="", out=str(folder),
        )
        with LocalExecutor(1, folder / "log") as executor:
            executor.run(job, log=folder / "trial", listen=print)
    """
    command = [sys.executable, "-u", "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        while "fit" not in runner.stdout.readline():
            assert runner.poll() is None
        (guard,) = psutil.Process(runner.pid).children()
        (zygote,) = guard.children()
        (child,) = zygote.children()
        while not child.children():
            assert child.is_running()
        (of_its_own,) = child.children()
        # It cannot notice the end of the runner by itself, nor end what it started.
        getattr(zygote, meet_their_end)()
        runner.kill()

        for process in (guard, zygote, child, of_its_own):
            assert is_gone(process.pid)


def test_a_clock_that_a_model_has_stopped_is_not_believed(
    executor: LocalExecutor, job: TrialJob
) -> None:
    pairs = Pairs.written(Path(job.out), *np.zeros((2, 3), dtype=np.int32))
    job = msgspec.structs.replace(
        job,
        target=f"{planted_models.__file__}:PatchesTheClock",
        options={"seconds": 4.0},
    )

    ended = executor.run(
        job, log=Path(job.out) / "log", listen=lambda _: None, hand_pairs=lambda: pairs
    ).outcome

    assert ended.status == "failed"
    # On a busy machine it hears a little late that the fit has begun.
    assert re.search(r"its fit took 0\.0\d+ s, but by .* clock [3-9]", ended.reason)

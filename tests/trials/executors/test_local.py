"""Local executor: children of a zygote, their limits, and how they end."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.errors import BenchboxError
from benchbox.machine.device_choice import find_devices
from benchbox.ratings import Ratings, RatingScale
from benchbox.records.messages import (
    EpochEnded,
    Fitted,
    Pairs,
    PhaseBegan,
    TrialMessage,
)
from benchbox.records.trial_job import TrialJob, TrialOutcome
from benchbox.trials.executors.api import Finished
from benchbox.trials.executors.local import LocalExecutor
from benchbox.trials.predictions import PREDICTIONS
from tests.support.commands import PLANTED

SLEEPS = f"{PLANTED}:Sleeps"
COMPILES = """
import sys

import numpy as np


class Compiles:
    def fit(self, train, context):
        import numba

        before = set(sys.modules)
        twice = numba.njit("f8(f8)")(lambda x: 2 * x)
        assert twice(1.5) == 3
        new = sorted(name for name in sys.modules if name not in before)
        context.note("imported", str(new))

    def predict(self, history, users, items):
        return np.full(len(users), 3.0)
"""


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    log = tmp_path_factory.mktemp("zygote") / "log"
    with LocalExecutor(2, log) as executor:
        yield executor


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    ratings = Ratings(
        users=np.array([0, 0, 1], dtype=np.int32),
        items=np.array([0, 1, 0], dtype=np.int32),
        values=np.array([1, 2, 6], dtype=np.float32),
        n_users=2,
        n_items=2,
        scale=RatingScale(1, 6),
    )
    write_ratings(tmp_path / "train", ratings)
    (tmp_path / "out").mkdir()
    return TrialJob(
        target=f"{PLANTED}:Honest",
        options_type="",
        options={},
        train=str(tmp_path / "train"),
        history=str(tmp_path / "train"),
        out=str(tmp_path / "out"),
        n_threads=2,
    )


def run(
    executor: LocalExecutor, job: TrialJob, said: list[TrialMessage] | None = None
) -> Finished:
    out, three = Path(job.out), np.zeros(3, dtype=np.int32)
    return executor.run(
        job,
        log=out / "log",
        listen=(said if said is not None else []).append,
        hand_pairs=lambda: Pairs.written(out, three, three),
    )


def undisturbed(
    executor: LocalExecutor, job: TrialJob, is_exact: Callable[[TrialOutcome], bool]
) -> TrialOutcome:
    """The first of up to five outcomes whose clock is exact, else the last.

    Between a model's own clock and ours, a busy machine may do other things; it does
    not do so every time.
    """
    for _ in range(5):
        outcome = run(executor, job).outcome
        if is_exact(outcome):
            break
    return outcome


def is_told(clock: str, note: str) -> Callable[[TrialOutcome], bool]:
    """Return whether our *clock* gives a fit what the model's own has noted."""
    return lambda outcome: (
        getattr(outcome, clock)["fit"] < 1.02 * float(outcome.notes[note])
    )


def kill_zygote(executor: LocalExecutor) -> None:
    pid = executor._slots[0].zygote.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait()


def test_a_trial_predicts_and_tells_what_it_took(
    executor: LocalExecutor, job: TrialJob
) -> None:
    said: list[TrialMessage] = []

    finished = run(executor, job, said)

    assert finished.outcome.status == "ok"
    assert set(finished.outcome.wall_seconds) == {"load", "fit", "predict"}
    assert np.load(Path(job.out) / PREDICTIONS).tolist() == [3.0, 3.0, 3.0]
    assert said == [
        PhaseBegan(phase="load"),
        PhaseBegan(phase="fit"),
        EpochEnded(epoch=1, of=1),
        Fitted(),
        PhaseBegan(phase="predict"),
        PhaseBegan(phase="end"),
    ]
    spent = finished.outcome.wall_seconds
    assert finished.outcome.ready_seconds == pytest.approx(sum(spent.values()))
    peak, idle = (
        finished.outcome.peak_memory_bytes,
        finished.outcome.idle_memory_bytes,
    )
    assert peak is not None
    assert idle is not None
    assert peak >= idle * 0.5


def test_what_a_model_prepares_is_no_part_of_its_fit(
    executor: LocalExecutor, job: TrialJob
) -> None:
    prepares = msgspec.structs.replace(job, target=f"{PLANTED}:Prepares")

    outcome = undisturbed(
        executor, prepares, lambda outcome: outcome.wall_seconds["fit"] < 0.3
    )

    assert outcome.notes == {"ready": "True"}
    assert outcome.wall_seconds["load"] >= 0.3
    assert outcome.wall_seconds["fit"] < 0.3


def test_a_model_that_asks_for_the_device_is_prepared_for_it(
    executor: LocalExecutor, job: TrialJob
) -> None:
    target = f"{PLANTED}:PreparesForADevice"
    outcome = run(executor, msgspec.structs.replace(job, target=target)).outcome

    assert outcome.notes == {"ready for": "cpu"}


def test_a_model_that_sleeps_is_timed_by_the_wall_clock(
    executor: LocalExecutor, job: TrialJob
) -> None:
    sleeps = msgspec.structs.replace(job, target=SLEEPS)

    outcome = undisturbed(executor, sleeps, is_told("wall_seconds", "wall"))

    truth = float(outcome.notes["wall"])
    assert truth >= 0.5
    assert outcome.wall_seconds["fit"] == pytest.approx(truth, rel=0.02)
    assert outcome.cpu_seconds["fit"] < 0.1
    # The second epoch is the sleep, the first came before it.
    first, second = outcome.curve
    assert second.wall_seconds == pytest.approx(truth, rel=0.02)
    assert first.wall_seconds is not None
    assert first.wall_seconds < 0.1


def test_a_model_that_spins_is_timed_by_the_processor_clock(
    executor: LocalExecutor, job: TrialJob
) -> None:
    spins = msgspec.structs.replace(job, target=f"{PLANTED}:Spins")

    outcome = undisturbed(executor, spins, is_told("cpu_seconds", "processor"))

    truth = float(outcome.notes["processor"])
    assert truth == pytest.approx(0.5, rel=0.02)
    assert outcome.cpu_seconds["fit"] == pytest.approx(truth, rel=0.02)
    assert outcome.curve[1].cpu_seconds == pytest.approx(truth, rel=0.02)


def test_a_model_that_works_on_in_the_background_is_charged_or_fails(
    executor: LocalExecutor, job: TrialJob
) -> None:
    def outcome_of(name: str) -> TrialOutcome:
        target = f"{PLANTED}:{name}"
        return run(executor, msgspec.structs.replace(job, target=target)).outcome

    charged, failed = outcome_of("LeavesAThread"), outcome_of("NeverJoins")

    assert charged.status == "ok"
    truth = float(charged.notes["wall"])
    assert 0.5 <= truth <= charged.wall_seconds["fit"] < truth + 0.5
    assert failed.status == "failed"
    assert failed.reason.startswith("thread 'Thread-1")


def test_a_trial_states_its_threads_and_its_arithmetic(
    executor: LocalExecutor, job: TrialJob
) -> None:
    tf32 = msgspec.structs.replace(job, precision="tf32", n_threads=1)

    settings = run(executor, tf32).outcome.settings

    assert settings["torch threads"] == "1"
    assert settings["matmul precision"] == "high"
    assert settings["deterministic"] == "true"
    assert settings["OMP_NUM_THREADS"] == "2"


def test_pairs_are_handed_over_only_when_the_fit_is_over(
    executor: LocalExecutor, job: TrialJob
) -> None:
    failing = msgspec.structs.replace(job, target=f"{PLANTED}:Raises")

    run(executor, failing)

    assert not (Path(job.out) / "users.npy").exists()


def test_each_trial_gets_a_fresh_process(
    executor: LocalExecutor, job: TrialJob
) -> None:
    changed = msgspec.structs.replace(job, target=f"{PLANTED}:Global", seed=5)

    first = run(executor, changed)
    one = np.load(Path(job.out) / PREDICTIONS)
    second = run(executor, changed)
    other = np.load(Path(job.out) / PREDICTIONS)

    assert first.outcome.status == second.outcome.status == "ok"
    assert one.tolist() == other.tolist()


def test_a_trial_finds_what_compilers_import_with_their_first_function(
    executor: LocalExecutor, job: TrialJob, tmp_path: Path
) -> None:
    file = tmp_path / "compiles.py"
    file.write_text(COMPILES)

    finished = run(executor, msgspec.structs.replace(job, target=f"{file}:Compiles"))

    assert finished.outcome.notes == {"imported": "[]"}


def test_predicting_in_chunks_gives_the_same_answer(
    executor: LocalExecutor, job: TrialJob
) -> None:
    outcome = run(executor, msgspec.structs.replace(job, chunk_size=2)).outcome
    assert outcome.ready_seconds is not None
    assert outcome.ready_seconds < sum(outcome.wall_seconds.values())

    assert np.load(Path(job.out) / PREDICTIONS).tolist() == [3.0, 3.0, 3.0]


def test_what_a_model_prints_goes_to_its_log(
    executor: LocalExecutor, job: TrialJob
) -> None:
    run(executor, msgspec.structs.replace(job, target=f"{PLANTED}:Raises"))

    assert "RuntimeError: the loss became" in (Path(job.out) / "log").read_text()


def test_a_child_tells_which_accelerators_there_are(
    executor: LocalExecutor,
) -> None:
    assert executor.accelerators() == find_devices()


def test_a_trial_after_the_death_of_the_zygote_starts_another(
    job: TrialJob, tmp_path: Path
) -> None:
    with LocalExecutor(1, tmp_path / "log") as executor:
        assert run(executor, job).outcome.status == "ok"
        kill_zygote(executor)

        assert run(executor, job).outcome.status == "ok"


def test_a_zygote_that_is_started_again_works_in_the_same_environment(
    job: TrialJob, tmp_path: Path
) -> None:
    job = msgspec.structs.replace(job, target=f"{PLANTED}:Placed")
    (tmp_path / "here").mkdir()
    log, variables = tmp_path / "log", {"PLACE": "told"}
    with LocalExecutor(
        1, log, variables=variables, folder=tmp_path / "here"
    ) as executor:
        first = run(executor, job).outcome.notes
        kill_zygote(executor)

        again = run(executor, job).outcome.notes

    assert first == again == {"place": "told in work"}


def test_a_zygote_that_dies_during_a_trial_takes_the_trial_and_no_more_with_it(
    job: TrialJob, tmp_path: Path
) -> None:
    with LocalExecutor(1, tmp_path / "log") as executor:

        def kill(message: TrialMessage) -> None:
            if isinstance(message, EpochEnded):
                kill_zygote(executor)

        killed = executor.run(job, log=tmp_path / "killed", listen=kill)

        assert killed.outcome.status == "crashed"
        assert run(executor, job).outcome.status == "ok"


def test_a_zygote_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    with (
        LocalExecutor(1, tmp_path / "log") as executor,
        pytest.raises(BenchboxError, match="could not start"),
    ):
        executor.accelerators()

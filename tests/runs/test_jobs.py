"""Runs of several trials at once: the same figures, in less time, marked as such."""

import itertools
import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from benchbox.errors import UsageError
from benchbox.plugins.executors import OWN_EXECUTORS, ExecutorSpec
from benchbox.records import RAN_AT_ONCE, RunFolder
from benchbox.reports.columns import TOGETHER
from benchbox.runs import Execution
from tests.studies.kills import essence
from tests.support.commands import Benchbox

MODELS = "-m bias -m svd -m biased-mf:epochs=3"
RUN = f"run -d svd-toy -p kfold:n_folds=2 {MODELS} --threads 1 --device cpu"


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run two trials at once wherever the tests run."""
    monkeypatch.setattr("benchbox.runs.session.n_usable_cpus", lambda: 2)


def test_trials_at_once_predict_what_they_predict_one_by_one_and_are_marked(
    benchbox: Benchbox,
) -> None:
    one_by_one = benchbox(RUN)
    wanted, alone = essence(one_by_one.folder), one_by_one.trials()
    at_once = benchbox(f"{RUN} --jobs 2")

    assert (one_by_one.code, at_once.code) == (0, 0), at_once.err
    assert essence(at_once.folder) == wanted
    beside = f"up to 2 {RAN_AT_ONCE}"
    assert all(beside in trial.contended for trial in at_once.trials())
    assert not any(trial.ran_beside_others for trial in alone)
    assert TOGETHER not in one_by_one.out
    marks = {"table.md": TOGETHER, "table.tex": r"\oslash", "table.csv": "n_together"}
    for table, mark in marks.items():
        assert mark in (at_once.folder.path / table).read_text()
    rows = [line for line in at_once.out.splitlines() if TOGETHER in line]
    # Those of the three models, and the line that tells what it means.
    assert len(rows) == 4
    n = len(at_once.trials())
    said = " ".join(at_once.out.split())
    assert f"{n} of {n} trials ran at the same time as others of this run" in said
    assert "of all trials together: " in " ".join(at_once.err.split())


@pytest.mark.slow
def test_a_trial_that_crashes_and_one_that_hangs_are_rows_among_sound_ones(
    benchbox: Benchbox,
) -> None:
    line = "run -d svd-toy -p holdout -m bias -m svd --seeds 1 --threads 1 --device cpu"
    faulty = "-m planted.py:Segfaults -m planted.py:NeverEnds --time-limit 8"
    alone = benchbox(line)
    among = benchbox(f"{line} {faulty} --jobs 2")

    found = among.by_label()
    assert among.code == 1
    assert {label: trial.status for label, trial in found.items()} == {
        "bias": "ok",
        "svd": "ok",
        "Segfaults": "crashed",
        "NeverEnds": "timeout",
    }
    for label, trial in alone.by_label().items():
        assert found[label].metrics == trial.metrics
        assert found[label].predictions_digest == trial.predictions_digest


def test_an_interrupted_run_of_two_jobs_goes_on_as_it_says(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = essence(benchbox(RUN).folder)
    started = itertools.count(1)

    def interrupt(*_: object) -> None:
        # With two trials under way, and some done.
        if next(started) == 6:
            os.kill(os.getpid(), signal.SIGINT)

    # What a shell has started in the background ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr("benchbox.runs.events.TellingListener.trial_said", interrupt)
        patch.setattr("benchbox.runs.events.TellingListener.trial_started", interrupt)
        stopped = benchbox(f"{RUN} --jobs 2")
    signal.signal(signal.SIGINT, before)

    statuses = {trial.status for trial in stopped.trials()}
    assert stopped.code == 130
    assert stopped.folder.read_run().status == "interrupted"
    assert "interrupted" in statuses
    assert statuses <= {"ok", "interrupted"}
    said = re.search(r"Continue with: benchbox (.*)", stopped.err)
    assert said is not None
    words = shlex.split(said[1])
    assert words[-2:] == ["--jobs", "2"]

    resumed = benchbox(said[1])

    assert resumed.code == 0, resumed.err
    assert essence(resumed.folder) == wanted
    kept = {t.key: t for t in stopped.trials() if t.status == "ok"}
    after = {t.key: t for t in resumed.trials()}
    assert {key: after[key] for key in kept} == kept


def test_a_run_goes_on_with_the_threads_it_was_begun_with(benchbox: Benchbox) -> None:
    line = "run -d svd-toy -p holdout -m bias -m global-mean --device cpu"
    begun = benchbox(f"{line} --jobs 2")
    before, n_threads = begun.trials(), begun.folder.read_run().n_threads
    for trial in before[1:]:
        begun.folder.path.joinpath("trials", f"{trial.key}.json").unlink(True)

    resumed = benchbox("run --resume last --rerun all")

    assert (resumed.code, resumed.folder.read_run().n_threads) == (0, n_threads)
    assert {t.key for t in resumed.trials()} == {t.key for t in before}


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_a_number_of_jobs_that_cannot_be_is_refused(
    benchbox: Benchbox, jobs: str
) -> None:
    done = benchbox(f"{RUN} --jobs {jobs}")

    assert (done.code, done.out) == (2, "")
    assert "--jobs" in done.err
    assert not done.results.exists()


@pytest.mark.parametrize("jobs", [0, -3, 1.5, "2"])
def test_python_refuses_it_too(jobs) -> None:
    with pytest.raises(UsageError, match=r"jobs=.*: it must be a whole number from 1"):
        Execution(jobs=jobs).check(OWN_EXECUTORS[0])


def test_an_executor_of_one_trial_at_a_time_refuses_more() -> None:
    spec = ExecutorSpec(name="acme", summary="", target="acme:Executor")

    with pytest.raises(UsageError, match="'acme' runs one trial at a time"):
        Execution("acme", jobs=2).check(spec)
    Execution("acme").check(spec)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            "--jobs 3 --threads 2",
            "3 trials at once, of 2 threads each, need 6 processors, and here are 2: 1 "
            "will run at once. Choose fewer threads or jobs.",
        ),
        (
            "--jobs 4",
            "4 trials at once, of 1 thread each, need 4 processors, and here are 2: 2 "
            "will run at once. Choose fewer jobs.",
        ),
    ],
)
def test_more_jobs_than_processors_run_as_many_as_there_are_and_say_so(
    benchbox: Benchbox, options: str, says: str
) -> None:
    line = "run -d svd-toy -p holdout -m global-mean --dry-run --device cpu"
    done = benchbox(f"{line} {options}")

    assert done.code == 0
    assert f"benchbox: {says}\n" in done.err
    assert ("in total, 2 at once" in done.out) == ("2 will run" in says)


def test_what_goes_wrong_in_one_thread_ends_the_run_and_stops_the_others(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = itertools.count(1)
    write = RunFolder.write_trial

    def full(folder: RunFolder, *what: object) -> None:
        if next(written) == 1:
            raise OSError(28, "No space left on device")
        write(folder, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "write_trial", full)
    done = benchbox(f"{RUN} --jobs 2")

    assert done.code == 1
    assert "No space left on device" in done.err
    assert len(done.err.strip().splitlines()) <= 3
    assert next(written) <= 5

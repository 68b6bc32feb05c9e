"""What a night may bring: kills, full disks, clocks that jump, and very many trials."""

import itertools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from tests.studies.kills import Place, essence, finish, study
from tests.support.commands import Benchbox
from tests.support.planted_packages import plant_model
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trial

LINE = "run -d svd-toy -p kfold:n_folds=2 -m bias -m user-mean --threads 1 --device cpu"


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_leaves_nothing_of_the_dead(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, models=("bias", "user-mean"))
    process = place.start()
    while not place.stored():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()
    known = place.stored()

    said = finish(place)

    assert said == ""
    assert place.left() == []
    assert known.items() <= place.stored().items()
    assert place.run is not None
    assert len(essence(place.run)) == 8


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_as_undisturbed_ones(tmp_path: Path) -> None:
    found = study(10, seed=int(time.time()), root=tmp_path)

    assert found.n_kills >= 10
    assert found.wrong is None


def test_two_processes_do_not_carry_out_one_run(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    folder = benchbox(LINE).folder
    before = {f: f.read_bytes() for f in folder.path.rglob("*") if f.is_file()}

    with folder.locked():
        done = benchbox("run --resume last --rerun all")

    assert done.code == 1
    assert "Another benchbox is carrying out run" in done.err
    assert before == {f: f.read_bytes() for f in before}


def test_a_clock_that_jumps_changes_no_figure(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    wanted = essence(benchbox(LINE).folder)
    jumps = itertools.count()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Clock":
            days = 400 * (-1) ** next(jumps)
            return cls.fromtimestamp(time.time(), UTC) + timedelta(days=days)

    monkeypatch.setattr("benchbox.records.folder.datetime", Clock)
    done = benchbox(LINE)

    assert done.code == 0, done.err
    (folder,) = (
        RunFolder(path.parent)
        for path in done.results.glob("*/run.json")
        if path.parent.name[:4] != str(datetime.now(UTC).year)
    )
    assert essence(folder) == wanted
    assert all(s >= 0 for t in folder.trials() for s in t.wall_seconds.values())


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_ends_a_run_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchbox", *LINE.split(), "--out", str(tmp_path)],
        env=os.environ | {"BENCHBOX_CACHE": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("benchbox: ")
    assert "cannot be written: File too large" in last
    assert not list(tmp_path.rglob("*.part"))


def many(parent: Path, n: int) -> RunFolder:
    """Write a run of *n* trials of two models."""
    stage = toy_stage(n_folds=n // 2)
    run = toy_run([toy_model("mean"), toy_model("net")], [stage])
    folder = RunFolder.create(parent, f"of-{n}")
    folder.write_run(msgspec.structs.replace(run, status="finished"))
    for fold, model in itertools.product(range(n // 2), range(2)):
        trial = toy_trial(run, 0.9 - model / 10 + fold / n, model=model, fold=fold)
        folder.write_trial(trial, None)
    return folder


def seconds_of(words: Sequence[str]) -> float:
    before = time.process_time()
    assert main([*words]) == 0
    return time.process_time() - before


@pytest.mark.slow
def test_a_report_of_ten_thousand_trials_takes_no_more_than_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    few, ten_thousand = many(tmp_path, 1_000), many(tmp_path, 10_000)
    # What is imported is imported now.
    seconds_of(["report", str(few.path)])

    short = seconds_of(["report", str(few.path)])
    long = seconds_of(["report", str(ten_thousand.path)])

    assert long < 30 * short


@pytest.mark.slow
def test_two_thousand_plugins_are_listed_and_one_is_run(
    tmp_path: Path, benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2_000):
        plant_model(tmp_path / "site", f"pack-{number}", f"model-{number}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    listed = benchbox("list models")
    done = benchbox("run -d svd-toy -m model-1999 -m bias --threads 1 --device cpu")

    assert listed.code == 0
    assert listed.out.count("a planted model") >= 1_999
    assert done.code == 0, done.err
    assert set(done.by_label()) == {"model-1999", "bias"}

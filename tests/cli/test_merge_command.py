"""`benchbox merge` and `report A B`: halves of a run become the whole."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchbox.records.folder import RunFolder
from benchbox.records.run import RunRecord
from tests.support.commands import Benchbox, Done

LINE = (
    "run -d svd-toy -p kfold:n_folds=5 -m bias -m svd -m user-mean "
    "--seeds 1 --threads 1 --device cpu"
)
TIMES = ("fit_seconds", "total_seconds", "peak_memory_bytes")
ACCURACY = ("model", "rmse", "rmse_fold_deviation", "mae", "mape", "coverage")
ACCURACY += ("folds", "n_hidden", "mark", "behind_low", "behind_high", "n_ok")


def rows(done: Done) -> list[dict[str, str]]:
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def ran(benchbox: Benchbox, line: str, name: str) -> RunFolder:
    """Carry out a run and give its folder a name."""
    done = benchbox(line)
    assert done.code == 0, done.err
    path = done.folder.path
    return RunFolder(path.rename(path.with_name(name)))


def as_on_another_machine(source: RunFolder, name: str) -> RunFolder:
    """Write a run again, as a machine with another processor would have."""
    run = source.read_run()
    other = msgspec.structs.replace(run.environment, cpu="Abacus 9000")
    folder = RunFolder.create(source.path.parent, name)
    folder.write_run(msgspec.structs.replace(run, id=name, environment=other))
    for trial in source.trials():
        moved = msgspec.structs.replace(trial, environment=other.id)
        folder.write_trial(moved, source.predictions(trial))
        folder.write_reference(moved, source.reference(trial))
    return folder


def same(one: list[dict[str, str]], other: list[dict[str, str]]) -> bool:
    return [[r[k] for k in ACCURACY] for r in one] == [
        [r[k] for k in ACCURACY] for r in other
    ]


def statistics(benchbox: Benchbox, name: str) -> list[dict[str, Any]]:
    done = benchbox(f"stats {name} -f json")
    assert done.code == 0, done.err
    stages: list[dict[str, Any]] = json.loads(done.out)["stages"]
    for interval in (row for stage in stages for row in stage["intervals"]):
        # A busy machine may have had no time to ask for pairs again.
        del interval["asked_again"]
    return [{k: v for k, v in stage.items() if k != "stage"} for stage in stages]


def test_halves_of_two_machines_merge_into_the_table_of_the_whole(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    ran(benchbox, LINE, "whole")
    first = ran(benchbox, f"{LINE} -f k1,k2", "first")
    here = ran(benchbox, f"{LINE} -f k3,k4,k5", "here")
    as_on_another_machine(here, "there")
    whole = rows(benchbox("report whole -f csv"))

    merged = benchbox("merge there first --out results/both")
    both = rows(benchbox("report both -f csv"))
    reported = rows(benchbox("report there first -f csv"))
    same_machine = rows(benchbox("report here first -f csv"))

    assert merged.code == 0
    ids = f"merged from there + {first.read_run().id}."
    assert ids in " ".join(merged.out.split())
    assert "Times and memory are left out" in merged.out
    assert same(both, whole)
    assert same(reported, whole)
    assert same(same_machine, whole)
    assert {row[time] for row in both + reported for time in TIMES} == {""}
    assert "" not in {row[time] for row in same_machine for time in TIMES}
    assert statistics(benchbox, "both") == statistics(benchbox, "whole")
    compared = benchbox("compare whole both")
    assert "0 WORSE, 0 BETTER" in compared.out
    _check_files(RunFolder(tmp_path / "results" / "both"), first)
    _check_refusals(benchbox)


def _check_files(both: RunFolder, first: RunFolder) -> None:
    run: RunRecord = both.read_run()
    assert (run.status, len(both.trials())) == ("finished", run.n_trials)
    assert [one.id for one in run.merged] == ["there", first.read_run().id]
    for trial in both.trials():
        assert both.predictions(trial).shape == (trial.n_hidden,)
        assert both.reference(trial).shape == (trial.n_hidden,)
    assert (
        both.log(both.trials()[0]).read_bytes()
        == first.log(first.trials()[0]).read_bytes()
    )


def _check_refusals(benchbox: Benchbox) -> None:
    resumed = benchbox("run --resume both")
    assert (resumed.code, resumed.out) == (2, "")
    assert "was merged from there + " in resumed.err
    again = benchbox("merge there first --out results/both")
    assert again.code == 2
    assert "results/both exists" in again.err
    other = benchbox("merge there first --out results/other --json")
    assert other.out == benchbox("report other --json").out
    alone = benchbox("merge there --out results/alone")
    assert alone.code == 2
    assert "One run is nothing to merge" in alone.err


def test_what_cannot_be_merged_leaves_nothing(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    line = "run -d svd-toy -m bias --threads 1 --device cpu"
    ran(benchbox, f"{line} -p kfold:n_folds=2", "kfold")
    ran(benchbox, f"{line} -p kfold:n_folds=3", "other")
    sound = ran(benchbox, f"{line} -p kfold:n_folds=2 -f k2", "half")
    before = sorted(os.listdir(tmp_path / "results"))

    refused = benchbox("merge kfold other --out results/both")
    next((sound.path / "predictions").glob("*.npy")).write_bytes(b"damaged")
    damaged = benchbox("merge half kfold --out results/both")

    assert refused.code == damaged.code == 1
    assert "figures differ in: protocol (kfold:n_folds=2" in refused.err
    assert "cannot be read" in damaged.err
    assert sorted(os.listdir(tmp_path / "results")) == before


def test_a_model_that_lacks_a_fold_is_marked_and_has_no_mean(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    line = "run -d svd-toy -p kfold:n_folds=2 --threads 1 --device cpu"
    ran(benchbox, f"{line} -m bias -m user-mean -f k1", "first")
    ran(benchbox, f"{line} -m bias -f k2", "second")

    found = {row["model"]: row for row in rows(benchbox("report first second -f csv"))}

    assert found["bias"]["rmse"]
    assert (found["bias"]["n_ok"], found["bias"]["n_trials"]) == ("2", "2")
    assert found["user-mean"]["rmse"] == ""
    assert (found["user-mean"]["n_ok"], found["user-mean"]["n_trials"]) == ("1", "2")

"""`benchbox compare`, from two runs to a verdict and an exit code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from benchbox.records.folder import RunFolder, predictions_digest
from tests.support.commands import Benchbox, Done

DATA = "-d synthetic:n_users=120,n_items=80,n_ratings=3000 -p kfold:n_folds=2"
SUITE = f"run {DATA} -m bias -m item-mean -m planted.py:Honest --seeds 1 --repeats 6"


@pytest.fixture
def baseline(benchbox: Benchbox) -> Done:
    return benchbox(SUITE)


def copied(baseline: Done, name: str) -> RunFolder:
    """Return a copy of a run, to be changed."""
    target = baseline.results / name
    shutil.copytree(baseline.folder.path, target)
    folder = RunFolder(target)
    folder.write_run(replace(folder.read_run(), id=name))
    return folder


def test_a_run_is_compared_with_a_worse_a_slower_and_an_equal_one(
    benchbox: Benchbox, baseline: Done
) -> None:
    original = baseline.folder
    name = original.path.name
    # The times of this machine are what they are; those compared are made up.
    changed = copied(baseline, "changed")
    for number, trial in enumerate(changed.trials()):
        trial.contended = []
        trial.wall_seconds = {"fit": 1 + number / 1000, "predict": 1.0}
        original.write_trial(trial, None)
        if trial.label == "item-mean":
            trial.wall_seconds = {"fit": 1.3 + number / 1000, "predict": 1.0}
        if trial.label == "bias":
            if not trial.repeat:
                moved = changed.predictions(trial)
                moved += np.where(np.arange(len(moved)) % 2, 0.3, -0.3)
                trial.predictions_digest = predictions_digest(moved)
                changed.write_trial(trial, moved)
                continue
            trial.predictions_digest = "other"
        changed.write_trial(trial, None)

    done = benchbox(f"compare {name} changed --format json")
    itself = benchbox(f"compare {name} {name}")
    table = benchbox(f"compare {name} changed")
    markdown = benchbox(f"compare {name} changed --format markdown")

    assert done.code == 1
    cells = {(c["who"], c["quantity"]): c for c in json.loads(done.out)["cells"]}
    assert cells["bias", "rmse"]["reason"] == "paired by user"
    assert cells["bias", "rmse"]["verdict"] == "WORSE"
    assert cells["item-mean", "fit"]["verdict"] == "WORSE"
    assert cells["item-mean", "rmse"]["reason"] == "identical predictions"
    assert cells["Honest", "fit"]["verdict"] == "SAME"
    assert cells["bias", "fit"]["verdict"] == "SAME"
    assert itself.code == 0
    assert "0 WORSE, 0 BETTER, 0 UNSURE, 21 SAME" in itself.out
    assert table.code == markdown.code == 1
    assert "item-mean" in table.out
    assert "Honest" not in table.out
    assert "+29.5%" in table.out
    assert "| ✗ WORSE | " in markdown.out


def test_without_the_data_predictions_are_not_paired_and_that_is_said(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").write_text(
        "user,item,rating\n"
        + "".join(f"u{n % 9},i{n // 9},{1 + n % 5}\n" for n in range(90))
    )
    benchbox("run -d mine.csv -p holdout:fraction=0.3 -m bias")
    folder = RunFolder.find("last", tmp_path / "results")
    shutil.copytree(folder.path, folder.path.with_name("zz"))
    (trial,) = RunFolder(folder.path.with_name("zz")).trials()
    trial.predictions_digest = "other"
    RunFolder(folder.path.with_name("zz")).write_trial(trial, None)
    (tmp_path / "mine.csv").unlink()

    done = benchbox(f"compare {folder.path.name} zz")

    assert done.code == 0
    assert done.err.count("predictions cannot be compared") == 1
    assert "neither predictions to pair nor several seeds" in done.out


def test_files_of_pytest_benchmark_are_compared_alike(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    def write(name: str, seconds: float) -> None:
        data = [seconds * (1 + k / 100) for k in range(6)]
        test = {"name": "t", "fullname": "m.py::t", "stats": {"data": data}}
        (tmp_path / name).write_text(json.dumps({"benchmarks": [test]}))

    write("old.json", 1e-4)
    write("new.json", 2e-4)

    assert benchbox("compare old.json new.json").code == 1
    assert benchbox("compare old.json old.json").code == 0
    assert "1 BETTER" in benchbox("compare new.json old.json").out


def test_a_gate_passes_no_file_that_lacks_what_the_baseline_has(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    def write(name: str, *tests: str, **scores: float) -> None:
        content = [
            {
                "name": test,
                "fullname": f"m.py::{test}",
                "stats": {"data": [0.1] * 6},
                "extra_info": {**scores, "folds": {"k1": "aa"}},
            }
            for test in tests
        ]
        (tmp_path / name).write_text(json.dumps({"benchmarks": content}))

    write("old.json", "t", "v", rmse=0.9)
    write("none.json")
    write("fewer.json", "t", rmse=0.9)
    write("unscored.json", "t", "v")
    write("deep.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "list.json").write_text("[]")

    for name, text in (
        ("none.json", "none.json has no results"),
        ("fewer.json", "fewer.json has no v on m.py"),
        ("deep.json", "not a file written by pytest"),
        ("list.json", "not a file written by pytest"),
    ):
        done = benchbox(f"compare old.json {name}")
        assert done.code == 2
        assert text in done.err
        assert done.err.count("\n") == 1
    assert benchbox("compare old.json fewer.json --allow-missing").code == 0
    gone = benchbox("compare old.json unscored.json")
    assert gone.code == 1
    assert "WORSE: unscored.json does not have this metric." in gone.out
    assert "Seconds are those of a whole round" in gone.out


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("compare nowhere last", "There is no run 'nowhere'"),
        ("compare broken.json broken.json", "is not a file written by pytest"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    benchbox: Benchbox, tmp_path: Path, line: str, text: str
) -> None:
    (tmp_path / "broken.json").write_text("[1,")

    done = benchbox(line)

    assert done.code == 2
    assert text in done.err

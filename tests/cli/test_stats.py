"""`benchbox stats`: figures from stored predictions alone, each with its doubt."""

import csv
import io
import json
import os
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from benchbox.trials.executors.local import LocalExecutor
from tests.support.commands import PLANTED, Benchbox, Lender

DATA = "synthetic:n_users=80,n_items=60,n_ratings=1500"
MODELS = f"-m bias -m item-mean -m svd -m {PLANTED}:Honest -m {PLANTED}:Tuned"
SECTIONS = [
    "definitions",
    "intervals",
    "pairs",
    "activity",
    "popularity",
    "rating",
    "prediction",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Path:
    """Return a folder with one run: made-up ratings, two folds, and a temporal one."""
    out = tmp_path_factory.mktemp("runs")
    line = f"run -d {DATA} -p kfold:n_folds=2 -p new-items {MODELS} --repeats 2"
    with pytest.MonkeyPatch.context() as patched:
        lender.serve(patched)
        assert main(shlex.split(f"{line} --out {out}")) == 0
    return out


Stats = Callable[[str], str]


@pytest.fixture
def stats(benchbox: Benchbox, results: Path, monkeypatch: pytest.MonkeyPatch) -> Stats:
    """Run ``benchbox stats`` on that run, where nothing can be fitted."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("stats must not fit anything")

    monkeypatch.setattr(LocalExecutor, "__enter__", refuse)

    def call(options: str = "") -> str:
        done = benchbox(f"stats --out {results} {options}")
        assert done.code == 0, done.err
        return done.out

    return call


@pytest.fixture(scope="module")
def content(results: Path) -> Any:
    text = io.StringIO()
    with redirect_stdout(text):
        assert main(["stats", "--out", str(results), "-f", "json"]) == 0
    return json.loads(text.getvalue())


def test_the_first_definition_is_the_one_of_the_records(
    content: Any, results: Path
) -> None:
    trials = RunFolder.find("last", results).trials()
    names = {"pooled": "rmse", "by-user": "rmse-by-user", "by-item": "rmse-by-item"}
    for number, stage in enumerate(content["stages"]):
        for row in stage["definitions"]:
            if row["model"] == "(bias model)":
                continue
            mine = [t for t in trials if t.stage == number and t.label == row["model"]]
            for reading, metric in names.items():
                mean = np.mean([t.metrics[metric].value for t in mine])
                assert row[reading] == pytest.approx(mean)


def test_dropping_cold_pairs_drops_them_all_where_every_item_is_new(
    content: Any,
) -> None:
    warm, new_items = content["stages"]

    assert {row["n_known"] for row in new_items["definitions"]} == {0}
    assert {row["known"] for row in new_items["definitions"]} == {None}
    assert all(row["n_known"] > 1400 for row in warm["definitions"])


def test_intervals_hold_their_figures_and_state_what_they_are_about(
    content: Any,
) -> None:
    for stage in content["stages"]:
        for row in stage["intervals"]:
            assert "users like these" in row["estimand"]
            for metric in ("rmse", "mae", "mape"):
                low, high = (row[f"pooled_{metric}_{end}"] for end in ("low", "high"))
                assert low < row[f"pooled_{metric}"] < high


def test_pairs_agree_with_the_figures_and_the_letters(content: Any) -> None:
    for stage in content["stages"]:
        rows = {row["model"]: row for row in stage["intervals"]}
        assert len(stage["pairs"]) == len(rows) * (len(rows) - 1) / 2
        for pair in stage["pairs"]:
            first, second = rows[pair["first"]], rows[pair["second"]]
            gap = first["pooled_rmse"] - second["pooled_rmse"]
            assert pair["difference"] == pytest.approx(gap, abs=1e-12)
            apart = not set(first["group"]) & set(second["group"])
            assert apart == (pair["verdict"] in ("better", "worse"))


def test_models_that_predict_alike_are_the_same_and_the_reference_is_not_repeated(
    content: Any,
) -> None:
    stage = content["stages"][0]
    pairs = {frozenset((p["first"], p["second"])): p for p in stage["pairs"]}

    alike = pairs[frozenset(("Honest", "Tuned"))]
    assert (alike["verdict"], alike["difference"]) == ("same", 0.0)
    # The model called bias is the reference line.
    assert "(bias model)" not in {row["model"] for row in stage["intervals"]}


def test_each_hidden_rating_is_in_one_slice_of_each_kind(content: Any) -> None:
    for stage in content["stages"]:
        n_hidden = sum(fold["n_hidden"] for fold in stage["stage"]["folds"])
        for name in SECTIONS[3:]:
            totals: dict[str, float] = {}
            for row in stage[name]:
                totals[row["model"]] = totals.get(row["model"], 0) + row["slice_n"]
            assert set(totals.values()) == {n_hidden}
    _, new_items = content["stages"]
    assert {row["slice"] for row in new_items["popularity"]} == {"new"}


def test_no_column_of_csv_holds_two_kinds_of_figure(stats: Stats) -> None:
    lines = list(csv.DictReader(io.StringIO(stats("-f csv"))))

    words = {"run", "dataset", "protocol", "flaw", "clipped", "section"}
    words |= {"model", "first", "second", "slice", "estimand"}
    sliced = set(SECTIONS[3:])
    owners: dict[str, set[str]] = {}
    for line in lines:
        for key, value in line.items():
            if value and key not in words:
                owners.setdefault(key, set()).add(line["section"])
    for key, sections in owners.items():
        assert len(sections) == 1 or sections <= sliced or "settle" in key, key
    assert {line["section"] for line in lines} >= set(SECTIONS)


@pytest.mark.parametrize("width", [80, 120])
def test_the_text_fits_the_terminal(
    stats: Stats, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    text = stats()

    assert max(map(len, text.splitlines())) <= width
    for words in ("cold dropped", "users like these", "Calibration", "4th quarter"):
        assert words in text


def test_markdown_has_a_table_per_section(stats: Stats) -> None:
    text = stats("-f markdown")

    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert text.count("\n|:--") == len(headings) >= 2 * len(SECTIONS)


def test_the_same_predictions_give_the_same_figures(stats: Stats, content: Any) -> None:
    assert json.loads(stats("-f json")) == content


def test_folds_of_other_ratings_are_refused_by_name(
    results: Path, benchbox: Benchbox, tmp_path: Path
) -> None:
    run = RunFolder.find("last", results).read_run()
    fold = msgspec.structs.replace(run.stages[0].folds[1], id="f" * 32)
    run.stages[0].folds[1] = fold
    folder = RunFolder.create(tmp_path / "results", run.id)
    folder.write_run(run)
    for trial in RunFolder.find("last", results).trials():
        folder.write_trial(trial, None)

    done = benchbox("stats")

    assert done.code == 1
    assert f"is no trial of run {run.id}: it was scored on fold 'k2'" in done.err
    assert "and the run shows ffff" in done.err


def test_a_run_without_predictions_says_how_to_keep_them(
    results: Path, benchbox: Benchbox, tmp_path: Path
) -> None:
    source = RunFolder.find("last", results)
    folder = RunFolder.create(tmp_path / "results", source.path.name)
    folder.write_run(source.read_run())
    for trial in source.trials():
        folder.write_trial(trial, None)

    done = benchbox("stats")

    assert done.code == 1
    assert "Run again without --drop-predictions" in done.err


def test_a_run_in_which_nothing_ended_well_has_nothing_to_tell(
    results: Path, benchbox: Benchbox, tmp_path: Path
) -> None:
    source = RunFolder.find("last", results)
    folder = RunFolder.create(tmp_path / "results", source.path.name)
    folder.write_run(source.read_run())
    for trial in source.trials():
        failed = msgspec.structs.replace(trial, status="failed", metrics={})
        folder.write_trial(failed, None)

    done = benchbox("stats")

    assert done.code == 1
    assert "nothing to analyse" in done.err


@pytest.mark.slow
def test_on_real_ratings_pairs_are_sharp_and_definitions_far_apart(
    benchbox: Benchbox,
) -> None:
    if not (Path(os.environ.get("BENCHBOX_DATA", "/nonexistent")) / "ml-100k").is_dir():
        pytest.skip("BENCHBOX_DATA has no ml-100k")
    models = "-m bias -m biased-mf --seeds 1"
    benchbox(f"run -d ml-100k -p kfold -p temporal:quantile=0.8 {models}")

    folds, temporal = json.loads(benchbox("stats -f json").out)["stages"]

    (pair,) = folds["pairs"]
    assert (pair["first"], pair["verdict"]) == ("biased-mf", "better")
    assert pair["sharper_over_users"] > 4
    assert pair["sharper_over_folds"] > 4
    # What one tool prints by default, and what all ratings say: 0.84 and 1.03 there.
    (row,) = [r for r in temporal["definitions"] if r["model"] == "biased-mf"]
    assert row["pooled"] > 1.01
    assert row["known-by-user"] < 0.86
    assert (row["n_known"], row["n_scored"]) == (2860, 19997)

"""Questions with a time: a model that asks is told when, and only after its fit."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchbox.cli import main
from benchbox.errors import UsageError
from benchbox.plugins import discover
from benchbox.ratings import RatingScale
from benchbox.runs import SavedModel, Stages, Trust
from tests.support.commands import PLANTED, Benchbox, Lender

DAY = 86_400
WIDE = RatingScale(-1e6, 1e6)
MODEL = f"{PLANTED}:AsksWhen"


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Ratings, the k-th of them given on day k."""
    file = tmp_path / "ratings.csv"
    cells = np.random.default_rng(0).permutation(12 * 10)[:80]
    lines = [
        f"u{cell // 10},i{cell % 10},{1 + cell % 5},{(k + 1) * DAY}"
        for k, cell in enumerate(cells)
    ]
    file.write_text("\n".join(["user,item,rating,timestamp", *lines, ""]))
    return file


def test_each_pair_is_asked_with_the_time_of_its_rating(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m {MODEL} -d {ratings} -p holdout:fraction=0.3 --latency")

    (trial,) = done.trials()
    assert trial.status == "ok", trial.reason
    assert {case.case for case in trial.latency} == {"pairs", "row"}
    stages = Stages(discover(), lambda text: None)
    (fold,) = stages.stage(str(ratings), "holdout:fraction=0.3").folds
    days = fold.hidden.timestamps // DAY - fold.train.timestamps.max() // DAY
    assert done.folder.predictions(trial).tolist() == days.tolist()


def test_without_timestamps_it_is_skipped_with_the_reason(benchbox: Benchbox) -> None:
    done = benchbox(f"run -m {MODEL} -d svd-toy -p holdout")

    (trial,) = done.trials()
    assert (trial.status, trial.reason) == (
        "skipped",
        "AsksWhen needs timestamps, and svd-toy has none",
    )


NEVER_ASKS = f"{PLANTED}:Inductive"


def test_tables_mark_models_that_are_told_and_rank_them_apart(
    benchbox: Benchbox, ratings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = benchbox(
        f"run -m {MODEL} -m {NEVER_ASKS} -m bias -d {ratings} -p kfold:n_folds=2"
    )

    rows = {line.split()[0]: line for line in done.out.splitlines() if "◆" in line}
    assert "◷" in rows["AsksWhen"]
    assert [name for name, row in rows.items() if "◷" in row] == ["AsksWhen"]
    # Each kind has a best of its own, however much worse it is.
    assert "*" in rows["AsksWhen"]
    assert done.out.count("*") == 3  # two rows, and the sentence on them
    assert "AsksWhen. This is another task" in " ".join(done.out.split())
    assert "⚠ ◷ In fold k1" in done.out
    assert "can interpolate between the user's ratings" in " ".join(done.out.split())
    assert "told when each question is asked: AsksWhen. In fold k1" in done.err

    for form, mark in {"markdown": "◷ |", "latex": r"$^{\mathrm{t}}$"}.items():
        assert mark in benchbox(f"report last -f {form}").out
    by_model = {
        row["model"]: row["asks_times"]
        for board in json.loads(benchbox("report last -f json").out)["tables"]
        for row in board["rows"]
    }
    assert by_model == {"AsksWhen": True, "Inductive": False, "bias": False}

    apart = json.loads(benchbox("stats -f json").out)["stages"][0]["pairs"]
    assert [{p["first"], p["second"]} for p in apart] == [{"Inductive", "bias"}]
    together = benchbox("stats --across-kinds -f json").out
    assert len(json.loads(together)["stages"][0]["pairs"]) == 3
    assert "AsksWhen ◷" in benchbox("stats").out


def test_a_run_without_such_models_says_nothing_of_it(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m bias -d {ratings} -p holdout")

    assert "◷" not in done.out + done.err
    assert "told when" not in done.out + done.err


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Path:
    """The model, fitted to ratings of days 1 to 3."""
    folder = tmp_path_factory.mktemp("told")
    file = folder / "ratings.csv"
    file.write_text(
        f"user,item,rating,timestamp\na,x,1,{DAY}\na,y,2,{2 * DAY}\nb,x,3,{3 * DAY}\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        lender.serve(patched)
        assert main(["fit", MODEL, "-d", str(file), "--out", str(folder / "m")]) == 0
    return folder / "m"


@pytest.fixture
def saved(saved_once: Path) -> SavedModel:
    return SavedModel.load(saved_once, Trust(discover(), files=(PLANTED,)))


def test_a_saved_model_is_asked_now_or_at_given_times(saved: SavedModel) -> None:
    wide = replace(saved, ratings=replace(saved.ratings, scale=WIDE))

    assert wide.predict(["a", "b"], ["y", "y"], 5 * DAY).tolist() == [2, 2]
    assert wide.predict(["a", "b"], ["y", "y"], [4 * DAY, 9 * DAY]).tolist() == [1, 6]
    today = int(time.time()) // DAY - 3
    assert wide.predict(["a"], ["x"])[0] in (today, today + 1)
    with pytest.raises(UsageError, match=r"shape \(3,\) for 2 pairs"):
        wide.predict(["a", "b"], ["y", "y"], [1, 2, 3])


@pytest.mark.parametrize(
    ("pairs", "options", "predicted"),
    [
        ("user,item\na,y\nb,y\n", "--at 1970-01-05", ["1.0000", "1.0000"]),
        ("user,item\na,y\nb,y\n", f"--at {5 * DAY}", ["2.0000", "2.0000"]),
        (
            f"user,item,timestamp\na,y,{4 * DAY}\nb,y,{6 * DAY}\n",
            "",
            ["1.0000", "3.0000"],
        ),
        ("user,item,date\na,y,1970-01-05\nb,y,1970-01-06\n", "", ["1.0000", "2.0000"]),
        (
            f"user,item,timestamp\na,y,{4 * DAY}\nb,y,{6 * DAY}\n",
            "--at 1970-01-06",
            ["2.0000", "2.0000"],
        ),
    ],
)
def test_predict_asks_at_the_times_it_is_given(
    benchbox: Benchbox,
    saved_once: Path,
    tmp_path: Path,
    pairs: str,
    options: str,
    predicted: list[str],
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(pairs)

    done = benchbox(f"predict {saved_once} {file} --code {PLANTED} {options}")

    assert done.code == 0, done.err
    assert [line.split(",")[-1] for line in done.out.splitlines()[1:]] == predicted
    assert done.err == ""


def test_without_a_time_it_is_asked_now_and_a_line_says_so(
    benchbox: Benchbox, saved_once: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("user,item\na,y\n")

    done = benchbox(f"predict {saved_once} {file} --code {PLANTED}")

    assert "asked as of now, 20" in done.err
    assert "fitted to ratings up to 1970-01-04. --at names another time" in done.err
    # Far beyond the scale by now.
    assert done.out.splitlines()[1].endswith(",3.0000")


def test_recommend_asks_at_the_time_it_is_given(
    benchbox: Benchbox, saved_once: Path
) -> None:
    command = f"recommend {saved_once} --user b --code {PLANTED} --json"

    done = benchbox(f"{command} --at 1970-01-06")

    assert [item["predicted"] for item in json.loads(done.out)] == [2.0]
    assert "asked as of now" in benchbox(command).err


def test_a_time_that_is_none_or_that_changes_nothing_is_refused(
    benchbox: Benchbox, saved_once: Path, tmp_path: Path, ratings: Path
) -> None:
    done = benchbox(f"recommend {saved_once} --user b --code {PLANTED} --at soon")
    assert (done.code, "--at 'soon' is no time" in done.err) == (2, True)

    benchbox(f"fit bias -d {ratings} --out plain")
    done = benchbox("recommend plain --user u1 --at 2020-01-01")
    assert (done.code, "bias predicts the same at any time" in done.err) == (2, True)

"""Own files on the command line: names, folds and descriptions."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Benchbox

ROWS = [(u, i, 1 + (u * i) % 5) for u in range(1, 13) for i in range(1, 13)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows=ROWS, header: str = "user,item,rating") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    lines = [header] * bool(header) + [",".join(map(str, row)) for row in rows]
    Path(name).write_text("\n".join(lines) + "\n")


def test_files_of_one_name_are_told_apart_in_every_table_and_in_the_record(
    benchbox: Benchbox,
) -> None:
    write("x/ratings.csv")
    write("y/ratings.csv", ROWS[:-20])

    done = benchbox(
        "run -d x/ratings.csv -d y/ratings.csv -m bias -m global-mean --seeds 1"
    )

    assert done.code == 0, done.err
    run = json.loads((done.folder.path / "run.json").read_bytes())
    names = ["x/ratings.csv", "y/ratings.csv"]
    assert [stage["dataset"] for stage in run["stages"]] == names
    assert [stage["origin"] for stage in run["stages"]] == [
        f"own file {name}" for name in names
    ]
    for table in ("table.md", "table.csv", "table.tex"):
        text = (done.folder.path / table).read_text()
        assert all(name in text for name in names)


@pytest.mark.parametrize("protocol", ["leave-one-out", "holdout-user:count=2"])
def test_ratings_of_each_user_are_hidden_without_times(
    benchbox: Benchbox, protocol
) -> None:
    write("ratings.csv")

    done = benchbox(f"data folds ratings.csv -p {protocol}")

    assert done.code == 0, done.err
    n_hidden = 12 if protocol == "leave-one-out" else 24
    assert f" {n_hidden} " in done.out
    assert "every user shows a rating" in done.out


def test_a_name_that_is_no_utf8_is_run_and_recorded(benchbox: Benchbox) -> None:
    write("lat\udce9.csv")

    done = benchbox("run -m bias --seeds 1 -d lat\udce9.csv")

    assert done.code == 0, done.err
    assert r"lat\xe9.csv" in done.out
    assert benchbox("report last").code == 0


def test_ratings_that_mean_not_rated_are_warned_of_and_can_be_left_out(
    benchbox: Benchbox,
) -> None:
    write("zeros.csv", [(u, i, r if (u + i) % 2 else 0) for u, i, r in ROWS])

    warned = benchbox("data show zeros.csv")
    without = benchbox("data show zeros.csv:missing=0")
    run = benchbox("run -d zeros.csv:missing=0 -m bias --seeds 1")

    assert "missing=0" in " ".join(warned.out.split())
    assert "warning" not in without.out
    assert "72 ratings of 0 (missing)" in without.out
    assert "zeros.csv:missing=0" in run.out
    assert "\nLeft out: 72 ratings of 0 (missing).\n" in run.out
    record = json.loads((run.folder.path / "run.json").read_bytes())
    assert record["stages"][0]["n_ratings"] == 72


def test_the_warning_is_in_the_record_of_the_run(benchbox: Benchbox) -> None:
    write("zeros.csv", [(u, i, r if (u + i) % 2 else 0) for u, i, r in ROWS])

    done = benchbox("run -d zeros.csv -m bias --seeds 1")

    assert "far from all others" in done.err
    (stage,) = json.loads((done.folder.path / "run.json").read_bytes())["stages"]
    names = [found["name"] for found in stage["folds"][0]["findings"]]
    assert "code-for-missing" in names


def test_show_says_which_column_became_what_and_why(benchbox: Benchbox) -> None:
    write("r.csv", [(*row, "x", 0) for row in ROWS], "uid,asin,note,score,date")
    write("bare.csv", ROWS, "")

    named = benchbox("data show r.csv --columns rating=note")
    bare = benchbox("data show bare.csv")

    lines = [" ".join(line.split()) for line in named.out.splitlines()]
    assert "user column uid (by its name)" in lines
    assert "item column asin (likely, by its name)" in lines
    assert "rating column note (as stated)" in lines
    assert "unused columns score" in lines
    lines = [" ".join(line.split()) for line in bare.out.splitlines()]
    assert "rating column 2 (only by its place)" in lines
    assert "header none, so columns are numbered from 0" in lines


def test_swapped_columns_are_hinted_at(benchbox: Benchbox) -> None:
    write("r.csv", [(f"B{i:09}", f"A{u:012}", r) for u, i, r in ROWS], "")

    assert "swapped" in benchbox("data show r.csv").out
    turned = benchbox("data show r.csv --columns item,user,rating")
    assert "swapped" not in turned.out

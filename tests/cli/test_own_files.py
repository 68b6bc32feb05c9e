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

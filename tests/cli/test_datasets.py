"""`benchbox data` and `list`: what is here, and what would have to be fetched."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Benchbox


@pytest.fixture(autouse=True)
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCHBOX_DATA", raising=False)


def test_list_says_what_is_not_here_and_where_it_would_come_from(
    benchbox: Benchbox,
) -> None:
    lines = benchbox("list datasets").out.splitlines()

    files = {line.split()[0]: line for line in lines if line}
    assert "not here; from files.grouplens.org, 189 MiB" in files["ml-20m"]
    assert "not here" not in files["svd-toy"] + files["synthetic"]


def test_a_narrow_list_names_what_is_here(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = benchbox("list datasets").out.splitlines()

    assert "On this machine: svd-toy, synthetic." in lines
    assert "Not shown: from, files (see list --json)." in lines


def test_an_address_is_whole_and_fits_the_terminal(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = benchbox("data show ml-100k").out.splitlines()

    address = "https://files.grouplens.org/datasets/movielens/ml-100k-README.txt"
    assert address in [line.strip() for line in lines]
    assert max(map(len, lines)) <= 80


def test_list_as_json_says_so_too(benchbox: Benchbox) -> None:
    content = json.loads(benchbox("list datasets --json").out)

    here = {card["name"]: card["is_here"] for card in content["datasets"]}
    assert here["svd-toy"]
    assert not here["goodbooks-10k"]


def test_show_of_absent_data_tells_what_the_card_says_and_fetches_nothing(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    done = benchbox("data show ml-20m")

    assert done.code == 0
    for part in (
        "138,493, according to the card",
        "BENCHBOX_DATA is not set",
        "files.grouplens.org, 189 MiB",
        "benchbox data fetch ml-20m",
        "ratings.csv and",
        "top_users",
        "For research only",
        "no, or unknown",
    ):
        assert part in done.out
    assert not list((tmp_path / "cache").rglob("*"))


def test_show_of_absent_data_still_refuses_options_it_does_not_know(
    benchbox: Benchbox,
) -> None:
    done = benchbox("data show ml-20m:top_user=3")

    assert done.code == 2
    assert "no option 'top_user'" in done.err


def test_show_of_an_own_file_that_is_not_there_says_so(benchbox: Benchbox) -> None:
    done = benchbox("data show absent.csv")

    assert done.code == 1
    assert "There is no file 'absent.csv'" in done.err


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("ml-20m", "ratings.csv and movies.csv"),
        ("ml-1m", "ratings.dat, users.dat and movies.dat"),
        ("goodbooks-10k", "ratings.csv and books.csv"),
    ],
)
def test_a_run_offline_names_the_folder_and_the_files_expected_there(
    benchbox: Benchbox, name: str, files: str
) -> None:
    done = benchbox(f"run -d {name} -m bias")

    assert done.code == 1
    (line,) = done.err.strip().splitlines()
    assert f"Put {files} into a folder '{name}'" in line
    assert "BENCHBOX_DATA" in line


def test_own_files_can_be_sliced(benchbox: Benchbox, tmp_path: Path) -> None:
    lines = [f"{n // 4},{n % 4},{1 + n % 5}" for n in range(20)]
    (tmp_path / "ratings.csv").write_text("\n".join(lines[:-1]) + "\n")

    done = benchbox("data show ratings.csv:top_users=3")

    assert done.code == 0
    assert "12 (100.00% of all pairs)" in done.out

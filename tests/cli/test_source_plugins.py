"""Sources from plugins: fetched, kept, proved and listed like any other."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import Benchbox
from tests.support.planted_packages import plant, plant_dataset

KIND = """
import os
import shutil
from pathlib import Path

from benchbox import hookimpl
from benchbox.data import PassedOverError, RemoteFiles, SourceKind


class ShelfSource(RemoteFiles, frozen=True, kw_only=True, tag="bookcase"):
    board: int

    @property
    def title(self):
        return f"board {self.board} of the shelf"

    def check_reachable(self):
        if "SHELF" not in os.environ:
            raise PassedOverError("is too high")

    def fetch(self, into, notify):
        for file in self.files:
            shutil.copy(Path(os.environ["SHELF"], str(self.board), file), into)


@hookimpl
def benchbox_sources():
    return [SourceKind(source=ShelfSource, summary="files on the shelf")]
"""

CARD = """
name = "shelf-books"
title = "Books of the shelf"
summary = "ratings of books on the shelf"
scale = { low = 1.0, high = 5.0, step = 1.0 }
n_ratings = 60

[licence]
text = "Made up."
redistributable = true

[ratings]
file = "books.csv"

[[sources]]
type = "bookcase"
board = 3
files = { "books.csv" = "%s" }
"""

ROWS = [f"u{n // 5},i{n % 5},{1 + n * 7 % 5}" for n in range(60)]
BOOKS = "\n".join(["user,item,rating", *ROWS, ""]).encode()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchbox: Benchbox) -> Path:
    """A shelf with the books; the plugin of its kind, and one with the data set."""
    folder = tmp_path / "shelf" / "3"
    folder.mkdir(parents=True)
    (folder / "books.csv").write_bytes(BOOKS)
    site = tmp_path / "site"
    plant(site, "acme-shelf", KIND)
    plant_dataset(site, "zoo-books", CARD % sha256(BOOKS).hexdigest())
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
    monkeypatch.delenv("BENCHBOX_OFFLINE")
    return folder


def test_a_run_has_its_data_from_a_source_of_a_plugin_and_then_from_the_cache(
    shelf: Path, benchbox: Benchbox
) -> None:
    first = benchbox("run -d shelf-books -m bias")
    (shelf / "books.csv").unlink()
    again = benchbox("run -d shelf-books -m bias")

    assert first.code == 0, first.err
    assert "shelf-books: downloading from board 3 of the shelf. Made up." in first.err
    assert again.code == 0, again.err
    (stage,) = again.folder.read_run().stages
    assert stage.origin == "board 3 of the shelf, from the cache"
    assert stage.n_ratings == 60


def test_a_source_of_a_plugin_is_listed_and_shown(
    shelf: Path, benchbox: Benchbox
) -> None:
    lines = benchbox("list datasets").out.splitlines()
    kinds = benchbox("list sources").out
    shown = benchbox("data show shelf-books").out

    (line,) = [line for line in lines if line.startswith("shelf-books")]
    assert line.endswith("not here; from board 3 of the shelf")
    for part in (
        "bookcase ",
        "files on the shelf",
        "acme-shelf 1.2",
        "folder",
        "wheel",
    ):
        assert part in kinds
    assert "board 3 of the shelf" in shown


@pytest.mark.parametrize("trouble", ["reach", "copy", "content"])
def test_a_source_of_a_plugin_that_fails_costs_one_line(
    shelf: Path,
    benchbox: Benchbox,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    reason = {
        "reach": "board 3 of the shelf is too high",
        "copy": "board 3 of the shelf failed (FileNotFoundError: ",
        "content": "board 3 of the shelf sent a different books.csv",
    }[trouble]
    if trouble == "reach":
        monkeypatch.delenv("SHELF")
    elif trouble == "copy":
        (shelf / "books.csv").unlink()
    else:
        (shelf / "books.csv").write_text("1,2,3\n")

    done = benchbox("run -d shelf-books -m bias")

    assert done.code == 1
    passed_over, last = [
        line for line in done.err.splitlines() if "downloading" not in line
    ]
    assert passed_over.startswith(f"shelf-books: {reason}")
    assert last.startswith("benchbox: No source of data set 'shelf-books' can be used")
    assert reason in last


def test_without_the_plugin_its_data_set_costs_one_line_and_the_rest_is_listed(
    shelf: Path, benchbox: Benchbox
) -> None:
    listed = benchbox("--without acme-shelf list datasets")
    asked = benchbox("--without acme-shelf run -d shelf-books -m bias")

    (line,) = listed.err.strip().splitlines()
    assert "plugin zoo-books 1.2 (zoo-books) offers a faulty card" in line
    assert "No kind of source named 'bookcase'. Available: folder, package" in line
    assert "svd-toy" in listed.out
    assert listed.code == 0
    assert asked.code == 1
    assert "Data set 'shelf-books' has a source of type 'bookcase'" in asked.err
    assert "Traceback" not in asked.err


def test_the_kit_finds_kinds_of_a_plugin_in_a_file(
    shelf: Path, benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(KIND)

    done = benchbox("--without acme-shelf --plugin own.py plugins check shelf-books")

    assert done.code == 0, done.out
    assert "its files are missing" in done.out


def test_programs_read_what_may_be_passed_on(benchbox: Benchbox) -> None:
    content = json.loads(benchbox("list datasets --json").out)

    may = {c["name"]: c["licence"]["redistributable"] for c in content["datasets"]}
    assert may["svd-toy"]
    assert not may["ml-100k"]

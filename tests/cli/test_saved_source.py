"""A saved model is tied to the file it was fitted with."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import Benchbox

MINE = """
import numpy as np


class Mine:
    def __init__(self, k: int = 1) -> None:
        self.k = k

    def fit(self, train, context):
        self.mean = float(train.values.mean())

    def predict(self, history, users, items):
        return np.full(len(users), self.mean + self.k * 0.1, np.float32)

    def state(self):
        return {"mean": np.array(self.mean)}

    def restore(self, state):
        self.mean = float(state["mean"])
"""


@pytest.fixture
def home(benchbox: Benchbox, tmp_path: Path) -> Path:
    """A folder with a model's file, and the model fitted and saved beside it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    (folder / "pairs.csv").write_text("user,item\n1,1\n")
    lines = [f"{u},{i},{1 + (u * i) % 5}" for u in range(1, 9) for i in range(1, 9)]
    (folder / "own.csv").write_text("\n".join(["user,item,rating", *lines, ""]))
    done = benchbox(f"fit {folder}/mine.py:Mine:k=2 -d {folder}/own.csv --out home/m")
    assert done.code == 0, done.err
    return folder


def test_a_file_that_was_changed_predicts_only_if_that_is_accepted(
    benchbox: Benchbox, home: Path
) -> None:
    before = benchbox(f"predict home/m home/pairs.csv --code {home}/mine.py")
    (home / "mine.py").write_text(MINE.replace("0.1", "1.0"))

    named = benchbox(f"predict home/m home/pairs.csv --code {home}/mine.py")
    trusted = benchbox("predict home/m home/pairs.csv --trust")

    assert before.code == 0
    assert not before.err
    assert named.code == 2
    assert "has changed since Mine was fitted" in named.err
    assert "add --trust to use it as it is" in named.err
    assert len(named.err.splitlines()) == 1
    assert trusted.code == 0
    assert "has changed since Mine was fitted" in trusted.err
    assert trusted.out != before.out


def test_a_class_that_does_not_take_its_options_is_one_line(
    benchbox: Benchbox, home: Path
) -> None:
    (home / "mine.py").write_text(
        MINE.replace("k: int", "j: int").replace("= k", "= j")
    )

    done = benchbox("predict home/m home/pairs.csv --trust")

    assert done.code == 2
    (said,) = done.err.splitlines()
    assert "'k'. Its options: j." in said


def test_a_model_moved_together_with_its_file_is_found(
    benchbox: Benchbox, home: Path, tmp_path: Path
) -> None:
    before = benchbox("predict home/m home/pairs.csv --trust")
    moved = tmp_path / "elsewhere"
    shutil.move(home, moved)

    refused = benchbox("predict elsewhere/m elsewhere/pairs.csv")
    named = benchbox(f"predict elsewhere/m elsewhere/pairs.csv --code {moved}/mine.py")
    trusted = benchbox("predict elsewhere/m elsewhere/pairs.csv --trust")

    assert refused.code == 2
    assert f"--code {moved}/mine.py" in refused.err
    assert named.out == trusted.out == before.out != ""


@pytest.mark.parametrize("changed", ["home", "copy"])
def test_of_a_file_and_its_copy_the_one_that_was_not_changed_predicts(
    benchbox: Benchbox, home: Path, tmp_path: Path, changed: str
) -> None:
    before = benchbox("predict home/m home/pairs.csv --trust")
    shutil.copytree(home, tmp_path / "copy")
    (tmp_path / changed / "mine.py").write_text(MINE.replace("0.1", "1.0"))

    done = benchbox("predict copy/m home/pairs.csv --trust")

    assert (done.code, done.out, done.err) == (0, before.out, "")


def test_a_file_that_is_imported_by_the_model_s_must_not_change_either(
    benchbox: Benchbox, home: Path
) -> None:
    (home / "step.py").write_text("STEP = 0.1\n")
    (home / "mine.py").write_text(
        MINE.replace("\nclass", "from step import STEP\n\nclass").replace("0.1", "STEP")
    )
    fitted = benchbox(f"fit {home}/mine.py:Mine -d {home}/own.csv --out home/n")
    same = benchbox("predict home/n home/pairs.csv --trust")
    (home / "step.py").write_text("STEP = 1.0\n")

    done = benchbox(f"predict home/n home/pairs.csv --code {home}/mine.py")

    assert fitted.code == same.code == 0
    assert not same.err
    assert done.code == 2
    assert "has changed since Mine was fitted" in done.err


def test_a_file_that_is_gone_is_one_line(benchbox: Benchbox, home: Path) -> None:
    (home / "mine.py").unlink()

    done = benchbox("predict home/m home/pairs.csv --trust")

    assert done.code == 2
    (said,) = done.err.splitlines()
    assert f"{home}/mine.py, is gone. Put it there or beside" in said
    assert "--code; its name must be mine.py, as it was" in said


def test_a_file_under_another_name_is_not_taken_and_the_old_one_is_missed(
    benchbox: Benchbox, home: Path
) -> None:
    (home / "mine.py").rename(home / "other.py")

    for code in ("", f" --code {home}/other.py"):
        done = benchbox(f"predict home/m home/pairs.csv{code}")

        assert done.code == 2
        (said,) = done.err.splitlines()
        assert f"{home}/mine.py:Mine" in said
        assert "That file is gone. If you trust a copy of it, name the copy" in said


def test_ratings_that_are_gone_are_one_line(benchbox: Benchbox, home: Path) -> None:
    shutil.rmtree(home / "m" / "ratings")

    done = benchbox("predict home/m home/pairs.csv --trust")

    assert done.code == 1
    (said,) = done.err.splitlines()
    assert "is gone. Fit it again." in said


def test_a_package_that_changed_is_said_and_still_predicts(
    benchbox: Benchbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchbox("fit bias -d home/own.csv --out home/b").code == 0
    same = benchbox("predict home/b home/pairs.csv")
    monkeypatch.setattr("benchbox.runs.saved.source.source_digest", lambda _: "0")

    done = benchbox("predict home/b home/pairs.csv")

    assert not same.err
    assert done.code == 0
    assert done.out == same.out
    assert "the package of bias has changed since this model was fitted" in done.err

"""Saved models and their source: whatever has become of it, none predicts otherwise."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbox.cli import main
from tests.support.commands import Benchbox, Lender
from tests.support.damages import edit

MINE = """
import numpy as np

from beside import STEP


class Mine:
    def __init__(self, k: int = 1) -> None:
        self.k = k

    def fit(self, train, context):
        self.mean = float(train.values.mean())

    def predict(self, history, users, items):
        return np.full(len(users), self.mean + self.k * STEP)

    def state(self):
        return {"mean": np.array(self.mean)}

    def restore(self, state):
        self.mean = float(state["mean"])
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Path:
    """A folder with a model in a file, one it imports, and what was fitted by it."""
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "mine.py").write_text(MINE)
    (folder / "beside.py").write_text("STEP = 0.1\n")
    choice = f"{folder / 'mine.py'}:Mine:k=2"
    with pytest.MonkeyPatch.context() as patch:
        lender.serve(patch)
        for model, out in ((choice, "saved"), ("bias", "bias")):
            out = str(folder / out)
            assert main(["fit", model, "-d", "svd-toy", "--out", out]) == 0
    (folder / "pairs.csv").write_text("user,item\n1,1\n")
    return folder


@pytest.fixture
def moved(fitted: Path, tmp_path: Path) -> Path:
    """A copy of that folder, in which commands run, with the first out of reach."""
    shutil.copytree(fitted, tmp_path, dirs_exist_ok=True)
    target = f"{tmp_path / 'gone' / 'mine.py'}:Mine"
    edit(tmp_path / "saved/model.json", lambda r: r["model"].update(target=target))
    return tmp_path


CHANGES: dict[str, tuple[str, Callable[[str], str]]] = {
    "other predictions": ("mine.py", lambda code: code.replace("self.k *", "9 *")),
    "other options": ("mine.py", lambda code: code.replace("k: int", "j: int")),
    "a file it imports": ("beside.py", lambda code: "STEP = 1.0\n"),
}


@pytest.mark.parametrize("trust", ["--trust", "--code mine.py"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_model_does_not_predict_after_its_source_has_changed(
    benchbox: Benchbox,
    moved: Path,
    change: tuple[str, Callable[[str], str]],
    trust: str,
) -> None:
    name, edited = change
    (moved / name).write_text(edited((moved / name).read_text()))

    for line in ("predict saved pairs.csv", "recommend saved --user 1"):
        done = benchbox(f"{line} {trust}")

        assert (done.code, done.out) == (1, "")
        (said,) = done.err.splitlines()
        assert f"{str(moved / 'mine.py')!r}, or a file it imports, has changed" in said
        assert said.endswith("Undo the change, or fit it again.")


def test_a_file_that_moved_with_the_saved_model_is_found_beside_it(
    benchbox: Benchbox, moved: Path
) -> None:
    refused = benchbox("predict saved pairs.csv")
    trusted = benchbox("predict saved pairs.csv --trust")
    named = benchbox("predict saved pairs.csv --code mine.py")

    assert refused.code == 2
    assert f"--code {moved / 'mine.py'}, or --trust" in refused.err
    assert trusted.code == named.code == 0
    assert trusted.out == named.out
    assert trusted.out.startswith("user,item,prediction\n1,1,")


def test_of_two_files_the_one_that_the_model_was_fitted_with_counts(
    benchbox: Benchbox, moved: Path
) -> None:
    (moved / "gone").mkdir()
    (moved / "gone" / "mine.py").write_text("raise SystemExit\n")

    done = benchbox("predict saved pairs.csv --trust")

    assert done.code == 0, done.err


def test_a_file_that_is_gone_is_one_line_that_says_where_it_may_be(
    benchbox: Benchbox, moved: Path
) -> None:
    (moved / "mine.py").rename(moved / "elsewhere.py")

    for trust in ("", " --trust", " --code elsewhere.py"):
        done = benchbox(f"predict saved pairs.csv{trust}")

        assert (done.code, done.out) == (2, "")
        (said,) = done.err.splitlines()
        assert "This file is gone: put it back, or beside 'saved'." in said
        assert "--code" in said


def test_other_code_of_an_installed_package_is_told(
    benchbox: Benchbox, moved: Path
) -> None:
    before = benchbox("predict bias pairs.csv")
    edit(moved / "bias/model.json", lambda r: r["model"].update(source_digest="0" * 16))

    done = benchbox("predict bias pairs.csv")

    assert before.err == ""
    assert (done.code, done.out) == (0, before.out)
    assert done.err == (
        "benchbox: bias was fitted with other code of benchbox-recsys than is "
        "installed, so it may predict otherwise. Fit it again to be sure.\n"
    )

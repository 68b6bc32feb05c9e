"""Trust: a folder from somebody else runs no code that nobody here has named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchbox.cli import main
from benchbox.records.encoding import content_digest
from tests.support.commands import PLANTED, Benchbox, Lender

MINE = """
import numpy as np
from pathlib import Path

Path("was-run").touch()


class Mine:
    def fit(self, train, context):
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)

    def state(self):
        return {"mean": self.mean}

    def restore(self, state):
        self.mean = float(state["mean"])
"""

TOY = "-d svd-toy -p holdout:fraction=0.3 --seeds 1 --device cpu"


@pytest.fixture(scope="module")
def bias_once(tmp_path_factory: pytest.TempPathFactory, lender: Lender) -> Path:
    saved = tmp_path_factory.mktemp("once") / "saved"
    with pytest.MonkeyPatch.context() as patch:
        lender.serve(patch)
        assert main(["fit", "bias", "-d", "svd-toy", "--out", str(saved)]) == 0
    return saved


@pytest.fixture
def saved(bias_once: Path, tmp_path: Path) -> Path:
    (tmp_path / "pairs.csv").write_text("user,item\n")
    return Path(shutil.copytree(bias_once, tmp_path / "saved"))


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record as somebody would who knows how it is made."""
    record = json.loads(file.read_text())
    change(record)
    record["digest"] = content_digest(record)
    file.write_text(json.dumps(record))


TARGETS = {
    "a function of the system": {
        "target": "os:system",
        "options_type": "",
        "options": {"command": "touch was-run"},
    },
    "another type of options": {
        "options_type": "subprocess:Popen",
        "options": {"args": ["touch", "was-run"]},
    },
    "another class of a plugin": {"target": "benchbox_baselines.bias:fit_bias_model"},
    "a file": {"target": "FILE:Mine", "options_type": "", "options": {}},
}


@pytest.mark.parametrize("change", TARGETS.values(), ids=TARGETS)
def test_a_saved_model_that_names_other_code_is_refused_with_the_name(
    benchbox: Benchbox, saved: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    target = change.get("target", "benchbox_baselines.bias:Bias")
    target = target.replace("FILE", str(tmp_path / "mine.py"))
    edit(saved / "model.json", lambda r: r["model"].update(change, target=target))

    for line in ("predict saved pairs.csv", "recommend saved --user 1"):
        done = benchbox(line)

        assert done.code == 2
        (said,) = done.err.splitlines()
        assert f"The record names the code {target!r}" in said
        assert "--trust" in said
        assert not (tmp_path / "was-run").exists()


def test_a_saved_model_of_one_s_own_runs_when_its_file_is_named(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "pairs.csv").write_text("user,item\n")
    assert benchbox("fit mine.py:Mine -d svd-toy --out saved").code == 0
    # It was saved elsewhere, under the same name.
    (tmp_path / "moved").mkdir()
    (tmp_path / "mine.py").rename(tmp_path / "moved" / "mine.py")
    (tmp_path / "other.py").write_text("")

    refused = benchbox("predict saved pairs.csv")
    other = benchbox("predict saved pairs.csv --code other.py")
    named = benchbox("predict saved pairs.csv --code moved/mine.py")
    (tmp_path / "moved" / "mine.py").rename(tmp_path / "mine.py")
    trusted = benchbox("predict saved pairs.csv --trust")

    assert refused.code == other.code == 2
    for said in (refused.err, other.err):
        assert "That file is gone" in said
        assert "--code; it must be called mine.py, too" in said
    assert named.code == trusted.code == 0
    assert named.out == trusted.out == "user,item,prediction\n"


def test_a_run_that_names_a_file_does_not_run_it_when_it_is_continued(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    benchbox(f"run -m bias -m mine.py:Mine {TOY}")
    (tmp_path / "was-run").unlink(missing_ok=True)

    refused = benchbox("run --resume last")
    dry = benchbox("run --resume last --dry-run")
    ran = (tmp_path / "was-run").exists()
    named = benchbox("run --resume last --code mine.py")
    (named.folder.path / "trials" / "s0-holdout-m01-Mine-r0.json").unlink()
    trusted = benchbox("run --resume last --trust")

    assert refused.code == dry.code == 2
    assert refused.err == dry.err
    assert "The record names the code 'mine.py'" in refused.err
    assert not ran
    assert named.code == trusted.code == 0
    assert set(trusted.by_label()) == {"bias", "Mine"}


def test_trust_is_about_what_is_resumed_alone(benchbox: Benchbox) -> None:
    for line in ("run -m bias --trust", f"tune -m bias --code {PLANTED}"):
        done = benchbox(line)

        assert done.code == 2
        assert "are about the run to --resume" in done.err

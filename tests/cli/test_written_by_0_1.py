"""Records written by release 0.1, before modules moved: nothing may notice the move.

The archive holds a run of five models under two protocols, made with one thread, what
`report` and `stats` said of it, and a saved model with three of its predictions.
"""

import json
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from benchbox.errors import SourceError
from benchbox.plugins.registry import discover
from benchbox.records.folder import RunFolder
from benchbox.runs.session import Session
from benchbox.runs.settings import make_config
from tests.support.commands import Benchbox

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAME = "20261128-005004-e297"


@pytest.fixture
def run(benchbox: Benchbox, tmp_path: Path) -> RunFolder:
    """The run, unpacked where the command line looks for runs."""
    with zipfile.ZipFile(FIXTURES / "written-by-0.1.zip") as archive:
        archive.extractall(tmp_path)
    return RunFolder(tmp_path / "results" / NAME)


def contents(folder: RunFolder) -> dict[Path, bytes]:
    """Return the content of each file of a run."""
    files = (file for file in folder.path.rglob("*") if file.is_file())
    return {file: file.read_bytes() for file in files}


def first_figures(line: str) -> list[str]:
    return [word for word in line.split() if word.strip("*~▽")][:3]


def test_its_figures_are_reported_as_they_were(
    benchbox: Benchbox,
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    done = benchbox("report last")

    then = (tmp_path / "report.txt").read_text()
    labels = {model.label for model in run.read_run().models}
    rows = [line for line in then.splitlines() if {*line.split()[:1]} & labels]
    assert done.code == 0
    assert len(rows) == 2 * len(labels)
    # The label and the scores behind it; times are rounded otherwise by now, and
    # which models are tied is judged otherwise.
    shown = [first_figures(line) for line in done.out.splitlines()]
    for row in rows:
        assert first_figures(row) in shown


def test_its_predictions_belong_to_folds_that_are_drawn_otherwise_by_now(
    benchbox: Benchbox, run: RunFolder
) -> None:
    done = benchbox("stats last")

    assert done.code == 1
    assert f"in run {NAME}: its folds were drawn by an older rule" in done.err
    assert "run again" in done.err


def test_it_compares_with_itself_as_the_same(
    benchbox: Benchbox, run: RunFolder
) -> None:
    done = benchbox(f"compare {NAME} {NAME} --format json")

    assert done.code == 0, done.err
    cells = json.loads(done.out)["cells"]
    assert cells
    assert {c["verdict"] for c in cells if c["quantity"] == "rmse"} == {"SAME"}


def test_it_is_not_resumed_with_folds_and_seeds_of_another_rule(
    benchbox: Benchbox, run: RunFolder
) -> None:
    for trial in (run.path / "trials").glob("*-k2-*"):
        trial.unlink()
    before = contents(run)

    done = benchbox(f"run --resume {NAME}")

    assert done.code == 1
    assert f"Run {NAME} cannot go on: its folds were drawn by an older" in done.err
    assert "Begin a new run" in done.err
    assert contents(run) == before


def test_its_saved_model_still_predicts(
    benchbox: Benchbox, run: RunFolder, tmp_path: Path
) -> None:
    done = benchbox("predict model pairs.csv")

    assert done.out == (tmp_path / "predictions.csv").read_text()


def test_the_default_suite_still_has_the_same_trials(tmp_path: Path) -> None:
    stored = json.loads((FIXTURES / "default-suite-keys.json").read_text())
    if stored["torch"] != version("torch"):
        pytest.skip(f"the keys are those of trials under torch {stored['torch']}")
    config = make_config({"threads": stored["threads"], "device": "cpu"})
    with Session(discover(), notify=lambda line: None) as session:
        try:
            plan = session.plan(config)
        except SourceError as error:
            pytest.skip(f"MovieLens 100K is not here: {error}")

    keys = {
        f"{trial.fold.name} {trial.model.label} r{trial.replicate}": trial.key
        for trial in plan.trials
    }

    assert keys == stored["keys"]

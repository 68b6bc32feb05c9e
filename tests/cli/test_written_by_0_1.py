"""Records written by release 0.1, before modules moved: nothing may notice the move.

The archive holds a run of five models under two protocols, made with one thread, what
`report` and `stats` said of it, and a saved model with three of its predictions.
"""

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from benchbox.errors import SourceError
from benchbox.plugins.registry import discover
from benchbox.records.folder import RunFolder
from benchbox.runs.session import Session
from benchbox.runs.settings import make_config
from tests.support.commands import Benchbox

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAME = "20261128-005004-e297"
DECIDED = ("key", "fold_id", "seed", "status", "metrics", "reference")


@pytest.fixture
def run(benchbox: Benchbox, tmp_path: Path) -> RunFolder:
    """The run, unpacked where the command line looks for runs."""
    with zipfile.ZipFile(FIXTURES / "written-by-0.1.zip") as archive:
        archive.extractall(tmp_path)
    return RunFolder(tmp_path / "results" / NAME)


def figures(content: Any) -> Any:
    """Return *content* without words for people, and without the last digits.

    The last bits of a matrix product vary with how BLAS shares it among threads.
    """
    if isinstance(content, float):
        return f"{content:.9g}"
    if isinstance(content, dict):
        kept = {k: v for k, v in content.items() if k not in ("verdict", "name")}
        return {key: figures(value) for key, value in kept.items()}
    if isinstance(content, list):
        return [figures(value) for value in content]
    return content


def decided(folder: RunFolder) -> dict[str, Any]:
    """Return, by file, what each trial's record says that no clock decides."""
    files = sorted((folder.path / "trials").glob("*.json"))
    records = {file.name: json.loads(file.read_text()) for file in files}
    return {
        name: {field: record[field] for field in (*DECIDED, "predictions_digest")}
        for name, record in records.items()
    }


def is_of_this_torch(folder: RunFolder) -> bool:
    """Return whether the run was made with the torch that is installed."""
    made_with = folder.read_run().environment.packages["torch"]
    return made_with == version("torch")


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
    # The label and the scores behind it; times are rounded otherwise by now.
    shown = [line.split()[:4] for line in done.out.splitlines()]
    for row in rows:
        assert row.split()[:4] in shown


def test_its_statistics_are_what_they_were(
    benchbox: Benchbox, run: RunFolder, tmp_path: Path
) -> None:
    done = benchbox("stats last --format json")

    assert done.code == 0, done.err
    # Words for people may change, figures may not.
    assert figures(json.loads(done.out)) == figures(
        json.loads((tmp_path / "stats.json").read_text())
    )


def test_it_compares_with_itself_as_the_same(
    benchbox: Benchbox, run: RunFolder
) -> None:
    done = benchbox(f"compare {NAME} {NAME} --format json")

    assert done.code == 0, done.err
    cells = json.loads(done.out)["cells"]
    assert cells
    assert {c["verdict"] for c in cells if c["quantity"] == "rmse"} == {"SAME"}


def test_resumed_it_keeps_what_is_there_and_does_the_rest_alike(
    benchbox: Benchbox, run: RunFolder
) -> None:
    before = decided(run)
    gone = [name for name in before if "-k2-" in name]
    for name in gone:
        (run.path / "trials" / name).unlink()

    done = benchbox(f"run --resume {NAME}")

    assert done.code == 0, done.err
    if is_of_this_torch(run):
        assert f"[{len(gone)}/{len(gone)}]" in done.err
        assert decided(run) == before
    else:
        assert decided(run).keys() == before.keys()
    assert run.read_run().status == "finished"


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

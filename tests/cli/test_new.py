"""`benchbox new`: the packages it writes work, and are the bundled examples."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from benchbox.plugins.registry import discover
from benchbox.testing.checks import judge
from benchbox.testing.contracts import MODEL_CHECKS
from benchbox.testing.dataset_checks import DATASET_CHECKS, DatasetSubject
from benchbox.testing.subject import ModelSubject
from tests.support.commands import Benchbox

EXAMPLES = Path(__file__).parents[2] / "plugins" / "examples"


def content(folder: Path) -> dict[str, str]:
    """Return the text of every file in *folder*, by relative path."""
    made = ("__pycache__", ".pytest_cache", ".benchmarks", "build", "dist")
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in files
        if not {*made} & {*file.relative_to(folder).parts}
    }


@pytest.mark.parametrize(
    ("kind", "name"), [("model", "damped-mean"), ("dataset", "tea-ratings")]
)
def test_the_examples_are_what_it_writes(
    benchbox: Benchbox, tmp_path: Path, kind: str, name: str
) -> None:
    # Without plugins, because the name is taken if the example is installed.
    done = benchbox(f"new --no-plugins --benchbox benchbox-recsys {kind} {name}")

    assert done.code == 0, done.err
    assert f"pip install --editable './benchbox-{name}[test]'" in done.out
    written = content(tmp_path / f"benchbox-{name}")
    assert written == content(EXAMPLES / f"benchbox-{name}")
    assert "__" not in "".join(written).replace("__init__", "")


def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a package on the path as if it were installed."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    ((point, module),) = project["entry-points"]["benchbox"].items()
    info = folder / f"{module}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[benchbox]\n{point} = {module}\n")
    monkeypatch.syspath_prepend(str(folder))
    return str(module)


def test_a_new_model_keeps_every_promise_and_runs(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchbox("new model zig-zag-2").code == 0
    module = load(tmp_path / "benchbox-zig-zag-2", monkeypatch)
    spec = discover().find("models", "zig-zag-2").value

    done = benchbox("run -m zig-zag-2 -m bias -d svd-toy")
    broken = [
        v for v in judge(MODEL_CHECKS, ModelSubject(spec=spec)) if v.status == "broken"
    ]

    assert spec.target == f"{module}:ZigZag2"
    assert broken == []
    assert done.code == 0, done.err
    assert {"zig-zag-2", "bias"} <= {
        line.split(" ")[0] for line in done.out.split("\n")
    }


def test_a_new_data_set_keeps_every_promise(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert benchbox("new dataset zag-zig").code == 0
    load(tmp_path / "benchbox-zag-zig", monkeypatch)
    card = discover().find("datasets", "zag-zig").value

    verdicts = list(judge(DATASET_CHECKS, DatasetSubject(card)))

    assert [v for v in verdicts if v.status != "kept"] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("new model Demo", "'Demo' is not a valid name."),
        ("new model 2d", "'2d' is not a valid name."),
        ("new model a--b", "'a--b' is not a valid name."),
        ("new model class", "'class' is not a valid name."),
        ("new model ../x", "'../x' is not a valid name."),
        ("new model benchbox-demo", "leave it out of 'benchbox-demo'"),
        ("new model bias", "already offers a model 'bias'"),
        ("new dataset ml-100k", "already offers a data set 'ml-100k'"),
        ("new model taken", "'benchbox-taken' exists already."),
        ("new protocol demo", "'protocol' is not one of 'model', 'dataset'"),
    ],
)
def test_an_unusable_name_is_refused_and_nothing_is_written(
    benchbox: Benchbox, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "benchbox-taken").mkdir()

    done = benchbox(line)

    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["benchbox-taken"]


@pytest.mark.parametrize(
    ("source", "remote", "said"),
    [
        ("benchbox-recsys", "", "benchbox-recsys"),
        ("FOLDER", "https://example.org/b.git", "git+https://example.org/b.git"),
        ("FOLDER", "/only/here", "FOLDER"),
        ("FOLDER", "", "FOLDER"),
    ],
)
def test_the_workflow_has_benchbox_from_where_this_one_came_from(
    benchbox: Benchbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    remote: str,
    said: str,
) -> None:
    folder = tmp_path / 'a "folder"'
    git = ["git", "-C", str(folder)]
    folder.mkdir()
    subprocess.run([*git, "init", "--quiet"], check=True)
    if remote:
        subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    here = source.replace("FOLDER", str(folder))
    monkeypatch.setattr("benchbox.cli.new.requirement_of", lambda name: here)

    done = benchbox("new model mine")

    workflow = tmp_path / "benchbox-mine" / ".github" / "workflows" / "benchmark.yml"
    (line,) = (x for x in workflow.read_text().splitlines() if " BENCHBOX: " in x)
    assert json.loads(line.partition(": ")[2]) == said.replace("FOLDER", str(folder))
    assert ("which only this machine has" in done.out) == (said == "FOLDER")

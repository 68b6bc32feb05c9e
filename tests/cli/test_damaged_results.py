"""Results: whatever damage is done to them is one line, never other figures."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Benchbox, Done
from tests.support.damages import (
    DAMAGES,
    cut,
    flip_last,
    link,
    make_pipe,
    noise,
)

TRIAL = "trials/s0-k1-m01-svd-r0"
FILES = (
    "run.json",
    f"{TRIAL}.json",
    "predictions/s0-k1-m01-svd-r0.npy",
    "references/s0-k1.npy",
)
QUICK = {(cut, 0), (cut, 1), (flip_last, 2), (make_pipe, 1), (noise, 3)}

Change = Callable[[dict[str, Any]], object]

TRIALS: dict[str, Change] = {
    "another score": lambda r: r["metrics"]["rmse"].update(value=0.1),
    "no score": lambda r: r.update(metrics={}),
    "text for a score": lambda r: r["metrics"]["rmse"].update(value="0.1"),
    "a score that is no number": lambda r: r["metrics"]["rmse"].update(
        value=float("nan")
    ),
    "an endless score": lambda r: r["metrics"]["rmse"].update(value=10**400),
    "an endless count": lambda r: r.update(n_parameters=10**400),
    "negative ratings": lambda r: r.update(n_hidden=-1),
    "no seconds": lambda r: r.update(wall_seconds={}),
    "text for seconds": lambda r: r.update(wall_seconds={"fit": "long"}),
    "a stage too many": lambda r: r.update(stage=7),
    "a negative stage": lambda r: r.update(stage=-1),
    "a model too many": lambda r: r.update(model=99),
    "another model": lambda r: r.update(model=0),
    "another label": lambda r: r.update(label="bias"),
    "another fold": lambda r: r.update(fold="k2"),
    "another fold id": lambda r: r.update(fold_id="0" * 32),
    "another repeat": lambda r: r.update(repeat=3),
    "another status": lambda r: r.update(status="failed"),
    "no such status": lambda r: r.update(status="splendid"),
    "another format": lambda r: r.update(format=99),
    "no format": lambda r: r.pop("format"),
    "no key": lambda r: r.pop("key"),
    "a lone surrogate": lambda r: r.update(reason="\ud800"),
    "a steered terminal": lambda r: r.update(reason="\x1b[2J"),
    "an unknown field": lambda r: r.update(surprise=1),
    "another digest": lambda r: r.update(digest="0" * 32),
    "a number for a digest": lambda r: r.update(digest=1),
}

RUNS: dict[str, Change] = {
    "no models": lambda r: r.update(models=[]),
    "other models": lambda r: r["models"].reverse(),
    "no stages": lambda r: r.update(stages=[]),
    "no metrics": lambda r: r.update(metrics=[]),
    "another metric": lambda r: r["metrics"][0].update(higher_is_better=True),
    "no clipping": lambda r: r["config"].update(clip=False),
    "another data id": lambda r: r["stages"][0].update(data_id="0" * 32),
    "another fold id": lambda r: r["stages"][0]["folds"][0].update(id="0" * 32),
    "no folds": lambda r: r["stages"][0].update(folds=[]),
    "another scale": lambda r: r["stages"][0]["scale"].update(high=50),
    "endless seeds": lambda r: r["config"].update(seeds=10**30),
    "an unknown setting": lambda r: r["config"].update(surprise=1),
    "no environment": lambda r: r.pop("environment"),
    "a list": lambda r: r.update(config=[]),
}


def copy_record(folder: Path) -> None:
    shutil.copy(folder / f"{TRIAL}.json", folder / f"{TRIAL} (copy).json")


def copy_record_as_another(folder: Path) -> None:
    name = TRIAL.replace("m01-svd", "m00-bias")
    shutil.copy(folder / f"{TRIAL}.json", folder / f"{name}.json")


def rename_record(folder: Path) -> None:
    (folder / f"{TRIAL}.json").rename(folder / f"{TRIAL}1.json")


def add_apple_double(folder: Path) -> None:
    file = folder / f"{TRIAL}.json"
    file.with_name(f"._{file.name}").write_bytes(b"\0\5\26\7")


def add_part(folder: Path) -> None:
    file = folder / f"{TRIAL}.json"
    file.with_name(f".{file.name}.part").write_text("{")


def add_no_record(folder: Path) -> None:
    (folder / "trials/notes.json").write_text("{}")


def add_deep_record(folder: Path) -> None:
    (folder / "trials/deep.json").write_text("[" * 100_000)


def swap_predictions(folder: Path) -> None:
    one, other = (folder / f"predictions/s0-k{k}-m01-svd-r0.npy" for k in (1, 2))
    one.rename(folder / "swap")
    other.rename(one)
    (folder / "swap").rename(other)


def remove_part(name: str) -> Callable[[Path], None]:
    def remove_it(folder: Path) -> None:
        shutil.rmtree(folder / name)

    remove_it.__name__ = f"remove_{name}"
    return remove_it


def fill_part(name: str) -> Callable[[Path], None]:
    def put_a_file(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).write_text("")

    put_a_file.__name__ = f"a_file_for_{name}"
    return put_a_file


PARTS = ("trials", "predictions", "references", "logs")
FOLDERS = (
    copy_record,
    copy_record_as_another,
    rename_record,
    add_apple_double,
    add_part,
    add_no_record,
    add_deep_record,
    swap_predictions,
    *map(remove_part, PARTS),
    *map(fill_part, PARTS),
)
QUICK_FOLDERS = {copy_record, add_apple_double}


def changed(file: str, change: Change) -> Callable[[Path], None]:
    def change_it(folder: Path) -> None:
        record = json.loads((folder / file).read_text())
        change(record)
        (folder / file).write_text(json.dumps(record))

    return change_it


def undigested(file: str, change: Change) -> Callable[[Path], None]:
    return changed(file, lambda r: (change(r), r.pop("digest", None)))


def damaged(file: str, damage: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda folder: damage(folder / file)


def cases() -> Iterator[Any]:
    """Yield all damages; a tenth of them is always tried, the rest where time is."""
    for damage in DAMAGES:
        for number, file in enumerate(FILES):
            quick = (damage, number) in QUICK
            marks = [] if quick else [pytest.mark.slow]
            name = f"{damage.__name__} {file}"
            yield pytest.param(damaged(file, damage), id=name, marks=marks)
    for file, changes in ((f"{TRIAL}.json", TRIALS), ("run.json", RUNS)):
        for name, change in changes.items():
            quick = name in ("another score", "a stage too many", "other models")
            marks = [] if quick else [pytest.mark.slow]
            yield pytest.param(changed(file, change), id=f"{name} {file}", marks=marks)
    for damage in FOLDERS:
        marks = [] if damage in QUICK_FOLDERS else [pytest.mark.slow]
        yield pytest.param(damage, id=damage.__name__, marks=marks)


COMMANDS = (
    "report last -f csv",
    "stats last",
    "compare first last",
    "run --resume last",
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "results"


@pytest.fixture
def sound(benchbox: Benchbox, kept: Path, tmp_path: Path) -> Path:
    """The folder of a sound run, beside another of the same settings."""
    if not kept.exists():
        line = "run -d svd-toy -p kfold:n_folds=2 -m bias -m svd --seeds 1 --threads 1"
        done = benchbox(f"{line} --device cpu")
        assert done.code == 0, done.err
        shutil.copytree(tmp_path / "results", kept)
    else:
        shutil.copytree(kept, tmp_path / "results")
    (last,) = (tmp_path / "results").iterdir()
    shutil.copytree(last, tmp_path / "results" / "first")
    return last


def said(benchbox: Benchbox, command: str) -> Done:
    done = benchbox(command.replace("first", "results/first"))
    assert done.code in (0, 1, 2)
    assert "Traceback" not in done.out + done.err
    return done


def figures(done: Done) -> list[str]:
    """Return the lines with figures of a report or of statistics."""
    return [line for line in done.out.splitlines() if line.strip()]


@pytest.mark.parametrize("damage", list(cases()))
def test_damage_to_results_is_one_line_or_changes_no_figure(
    benchbox: Benchbox, sound: Path, damage: Callable[[Path], None]
) -> None:
    sound_ones = {command: said(benchbox, command) for command in COMMANDS[:3]}
    before = {command: figures(done) for command, done in sound_ones.items()}

    damage(sound)

    for command in COMMANDS[:3]:
        done = said(benchbox, command)
        usual = sound_ones[command].err.splitlines()
        if new := [line for line in done.err.splitlines() if line not in usual]:
            # Of several records that are left out, each has its line.
            left_out = [line for line in new if "left out" in line]
            assert len(new) == max(1, len(left_out)), done.err
        elif figures(done) != before[command]:
            # A trial is missing, and its row says so.
            assert "1/2" in done.out or ",1,2," in done.out or "missing" in done.out
    said(benchbox, COMMANDS[3])


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_a_changed_trial_without_a_digest_is_one_line_or_what_it_says(
    benchbox: Benchbox, sound: Path, name: str
) -> None:
    undigested(f"{TRIAL}.json", TRIALS[name])(sound)

    for command in COMMANDS:
        said(benchbox, command)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_changed_run_without_a_digest_is_one_line_or_what_it_says(
    benchbox: Benchbox, sound: Path, name: str
) -> None:
    undigested("run.json", RUNS[name])(sound)

    for command in COMMANDS:
        said(benchbox, command)


def test_a_linked_file_is_read_as_a_file(benchbox: Benchbox, sound: Path) -> None:
    before = figures(said(benchbox, "report last -f csv"))

    link(sound / f"{TRIAL}.json")

    assert figures(said(benchbox, "report last -f csv")) == before

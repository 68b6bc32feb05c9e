"""`benchbox runs`, `--rerun`, and what is said of runs that were killed."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchbox.records.folder import RunFolder
from benchbox.records.names import trial_name
from benchbox.records.trial import ScoreRecord
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.runs.runner import Executed
from tests.support.commands import Benchbox

LINE = "run -d svd-toy -p kfold:n_folds=2 -m bias -m user-mean --threads 1 --device cpu"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "results"


@pytest.fixture
def run(
    benchbox: Benchbox, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RunFolder:
    """The folder of a sound run, where the command line looks for runs."""
    monkeypatch.setenv("BENCHBOX_REPORT", "off")
    if not kept.exists():
        done = benchbox(LINE)
        assert done.code == 0, done.err
        shutil.copytree(tmp_path / "results", kept)
    else:
        shutil.copytree(kept, tmp_path / "results")
    return RunFolder.find("last", tmp_path / "results")


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be run; nothing is."""
    names: list[str] = []

    def execute(plan: Plan, trials: list[PlannedTrial], *_: Any, **__: Any) -> Executed:
        names.extend(trial_name(trial.record(status="ok")) for trial in trials)
        return Executed(True, {})

    monkeypatch.setattr("benchbox.runs.session.execute", execute)
    return names


def killed(folder: RunFolder) -> None:
    """Leave the run as it was before its last trial was recorded."""
    run = msgspec.structs.replace(folder.read_run(), status="started", finished="")
    folder.write_run(run)
    name = json.loads((folder.path / "manifest.jsonl").read_bytes().split()[-1])
    (folder.path / "trials" / f"{name['trial']}.json").unlink()


def contents(folder: RunFolder) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (folder.path / "trials").iterdir()}


def test_runs_are_listed_and_shown_with_their_sizes(
    benchbox: Benchbox, run: RunFolder
) -> None:
    listed, shown = benchbox("runs list"), benchbox("runs show")

    assert listed.code == shown.code == 0
    (line,) = (x for x in listed.out.splitlines() if run.path.name in x)
    assert re.search(r"finished .* 4/4 +\d+ KiB +svd-toy", line)
    assert "trials: 4 of 4" in shown.out
    assert "command: benchbox" in shown.out
    assert re.search(r"size: \d+ KiB", shown.out)


def test_no_runs_are_no_error(benchbox: Benchbox) -> None:
    done = benchbox("runs list")

    assert (done.code, done.out) == (0, "")
    assert "There are no runs in results" in done.err


def test_a_run_that_cannot_be_read_is_listed_and_named(
    benchbox: Benchbox, run: RunFolder
) -> None:
    (run.path / "run.json").write_text("{")

    done = benchbox("runs list")

    assert done.code == 1
    assert "cannot be read" in done.out
    assert "run.json is not a record" in done.err


def test_a_run_that_is_carried_out_is_not_deleted(
    benchbox: Benchbox, run: RunFolder
) -> None:
    with run.locked():
        listed, deleted = benchbox("runs list"), benchbox("runs delete last --yes")

    assert "running" in listed.out
    assert deleted.code == 2
    assert "is being carried out" in deleted.err
    assert run.has_run()


def test_a_run_is_deleted_if_the_user_says_so(
    benchbox: Benchbox, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: "n")
    asked.append(benchbox(f"runs delete {run.path.name}").err)
    assert run.has_run()

    done = benchbox(f"runs delete {run.path.name} --yes")

    assert "Interrupted" in asked[0]
    assert done.code == 0
    assert not run.path.exists()


def test_the_command_to_continue_a_killed_run_is_said_by_what_finds_it(
    benchbox: Benchbox, run: RunFolder, left: list[str]
) -> None:
    killed(run)
    wanted = (
        f"Run {run.path.name} was killed: 3 of 4 trials have ended. Continue with: "
        f"benchbox run --resume {run.path.name} --out results"
    )

    said = [benchbox(line) for line in ("report", "runs show", LINE)]

    assert [done.code for done in said] == [0, 0, 1]
    assert len(left) == 4
    assert all(wanted in " ".join(done.err.split()) for done in said)
    assert "killed" in benchbox("runs list").out


def test_a_run_that_is_carried_out_was_not_killed(
    benchbox: Benchbox, run: RunFolder
) -> None:
    killed(run)

    with run.locked():
        done = benchbox("report")

    assert done.err == ""


@pytest.mark.parametrize(
    ("option", "again"),
    [
        ("", {"k1-m00-bias", "k2-m01-user-mean"}),
        ("--rerun failed", {"k1-m00-bias", "k2-m01-user-mean"}),
        ("--rerun none", {"k2-m01-user-mean"}),
        (
            "--rerun user-mean",
            {"k1-m00-bias", "k1-m01-user-mean", "k2-m01-user-mean"},
        ),
        (
            "--rerun all",
            {"k1-m00-bias", "k2-m00-bias", "k1-m01-user-mean", "k2-m01-user-mean"},
        ),
    ],
)
def test_resuming_runs_again_what_the_user_wants(
    benchbox: Benchbox, run: RunFolder, left: list[str], option: str, again: set[str]
) -> None:
    trials = {f"{t.fold}-m{t.model:02d}-{t.label}": t for t in run.trials()}
    changed = msgspec.structs.replace
    for name, status in (
        ("k1-m00-bias", "failed"),
        ("k2-m01-user-mean", "interrupted"),
    ):
        run.write_trial(changed(trials[name], status=status, metrics={}), None)

    done = benchbox(f"run --resume last {option}")

    assert done.code == 1, done.err
    assert set(left) == {f"s0-{name}-r0" for name in again}
    assert len(run.trials()) == 4


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("run --resume last --rerun svd", "has no such model. Its models: bias, user"),
        ("run --rerun all -m bias", "--rerun, --code and --trust are about the run to"),
        ("tune --rerun all", "--rerun, --code and --trust are about the run to"),
    ],
)
def test_a_wrong_rerun_is_refused(
    benchbox: Benchbox, run: RunFolder, line: str, text: str
) -> None:
    done = benchbox(line)

    assert done.code == 2
    assert text in done.err


def test_damage_is_named_by_report_and_mended_by_resuming(
    benchbox: Benchbox, run: RunFolder, tmp_path: Path
) -> None:
    whole = benchbox("report -f csv")
    file = run.path / "trials" / "s0-k1-m00-bias-r0.json"
    file.write_bytes(file.read_bytes().replace(b'"rmse"', b'"rmsf"'))
    (run.path / "trials" / "s0-k9-m00-bias-r0.json").write_text("{}")

    report, stats = benchbox("report -f csv"), benchbox("stats")
    resumed = benchbox("run --resume last")
    after = benchbox("report -f csv")

    assert report.code == stats.code == resumed.code == after.code == 1
    assert len(report.err.splitlines()) == 2
    assert "left out: " in report.err
    assert f"{file.name} was changed since" in report.err
    assert "s0-k9-m00-bias-r0.json is not in the manifest" in report.err
    assert ",1,2," in report.out
    assert len(stats.err.splitlines()) <= 2
    assert f"{file.name} was changed since" in resumed.err
    figures = [line.split(",")[:9] for line in after.out.splitlines()]
    assert figures == [line.split(",")[:9] for line in whole.out.splitlines()]
    assert len(after.err.splitlines()) == 1


def test_a_run_does_not_go_on_with_other_models(
    benchbox: Benchbox, run: RunFolder
) -> None:
    record = run.read_run()
    record.models.append(msgspec.structs.replace(record.models[0], name="gone"))
    run.write_run(record)
    before = contents(run)

    done = benchbox("run --resume last")

    assert done.code == 1
    assert "was begun with the models bias, user-mean, gone" in done.err
    assert contents(run) == before


def test_statistics_refuse_a_score_that_the_predictions_do_not_have(
    benchbox: Benchbox, run: RunFolder
) -> None:
    trial = run.trials()[0]
    metrics = trial.metrics | {"rmse": ScoreRecord(0.25, trial.n_hidden)}
    better = msgspec.structs.replace(trial, metrics=metrics)
    run.write_trial(better, run.predictions(trial))

    done = benchbox("stats")

    assert done.code == 1
    assert "bias on fold k1 has the rmse 0.25 in its record, but" in done.err
    assert len(done.out) == 0

"""`benchbox run`, from the command line to the files it leaves."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchbox.metrics.metric import METRICS
from benchbox.records.folder import RunFolder
from benchbox.trials.executors.local import LocalExecutor
from tests.support.commands import PLANTED, Benchbox, running

TOY = "-d svd-toy -p holdout:fraction=0.3"

BROKEN = {
    "Column": ("failed", r"shape \(14, 1\) for 14 pairs"),
    "NotANumber": ("failed", "NaN or infinity for 1 of 14 pairs"),
    "TooFew": ("failed", r"shape \(13,\) for 14 pairs"),
    "Words": ("failed", "must be numbers"),
    "Raises": ("failed", "RuntimeError: the loss became NaN"),
    "LeavesPython": ("failed", "SystemExit"),
    "LeavesTheProcess": ("crashed", "exit code 0 before its result was written"),
    "Segfaults": ("crashed", "segmentation fault"),
    "NeverEnds": ("timeout", "did not end within 6 s"),
    "Hoards": ("out-of-memory", "GiB it may"),
    "OutOfMemory": ("out-of-memory", "MemoryError"),
    "WritesToItsInput": ("failed", "read-only"),
}


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_every_way_to_break_the_contract_becomes_a_row_and_costs_nobody_else_theirs(
    benchbox: Benchbox,
) -> None:
    models = " ".join(f"-m planted.py:{name}" for name in [*BROKEN, "Honest"])

    done = benchbox(
        f"run {TOY} {models} -m bias --seeds 1 --time-limit 6 --memory-limit 1.2"
    )

    assert done.code == 1
    ended = done.by_label()
    for name, (status, reason) in BROKEN.items():
        assert ended[name].status == status, ended[name]
        assert re.search(reason, ended[name].reason), ended[name]
        assert f"{name}: {status}" in done.out
    assert ended["Honest"].status == ended["bias"].status == "ok"
    assert "NaN" in done.folder.log(ended["Raises"]).read_text()


@pytest.mark.slow
def test_nothing_a_model_started_outlives_its_trial(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its own zygote, which must be gone at the end as well.
    monkeypatch.setattr("benchbox.trials.executors.local.LocalExecutor", LocalExecutor)
    before = set(psutil.Process().children(recursive=True))

    done = benchbox(f"run {TOY} -m planted.py:LeavesAChild --seeds 1")

    (trial,) = done.trials()
    printed = done.folder.log(trial).read_text().splitlines()
    left_behind = int(next(line for line in printed if line.isdecimal()))
    assert trial.status == "failed"
    assert f"process {left_behind} " in trial.reason
    assert not is_alive(left_behind)
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_run_leaves_records_tables_predictions_and_logs(benchbox: Benchbox) -> None:
    done = benchbox(f"run {TOY} -m bias -m planted.py:Tuned:offset=0.5 --seeds 2")

    assert done.code == 0
    run = done.folder.read_run()
    assert run.status == "finished"
    assert [model.label for model in run.models] == ["bias", "Tuned:offset=0.5"]
    assert run.models[1].options == {"offset": 0.5, "steps": [1, 2]}
    assert run.n_trials == len(done.trials()) == 3
    for trial in done.trials():
        assert set(trial.metrics) == {m.name for m in METRICS}
        assert set(trial.reference) == set(trial.metrics)
        assert trial.n_answered == trial.n_hidden == 14
    names = {path.name for path in done.folder.path.iterdir()}
    assert {"run.json", "table.md", "table.csv", "table.tex", "trials"} <= names
    stored = [np.load(f) for f in (done.folder.path / "predictions").glob("*.npy")]
    assert [p.dtype for p in stored] == [np.dtype("float32")] * 3


@pytest.mark.parametrize(
    "models",
    [
        "-m svd -m planted.py:Global",
        pytest.param("-m autorec-user:epochs=3 -m biased-mf", marks=pytest.mark.slow),
    ],
)
def test_a_second_fresh_run_gives_the_same_bytes(
    benchbox: Benchbox, models: str
) -> None:
    data = "synthetic:n_users=80,n_items=60,n_ratings=1500"

    first = benchbox(f"run -d {data} -p kfold:n_folds=2 {models}")
    second = benchbox(f"run -d {data} -p kfold:n_folds=2 {models}")

    assert first.code == second.code == 0
    runs = sorted(first.results.iterdir())
    before, after = (
        {t.key: (t.metrics, t.seed) for t in RunFolder(path).trials()} for path in runs
    )
    assert before == after
    for file in (runs[0] / "predictions").iterdir():
        assert file.read_bytes() == (runs[1] / "predictions" / file.name).read_bytes()


def test_resuming_runs_what_did_not_end_well_and_nothing_else(
    benchbox: Benchbox,
) -> None:
    done = benchbox(f"run {TOY} -m bias -m planted.py:Raises --seeds 1")
    kept = done.by_label()["bias"]
    created = done.folder.read_run().created
    (done.folder.path / "trials").joinpath("broken").with_suffix(".txt").write_text("")

    again = benchbox("run --resume last --code planted.py")

    assert again.code == 1
    assert again.folder.read_run().created == created
    assert again.by_label()["bias"] == kept
    assert "[1/1]" in again.err


def test_interrupting_keeps_what_has_ended_and_resume_does_the_rest(
    tmp_path: Path,
) -> None:
    # The seed also draws the order of the trials: this one puts bias first.
    line = f"run {TOY} -m bias -m {PLANTED}:NeverEnds --seeds 1 --seed 2"
    with running(
        *line.split(), "--out", str(tmp_path), stderr=subprocess.PIPE
    ) as process:
        while not list(tmp_path.glob("*/trials/*bias*.json")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(0.3)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "--resume" in err
    assert not [child for child in children if child.is_running()]
    folder = RunFolder.find("last", tmp_path)
    assert folder.read_run().status == "interrupted"
    assert {t.label: t.status for t in folder.trials()} == {
        "bias": "ok",
        "NeverEnds": "interrupted",
    }
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "benchbox", "report", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bias" in shown.stdout
    assert "NeverEnds: interrupted" in shown.stdout


def test_a_killed_runner_takes_its_children_with_it(tmp_path: Path) -> None:
    line = f"run {TOY} -m {PLANTED}:NeverEnds"
    with running(
        *line.split(), "--out", str(tmp_path), stderr=subprocess.DEVNULL
    ) as process:
        children: list[psutil.Process] = []
        # The zygote, and the trial.
        while len(children) < 2:
            assert process.poll() is None
            time.sleep(0.05)
            children = psutil.Process(process.pid).children(recursive=True)
        process.kill()

    gone, alive = psutil.wait_procs(children, timeout=60)

    assert len(gone) >= 2
    assert not alive


def test_a_model_that_reads_timestamps_is_skipped_where_there_are_none(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    rows = [f"{n // 6},{n % 6},{1 + n % 5},{n}" for n in range(90)]
    (tmp_path / "timed.csv").write_text("\n".join(rows) + "\n")

    done = benchbox("run -d svd-toy -d timed.csv -m planted.py:Timed -m bias")

    assert done.code == 0, done.err
    ended = {(t.stage, t.label): t for t in done.trials()}
    assert ended[0, "Timed"].status == "skipped"
    assert ended[0, "Timed"].reason == "Timed needs timestamps, and svd-toy has none"
    assert ended[1, "Timed"].status == "ok"
    assert ended[0, "bias"].status == "ok"


def test_models_that_cannot_predict_for_new_users_are_skipped_with_a_reason(
    benchbox: Benchbox,
) -> None:
    done = benchbox(
        "run -d synthetic:n_users=60,n_items=40,n_ratings=900 -p new-users --seeds 1 "
        "-m planted.py:Honest -m planted.py:Inductive -m bias"
    )

    assert done.code == 0
    ended = done.by_label()
    assert ended["Honest"].status == "skipped"
    assert "not inductive" in ended["Honest"].reason
    assert ended["Inductive"].status == ended["bias"].status == "ok"
    assert "Honest: skipped" in done.out


def test_cold_pairs_a_model_declines_are_filled_from_the_bias_model_and_counted(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    train = "u,i,5\nu,j,3\nv,i,4\n"
    (tmp_path / "train.csv").write_text("user,item,rating\n" + train)
    (tmp_path / "test.csv").write_text("user,item,rating\nv,j,2\nnew,i,1\nu,fresh,3\n")

    done = benchbox(
        "run -d train.csv+test.csv -m planted.py:WarmOnly -m bias --seeds 1"
    )

    assert done.code == 0
    ended = done.by_label()
    assert (ended["WarmOnly"].n_answered, ended["WarmOnly"].n_hidden) == (1, 3)
    assert (ended["bias"].n_answered, ended["bias"].n_hidden) == (3, 3)
    predictions = {
        name: np.load(next((done.folder.path / "predictions").glob(f"*{name}*")))
        for name in ("WarmOnly", "bias")
    }
    assert sum(predictions["WarmOnly"] == predictions["bias"]) == 2
    assert "33.3 %" in done.out
    assert "unseen users: 1; of unseen items: 1" in done.out


def test_a_model_that_wants_validation_is_refitted_for_the_epochs_it_chose(
    benchbox: Benchbox,
) -> None:
    done = benchbox(f"run {TOY} -m planted.py:Validated --no-clip")

    (trial,) = done.trials()
    assert trial.chosen_epoch == 2
    curve = [r.validation_rmse for r in trial.curve if r.validation_rmse]
    assert curve == [3.0, 1.0, 2.0]
    assert [report.epoch for report in trial.refit_curve] == [1]
    # The refit sees train and validation together, and the model answers their number.
    predicted = np.load(next((done.folder.path / "predictions").iterdir()))
    assert set(predicted) == {np.float32(45 - 14)}


@pytest.mark.parametrize(
    ("asked", "products"),
    [("float32", "highest"), ("tf32", "high"), ("bfloat16", "medium")],
)
def test_the_precision_asked_for_reaches_torch_the_model_and_the_table(
    asked: str, products: str, benchbox: Benchbox
) -> None:
    done = benchbox(f"run {TOY} -m planted.py:Precise --seeds 1 --precision {asked}")

    (trial,) = done.trials()
    assert trial.notes == {"asked": asked, "products": products}
    is_said = f"matrix products in {asked}" in " ".join(done.out.split())
    assert is_said == (asked != "float32")


def test_a_preset_is_shown_by_name_and_with_what_was_changed(
    benchbox: Benchbox,
) -> None:
    chosen = ["svd:preset=zero", "svd:preset=zero,n_factors=2", "svd:n_factors=3"]

    done = benchbox(f"run {TOY} {' '.join(f'-m {text}' for text in chosen)}")

    planned = done.folder.read_run().models
    assert [model.label for model in planned] == chosen
    options = planned[0].options
    assert (options["n_factors"], options["fill"]) == (3, "zero")


def test_clipping_is_the_default_is_counted_and_can_be_turned_off(
    benchbox: Benchbox,
) -> None:
    model = "-m planted.py:Tuned:offset=100 --seeds 1"

    clipped = benchbox(f"run {TOY} {model}")
    clipped_mae = clipped.trials()[0].metrics["mae"].value
    raw = benchbox(f"run {TOY} {model} --no-clip --drop-predictions")

    assert clipped_mae != raw.trials()[0].metrics["mae"].value
    assert "clipped to 1–5" in clipped.out
    assert "not clipped" in raw.out
    newest = raw.folder
    assert newest.trials()[0].n_clipped == 14
    assert not list((newest.path / "predictions").iterdir())


def test_a_suite_file_names_what_to_run_and_options_override_it(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "suite.toml").write_text(
        'models = ["bias", "user-mean"]\ndatasets = ["svd-toy"]\nseed = 3\n'
    )

    done = benchbox("run --suite suite.toml -p kfold:n_folds=3 --folds k1,k3")

    run = done.folder.read_run()
    assert run.config.seed == 3
    assert [fold.name for fold in run.stages[0].folds] == ["k1", "k3"]
    assert len(done.trials()) == 4


def test_a_dry_run_shows_the_matrix_and_writes_nothing(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    before = benchbox("run -d svd-toy -m bias -m biased-mf --dry-run")
    benchbox("run -d svd-toy -m bias")
    after = benchbox("run -d svd-toy -m bias -m planted.py:Honest --dry-run")

    assert "3 trials, about" in before.out
    assert "author's hint" in before.out
    assert "measured" in after.out
    assert "2 trials of unknown cost" in after.out
    assert len(list((tmp_path / "results").iterdir())) == 1


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("run -m autorec-usr", 2, "Did you mean 'autorec-user'?"),
        ("run -m bias:dampin=3 -d svd-toy", 2, "bias has no option 'dampin'"),
        ("run -m biased-mf:n_factors=many -d svd-toy", 2, "biased-mf cannot take"),
        ("run -m bias -m bias -d svd-toy", 2, "given twice"),
        ("run -d ml-100", 2, "Did you mean 'ml-100k'?"),
        ("run -d missing.csv", 1, "missing.csv"),
        ("run -d svd-toy -p kfolds", 2, "Did you mean 'kfold'?"),
        ("run -d svd-toy -p official", 1, "Try -p kfold or -p holdout"),
        ("run -d svd-toy -p temporal", 1, "needs timestamps"),
        ("run -d svd-toy -p holdout:fraction=0.001", 1, "hidden part of fold"),
        ("run -d svd-toy --folds k9 -p kfold", 2, "has no fold 'k9'"),
        ("run -d svd-toy --device tpu", 2, "Use auto, cpu, cuda, mps or xpu"),
        ("run -d svd-toy --device cuda:7", 2, "is not on this machine"),
        ("run --suite nosuite.toml", 2, "nosuite.toml"),
        ("run --resume nowhere", 1, "There is no run 'nowhere'"),
        ("run --resume last -m bias", 2, "leave out other options"),
        ("run -m nofile.py:Model -d svd-toy", 2, "There is no file 'nofile.py'"),
        ("run -m planted.py:Honst -d svd-toy", 1, "Did you mean 'Honest'?"),
        ("run -m planted.py:NoModel -d svd-toy", 1, "no method 'predict'"),
        ("run -m planted.py:Demanding -d svd-toy", 1, "needs a default"),
        ("run -m planted.py:Tuned:ofset=1 -d svd-toy", 2, "no option 'ofset'"),
        ("run --seeds 0", 2, "0"),
        ("run -d svd-toy -m bias --memory-limit inf", 2, "memory_limit_gib is inf"),
        ("run -d svd-toy -m bias --time-limit nan", 2, "time_limit_seconds is nan"),
        ("run -d svd-toy -m bias:user_damping=inf", 2, "expected a finite number"),
        ("rum", 2, "Did you mean 'run'?"),
        ("report nowhere", 1, "There is no run 'nowhere'"),
        ("run -d ml-100k", 1, "-d synthetic"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    benchbox: Benchbox, line: str, code: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCHBOX_DATA", raising=False)

    done = benchbox(line)

    assert done.code == code
    assert text in done.err
    last = done.err.strip().splitlines()[-1]
    assert last.startswith("benchbox: ")
    assert text in last
    assert "Traceback" not in done.err
    assert not done.results.exists()


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_had_ended(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    real, calls = os.fsync, []

    def fill_up(file: int) -> None:
        calls.append(file)
        # The manifest, the run, the reference and its hash, and the first trial: its
        # predictions, its line and its record.
        if len(calls) > 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fill_up)
    done = benchbox(f"run {TOY} -m bias -m user-mean")
    monkeypatch.undo()

    assert done.code == 1
    assert "The disk is full" in done.err.strip().splitlines()[-1]
    folder = RunFolder.find("last", done.results)
    assert [t.status for t in folder.trials()] == ["ok"]
    assert not list(folder.path.rglob("*.part"))


def test_json_of_a_run_holds_definitions_and_unrounded_numbers(
    benchbox: Benchbox,
) -> None:
    benchbox(f"run {TOY} -m bias")

    done = benchbox("report last --format json")

    content = json.loads(done.out)
    (table,) = content["tables"]
    assert content["metrics"][0]["name"] == "rmse"
    assert table["rows"][0]["rmse"] == done.trials()[0].metrics["rmse"].value


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "latex"])
def test_a_run_can_be_reported_in_every_format(benchbox: Benchbox, form: str) -> None:
    benchbox(f"run {TOY} -m bias")

    done = benchbox(f"report last --format {form}")

    assert done.code == 0
    assert "bias" in done.out


def test_the_second_of_two_that_continue_a_run_is_refused(benchbox: Benchbox) -> None:
    first = benchbox("run -d svd-toy -m bias --seeds 1")

    with first.folder.locked():
        done = benchbox("run --resume last")

    assert done.code == 1
    (line,) = done.err.splitlines()[-1:]
    assert line.startswith("benchbox: Another benchbox is carrying out run ")

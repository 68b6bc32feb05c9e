"""Python's face of a run: the functions of ``import benchbox``."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import benchbox
from benchbox.errors import UsageError
from benchbox.records.config import RunConfig

DATA = "synthetic:n_users=60,n_items=40,n_ratings=900"
FOLDS = "kfold:n_folds=3"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> benchbox.Run:
    out = tmp_path_factory.mktemp("results")
    return benchbox.run(
        ["bias", "biased-mf"], DATA, FOLDS, folds="k1,k3", out=out, threads=1
    )


def test_a_run_is_finished_and_on_disk(run: benchbox.Run) -> None:
    assert run.status == "finished"
    assert (run.path / "run.json").is_file()
    assert (run.path / "table.md").is_file()
    assert run.record.command.startswith("benchbox.run(models=('bias', 'biased-mf')")
    assert repr(run).endswith("finished, 2 models, 6 of 6 trials>")


def test_the_table_is_a_frame_with_the_best_model_first(run: benchbox.Run) -> None:
    assert set(run.table["model"]) == {"bias", "biased-mf"}
    assert run.table["rmse"].is_monotonic_increasing
    assert (run.table["coverage"] == 1).all()
    assert set(run.table["folds"]) == {"k1 k3"}


def test_the_table_holds_the_means_of_the_trials(run: benchbox.Run) -> None:
    means = run.trials.groupby(["model", "fold"])["rmse"].mean()
    by_model = means.groupby("model").mean()

    for _, row in run.table.iterrows():
        assert row["rmse"] == pytest.approx(by_model[row["model"]])


def test_trials_are_rows_with_their_scores_and_seconds(run: benchbox.Run) -> None:
    assert list(run.trials["status"]) == ["ok"] * 6
    assert set(run.trials["fold"]) == {"k1", "k3"}
    assert (run.trials["fit_seconds"] > 0).all()
    assert run.trials["key"].nunique() == 6


def test_predictions_stand_beside_the_ratings_they_were_scored_on(
    run: benchbox.Run,
) -> None:
    frame = run.predictions("biased-mf", "k3", replicate=1)
    error = frame["prediction"] - frame["rating"]

    mine = run.trials.query("model == 'biased-mf' and fold == 'k3' and replicate == 1")
    assert len(frame) == 300
    assert (error**2).mean() ** 0.5 == pytest.approx(mine["rmse"].item(), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bais", "k1"), "No model 'bais'.*Did you mean 'bias'"),
        (("bias",), "Name one of: k1, k3"),
        (("bias", "k2"), "no fit 0 on fold 'k2'. Folds: k1, k3"),
    ],
)
def test_predictions_that_are_not_there_are_refused(
    run: benchbox.Run, arguments, message
) -> None:
    with pytest.raises(UsageError, match=message):
        run.predictions(*arguments)


def test_a_run_is_loaded_by_path_name_or_as_the_last(run: benchbox.Run) -> None:
    for found in (
        benchbox.load_run(run.path),
        benchbox.load_run(run.path.name, out=run.path.parent),
        benchbox.load_run("last", out=run.path.parent),
    ):
        assert found.table.equals(run.table)
    assert str(run).startswith("synthetic:n_users=60,n_items=40,n_ratings=900 · kfold")


@pytest.mark.slow
def test_a_run_from_a_thread_is_the_same(run: benchbox.Run, tmp_path: Path) -> None:
    found: list[benchbox.Run] = []

    def again() -> None:
        made = benchbox.run(
            ["bias", "biased-mf"], DATA, FOLDS, folds="k1,k3", out=tmp_path, threads=1
        )
        found.append(made)

    thread = threading.Thread(target=again)
    thread.start()
    thread.join()

    assert found[0].trials["key"].tolist() == run.trials["key"].tolist()
    assert found[0].trials["rmse"].tolist() == run.trials["rmse"].tolist()


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_script_without_a_guard_runs_once(tmp_path: Path, times: int) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import benchbox\n"
        f"run = benchbox.run('bias', {DATA!r}, folds='holdout', threads=1)\n"
        "print(len(run.trials), run.table['model'].tolist())\n"
    )

    for _ in range(times):
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert done.stdout == "1 ['bias']\n"

    assert len(list((tmp_path / "results").iterdir())) == times


def test_unknown_names_and_settings_are_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="No model named 'bais'"):
        benchbox.run("bais", DATA, out=tmp_path)
    with pytest.raises(UsageError, match="unknown field `sedes`"):
        benchbox.run("bias", DATA, out=tmp_path, sedes=3)

    assert not list(tmp_path.iterdir())


def test_a_data_set_is_loaded_by_name_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text("user,item,rating\n1,1,4\n1,2,5\n2,1,1\n")

    assert len(benchbox.load_dataset(file).ratings) == 3
    assert len(benchbox.load_dataset(DATA).ratings) == 900


def test_a_fitted_model_is_saved_and_predicts(tmp_path: Path) -> None:
    saved = benchbox.fit("bias", DATA, tmp_path / "mine", threads=1)

    assert saved.record.n_ratings == 900
    assert 1 <= float(saved.predict(["1"], ["1"])[0]) <= 5


def test_every_setting_of_a_run_can_be_given_by_name() -> None:
    from benchbox.runs.settings import make_config

    default = RunConfig()
    given = {name: getattr(default, name) for name in RunConfig.__struct_fields__}

    assert make_config(given) == default

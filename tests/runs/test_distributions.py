"""Distributions: predicted by those models that say so, checked, scored and stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchbox.errors import ResultsError
from benchbox.metrics.distribution import NormalDistribution, StepDistribution
from benchbox.metrics.probabilistic import crps_of
from benchbox.plugins import discover
from benchbox.runs import Stages
from tests.support.commands import PLANTED, Benchbox

STEPS, NORMAL = f"{PLANTED}:GivesSteps", f"{PLANTED}:GivesANormal"
NAMES = {"log-score", "crps", "coverage-80"}


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    file = tmp_path / "ratings.csv"
    draw = np.random.default_rng(0)
    cells = draw.permutation(20 * 10)[:120]
    lines = [f"u{cell // 10},i{cell % 10},{draw.integers(1, 6)}" for cell in cells]
    # Two users with a single rating, one of which is hidden: a cold user.
    file.write_text("\n".join(["user,item,rating", *lines, "x,i1,1", "y,i2,5", ""]))
    return file


def test_distributions_are_scored_and_stored_and_others_left_blank(
    benchbox: Benchbox, ratings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    protocol = "kfold:n_folds=2,seed=1"
    done = benchbox(f"run -m {STEPS} -m {NORMAL} -m bias -d {ratings} -p {protocol}")

    by_label = done.by_label()
    assert all(trial.status == "ok" for trial in done.trials()), done.out
    assert set(by_label["bias"].metrics) & NAMES == set()
    assert by_label["bias"].reference.keys() & NAMES == set()
    for heading in ("log score", "CRPS", "in 80-interval %"):
        assert heading in done.out
    (line,) = [line for line in done.out.splitlines() if line.startswith("bias")]
    assert line.count("–") >= 3

    folds = Stages(discover(), lambda text: None).stage(str(ratings), protocol).folds
    hidden = {fold.name: fold.hidden for fold in folds}
    n_declined = 0
    for trial in done.trials():
        found = done.folder.distribution(trial)
        if trial.label == "bias":
            assert found is None
            continue
        kind = StepDistribution if trial.label == "GivesSteps" else NormalDistribution
        assert isinstance(found, kind)
        assert "distribution" in trial.wall_seconds
        truth = hidden[trial.fold].values.astype(np.float64)
        score = trial.metrics["crps"]
        assert score.n_scored == len(truth) == trial.n_hidden
        assert score.value == pytest.approx(crps_of(found.clipped(1, 5), truth).mean())
        if isinstance(found, NormalDistribution):
            # Where it declines, the bias model with the spread of its residuals.
            declined = found.spread != np.float32(1.25)
            assert declined.sum() == trial.n_hidden - trial.n_answered
            filled = done.folder.reference(trial)[declined]
            assert found.mean[declined].tolist() == filled.tolist()
            n_declined += int(declined.sum())
    assert n_declined

    # The shares of the steps in training are nearly those of the hidden ratings.
    (stage,) = json.loads(benchbox("stats -f json").out)["stages"]
    by_model = {record["model"]: record for record in stage["reliability"]}
    assert set(by_model) == {"GivesSteps", "GivesANormal"}
    assert by_model["GivesSteps"]["covered_80"] == pytest.approx(0.8, abs=0.1)
    assert sum(v for k, v in stage["places"][0].items() if k != "model") == (
        pytest.approx(1)
    )
    assert "Calibration of distributions" in benchbox("stats").out


def test_without_such_a_model_a_run_knows_nothing_of_distributions(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m bias -d {ratings} -p holdout")

    assert {metric.name for metric in done.folder.read_run().metrics} & NAMES == set()
    assert list((done.folder.path / "predictions").glob("*distribution*")) == []


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("IsTooSure", "a spread of 0 or below for"),
        ("PromisesADistribution", "has no method 'predict_distribution'"),
    ],
)
def test_what_is_no_distribution_fails_the_trial(
    benchbox: Benchbox, ratings: Path, model: str, reason: str
) -> None:
    done = benchbox(f"run -m {PLANTED}:{model} -d {ratings} -p holdout")

    (trial,) = done.trials()
    assert trial.status == "failed"
    assert reason in trial.reason


def test_a_damaged_file_of_distributions_is_an_error_in_one_line(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m {STEPS} -d {ratings} -p holdout")
    (file,) = (done.folder.path / "predictions").glob("*.distribution.npy")
    file.write_bytes(file.read_bytes()[:-7])

    with pytest.raises(ResultsError, match="cannot be read"):
        done.folder.distribution(done.trials()[0])


def test_other_distributions_than_the_trial_predicted_are_never_shown(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m {STEPS} -d {ratings} -p holdout")
    (file,) = (done.folder.path / "predictions").glob("*.distribution.npy")
    table = np.load(file)
    table[1:] = table[1:, ::-1]
    np.save(file, table)

    changed = benchbox("stats")
    file.unlink()
    gone = benchbox("stats")

    assert changed.code == gone.code == 1
    assert "holds other predictions than the trial made" in changed.err
    assert "is not there" in gone.err

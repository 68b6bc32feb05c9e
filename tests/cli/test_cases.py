"""Suites from the command line: each case runs its own models, and none is mixed."""

import re
from pathlib import Path

import pytest

from tests.support.commands import Benchbox

SUITE = """
seeds = 1

[[cases]]
title = "shown"
dataset = "svd-toy"
protocol = "reconstruction"
models = ["svd:preset=zero", "user-mean"]
claims = ["s2-truncated-svd"]

[[cases]]
title = "hidden"
dataset = "{wanted}"
instead = ["svd-toy"]
protocol = "holdout:fraction=0.2"
models = ["bias"]
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    (tmp_path / "cases.toml").write_text(SUITE.format(wanted="ml-20m:top_users=9"))
    return "cases.toml"


def test_each_case_runs_its_own_models(benchbox: Benchbox, suite: str) -> None:
    done = benchbox(f"run --suite {suite}")

    run = done.folder.read_run()
    assert [stage.participants(run) for stage in run.stages] == [[0, 1], [2]]
    labels = sorted((trial.stage, trial.label) for trial in done.trials())
    assert labels == [(0, "svd:preset=zero"), (0, "user-mean"), (1, "bias")]


def test_flawed_cases_have_a_table_of_their_own(benchbox: Benchbox, suite: str) -> None:
    flawed, honest = benchbox(f"run --suite {suite}").out.split("Under honest")

    assert flawed.startswith("⚠ Under the authors' protocols")
    assert "svd:preset=zero" in flawed
    assert "1.9379" in flawed
    assert not re.search(r"svd:preset=zero +\d", honest)
    assert re.search(r"bias +\d", honest)


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_the_overview_says_what_the_audit_warned_of_and_in_which_case(
    benchbox: Benchbox, suite: str, form: str
) -> None:
    benchbox(f"run --suite {suite}")

    said = " ".join(benchbox(f"report last -f {form}").out.split())

    overview = said.partition("## svd-toy")[0]
    where = "hidden – svd-toy · holdout:fraction=0.2, in place of ml-20m:top_users=9"
    assert f"⚠ {where}, fold holdout: only 9 ratings are hidden" in overview


def test_data_that_stand_in_for_others_are_named_so(
    benchbox: Benchbox, suite: str
) -> None:
    done = benchbox(f"run --suite {suite}")

    assert done.folder.read_run().stages[1].case.wanted == "ml-20m:top_users=9"
    assert "in place of ml-20m:top_users=9" in " ".join(done.out.split())


def test_a_run_of_cases_is_resumed_and_reported_as_such(
    benchbox: Benchbox, suite: str
) -> None:
    first = benchbox(f"run --suite {suite}")
    lost = next((first.folder.path / "trials").glob("s1-*.json"))
    lost.unlink()

    again = benchbox("run --resume last")

    assert again.folder.path == first.folder.path
    assert len(again.trials()) == 3
    assert "Under honest protocols" in benchbox("report last").out
    for form in ("markdown", "csv", "latex", "json"):
        assert "bias" in benchbox(f"report last -f {form}").out


def test_the_statistics_of_cases_are_of_their_own_data_and_models(
    benchbox: Benchbox, suite: str
) -> None:
    benchbox(f"run --suite {suite}")

    done = benchbox("stats last")

    assert done.code == 0
    shown, hidden = done.out.split("svd-toy · holdout")
    assert "svd:preset=zero" in shown
    assert "user-mean" in shown
    assert "svd:preset=zero" not in hidden
    assert "bias" in hidden


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("-m bias", "have their own models"),
        ("-p kfold", "have their own protocols"),
        ("--folds k1", "have their own folds"),
    ],
)
def test_options_that_cases_settle_are_refused(
    benchbox: Benchbox, suite: str, options: str, said: str
) -> None:
    done = benchbox(f"run --suite {suite} {options}")

    assert done.code == 2
    assert said in done.err


def test_an_unknown_suite_is_an_error_that_names_the_known(
    benchbox: Benchbox,
) -> None:
    done = benchbox("run --suite sedes")

    assert done.code == 2
    assert "'seeds'" in done.err


def test_a_claim_about_another_model_is_refused(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    wrong = SUITE.replace('models = ["bias"]', 'models = ["bias"]\nclaims = ["X"]')
    wrong = wrong.format(wanted="svd-toy").replace('"X"', '"s4-perceptron"')
    (tmp_path / "wrong.toml").write_text(wrong)

    done = benchbox("run --suite wrong.toml")

    assert done.code == 2
    assert "neural-cf:preset=mlp-80-40-20" in done.err


def test_flawed_metrics_are_computed_under_flawed_protocols_alone(
    benchbox: Benchbox,
) -> None:
    done = benchbox("run -d svd-toy -m bias -p reconstruction -p holdout")

    shown, hidden = sorted(done.trials(), key=lambda trial: trial.stage)
    assert "mape-over-cells" in shown.metrics
    assert "mape-over-cells" not in hidden.metrics
    flawed, honest = done.out.split("svd-toy · holdout")
    assert "⚠ MAPE × density" in flawed
    assert "density" not in honest

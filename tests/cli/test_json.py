"""Every command that prints data prints them as JSON too."""

import json

import pytest

from tests.reports.test_formats import folder_of
from tests.support.toy_pages import NAMES, SCORES
from tests.support.toy_runs import toy_model, toy_run


@pytest.mark.parametrize("what", ["folds", "audit"])
def test_folds_and_their_audit_are_printed_as_json(benchbox, what) -> None:
    done = benchbox(f"data {what} svd-toy -p kfold:n_folds=2 -p holdout --json")

    first, second = json.loads(done.out)
    assert done.code == 0
    assert first["data"] == "svd-toy · kfold:n_folds=2"
    assert [fold["name"] for fold in first["folds"]] == ["k1", "k2"]
    assert all(
        fold["n_hidden"] > 0 and len(fold["id"]) == 32 for fold in second["folds"]
    )
    assert first["leaks"] is False
    assert first["folds"][0]["findings"][0]["severity"] == "warning"


def test_what_is_known_of_a_data_set_is_printed_as_json(benchbox) -> None:
    here = json.loads(benchbox("data show svd-toy --json").out)
    away = json.loads(benchbox("data show ml-20m --json").out)

    assert here["name"] == "svd-toy"
    assert here["ratings"].endswith("of all pairs)")
    assert isinstance(here["warning"], list)
    assert away["files"].startswith("not on this machine")


@pytest.fixture
def run(tmp_path) -> str:
    models = [toy_model(name) for name in NAMES]
    return str(folder_of(tmp_path, toy_run(models), SCORES).path)


def test_runs_are_listed_and_shown_as_json(benchbox, tmp_path, run) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")

    listed = benchbox(f"runs list --json --out {tmp_path}")
    shown = json.loads(benchbox(f"runs show {run} --json").out)
    none = benchbox(f"runs list --json --out {tmp_path / 'none'}")

    sound, broken = sorted(json.loads(listed.out), key=lambda one: one["run"])
    assert listed.code == 1
    assert broken["status"] == "cannot be read"
    assert sound["n_trials"] == shown["run"]["n_trials"]
    assert sound["n_bytes"] > 0
    assert shown["folder"] == run
    assert json.loads(none.out) == []


@pytest.mark.parametrize("command", ["report", "compare {run}"])
def test_json_is_short_for_its_format(benchbox, run, command) -> None:
    line = f"{command.format(run=run)} {run}"
    short = benchbox(f"{line} --json")

    assert short.code in (0, 2)
    assert short.out == benchbox(f"{line} --format json").out
    refused = benchbox(f"{line} --json --format markdown")
    assert refused.code == 2
    assert "Choose one of --json and --format markdown." in refused.err


def test_a_run_prints_its_records_as_json(benchbox) -> None:
    planned = benchbox("run -d svd-toy -m bias -m user-mean --dry-run --json")
    done = benchbox("run -d svd-toy -p kfold:n_folds=2 -m bias --json")
    report = benchbox("report --json")
    statistics = benchbox("stats --json")

    bias, mean = json.loads(planned.out)
    assert (bias["model"], mean["model"]) == ("bias", "user-mean")
    assert bias["trials"] > 0
    assert not bias["skipped"]
    assert done.code == 0
    assert done.out == report.out
    assert "rmse" in done.out
    assert statistics.out == benchbox("stats -f json").out != ""

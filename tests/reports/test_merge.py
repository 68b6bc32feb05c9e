"""Definitions: figures that mean different things never share a column."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchbox.errors import ResultsError
from benchbox.ratings import RatingScale
from benchbox.records.folder import RunFolder
from benchbox.records.run import RunRecord
from benchbox.records.trial import TrialRecord
from benchbox.reports.merge import merged
from benchbox.reports.tables import FORMATS, render
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trials

Told = tuple[RunRecord, list[TrialRecord]]


def told(name: str, rmse: float, *, run_id: str = "run-a", **changes) -> Told:
    """Return a run of one model, on one toy stage unless others are given."""
    config = {k: changes.pop(k) for k in ("clip", "seeds", "precision") if k in changes}
    stages = changes.pop("stages", [toy_stage()])
    run = toy_run([toy_model(name)], stages, **config)
    run = replace(run, id=run_id, **changes)
    scores = [[rmse] * len(stages[0].folds)]
    trials = [
        replace(trial, stage=number, fold_id=stage.folds[place].id)
        for number, stage in enumerate(stages)
        for place, trial in enumerate(toy_trials(run, scores))
    ]
    return run, trials


def test_runs_of_one_definition_share_a_table() -> None:
    run, (board,) = merged([told("good", 0.9), told("better", 0.8, run_id="run-b")])

    assert run.id == "run-a + run-b"
    assert run.n_trials == 10
    assert [row.label for row in board.rows] == ["better", "good"]
    assert [row.n_ok for row in board.rows] == [5, 5]
    assert [row.mark for row in board.rows] == ["best", ""]


def test_a_run_with_repeated_fits_lacks_none_of_its_trials() -> None:
    run, trials = told("better", 0.8, run_id="run-b")
    run = replace(run, config=replace(run.config, repeats=2))
    trials += [replace(trial, repeat=1) for trial in trials]

    _, (board,) = merged([told("good", 0.9), (run, trials)])

    planned = {row.label: (row.n_ok, row.n_trials) for row in board.rows}
    assert planned == {"better": (10, 10), "good": (5, 5)}


def test_a_model_both_runs_have_is_shown_once_from_the_first() -> None:
    _, (board,) = merged([told("good", 0.9), told("good", 0.8, run_id="run-b")])

    (row,) = board.rows
    assert (row.n_ok, row.summaries["rmse"].mean) == (5, pytest.approx(0.9))


def test_stages_that_one_run_has_stand_alone() -> None:
    boats = toy_stage(dataset="boats")

    _, boards = merged([told("good", 0.9), told("fine", 0.8, stages=[boats])])

    assert [board.stage.dataset for board in boards] == ["toys", "boats"]
    assert [[row.label for row in board.rows] for board in boards] == [
        ["good"],
        ["fine"],
    ]


def test_one_run_may_have_two_recipes_each_in_its_own_table() -> None:
    stages = [toy_stage(), toy_stage(protocol_options={"n_folds": 5, "seed": 1})]

    _, boards = merged([told("good", 0.9, stages=stages)])

    assert len(boards) == 2


other_ids = toy_stage()
other_ids = replace(
    other_ids, folds=[replace(fold, id=f"{9:032x}") for fold in other_ids.folds]
)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"clip": False}, r"clipping \(on against off\)"),
        ({"seeds": 3}, r"fits of a stochastic model \(1 against 3\)"),
        ({"precision": "tf32"}, r"precision \(float32 against tf32\)"),
        ({"n_threads": 7}, r"threads \(2 against 7\)"),
        ({"stages": [other_ids]}, r"id of fold k1 \(0+1 against 0+9\); id of fold k2"),
        (
            {"stages": [toy_stage(protocol_options={"n_folds": 5, "seed": 1})]},
            r"protocol \(kfold:n_folds=5,seed=0 against kfold:n_folds=5,seed=1\)",
        ),
        ({"stages": [toy_stage(data_id="e" * 32)]}, r"data \(d+ against e+\)"),
        ({"stages": [toy_stage(n_folds=2)]}, r"folds \(k1 k2 k3 k4 k5 against k1 k2\)"),
        ({"stages": [toy_stage(cold_policy="dropped")]}, r"cold policy \(scored aga"),
        ({"stages": [toy_stage(scale=RatingScale(0, 5, 1))]}, r"scale \(1–5 against 0"),
        ({"stages": [toy_stage(flaw="copying wins")]}, r"flaw \(none against copying"),
        (
            {"stages": [toy_stage(dataset_options={"top_users": 9})]},
            r"data set \(toys against toys:top_users=9\)",
        ),
    ],
)
def test_figures_that_differ_in_meaning_are_refused_by_name(changes, word) -> None:
    with pytest.raises(ResultsError, match=rf"run-a and run-b .* differ in:.* {word}"):
        merged([told("good", 0.9), told("fine", 0.8, run_id="run-b", **changes)])


def test_another_formula_under_the_same_name_is_refused() -> None:
    run, trials = told("fine", 0.8, run_id="run-b")
    run.metrics[0] = replace(run.metrics[0], definition="mean over users")

    with pytest.raises(ResultsError, match=r"metric rmse \(sqrt.* against mean over"):
        merged([told("good", 0.9), (run, trials)])


def test_seconds_of_two_machines_are_refused() -> None:
    run, trials = told("fine", 0.8, run_id="run-b")
    run.environment = replace(run.environment, cpu="Slide rule")

    with pytest.raises(ResultsError, match=r"machine \(Abacus.* against Slide rule"):
        merged([told("good", 0.9), (run, trials)])


def test_a_label_that_names_two_programs_is_refused() -> None:
    run, trials = told("good", 0.8, run_id="run-b")
    run.models[0] = replace(run.models[0], source_digest="changed")

    with pytest.raises(ResultsError, match="the code or the defaults of good"):
        merged([told("good", 0.9), (run, trials)])


def test_a_trial_scored_on_other_ratings_than_its_table_says_is_refused() -> None:
    run, trials = told("good", 0.9)
    trials[1] = replace(trials[1], fold_id="f" * 32)

    with pytest.raises(ResultsError, match=r"good was scored on fold 'k2' with id fff"):
        merged([(run, trials)])


def stored(parent: Path, of: Told) -> RunFolder:
    run, trials = of
    folder = RunFolder.create(parent, run.id)
    folder.write_run(run)
    for trial in trials:
        folder.write_trial(trial, None)
    return folder


@pytest.mark.parametrize("form", [f for f in FORMATS if f != "bibtex"])
def test_every_format_shows_two_runs_in_one_table_or_refuses(form, tmp_path) -> None:
    first = stored(tmp_path, told("good", 0.9))
    second = stored(tmp_path, told("fine", 0.75, run_id="run-b"))
    third = stored(tmp_path, told("raw", 0.75, run_id="run-c", clip=False))

    text = render(first, form, FORMATS, second)

    assert "good" in text
    assert "fine" in text
    with pytest.raises(ResultsError, match="clipping"):
        render(first, form, FORMATS, third)


def test_json_of_two_runs_has_one_table_of_both(tmp_path) -> None:
    first = stored(tmp_path, told("good", 0.9))
    second = stored(tmp_path, told("fine", 0.75, run_id="run-b"))

    (table,) = json.loads(render(first, "json", FORMATS, second))["tables"]

    assert [row["model"] for row in table["rows"]] == ["fine", "good"]

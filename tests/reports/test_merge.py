"""Definitions: figures that mean different things never share a column."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchbox.errors import ResultsError
from benchbox.ratings import RatingScale
from benchbox.records.folder import RunFolder
from benchbox.records.run import RunRecord
from benchbox.records.trial import ScoreRecord, TrialRecord
from benchbox.reports.figures.accuracy_cost import draw as draw_pareto
from benchbox.reports.figures.costs import memory, phases
from benchbox.reports.merge import join, merged
from benchbox.reports.notes import notes
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
        ({"precision": "tf32"}, r"precision \(float32 against tf32\)"),
        ({"stages": [other_ids]}, r"id of fold k1 \(0+1 against 0+9\); id of fold k2"),
        (
            {"stages": [toy_stage(protocol_options={"n_folds": 5, "seed": 1})]},
            r"protocol \(kfold:n_folds=5,seed=0 against kfold:n_folds=5,seed=1\)",
        ),
        ({"stages": [toy_stage(data_id="e" * 32)]}, r"data \(d+ against e+\)"),
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


def test_a_metric_that_one_run_lacks_is_blank_for_its_models() -> None:
    run, trials = told("sure", 0.8, run_id="run-b")
    log_score = replace(run.metrics[0], name="log-score", title="log score")
    run = replace(run, metrics=[*run.metrics, log_score])
    for trial in trials:
        trial.metrics["log-score"] = ScoreRecord(1.3, 10, 0)

    joined, (board,) = merged([told("good", 0.9), (run, trials)])

    assert [m.name for m in joined.metrics] == [m.name for m in run.metrics]
    assert [row.summaries.keys() >= {"log-score"} for row in board.rows] == [
        True,
        False,
    ]


def test_the_second_and_third_run_may_not_disagree_either() -> None:
    second, third = told("b", 0.8, run_id="run-b"), told("c", 0.8, run_id="run-c")
    for (run, _), formula in ((second, "mean"), (third, "sum")):
        run.metrics.append(replace(run.metrics[0], name="own", definition=formula))

    with pytest.raises(ResultsError, match=r"run-b and run-c .* own \(mean .*against"):
        merged([told("a", 0.9), second, third])


def part(run: RunRecord, trials: list[TrialRecord], folds: str, name: str) -> Told:
    """Return what a run on some folds of *run* alone would have left."""
    (stage,) = run.stages
    names = folds.split()
    fewer = replace(stage, folds=[fold for fold in stage.folds if fold.name in names])
    mine = [trial for trial in trials if trial.fold in names]
    return replace(run, id=name, stages=[fewer], n_trials=len(mine)), mine


def two_models(**config) -> Told:
    run = toy_run([toy_model("mean"), toy_model("net", stochastic=True)], **config)
    scores = [[0.91, 0.92, 0.93, 0.94, 0.95], [0.81, 0.82, 0.83, 0.84, 0.85]]
    trials = [
        replace(t, replicate=k, seed=10 * k + n, key=f"{t.key}{k}")
        for n, t in enumerate(toy_trials(run, scores))
        for k in range(run.config.n_fits(run.models[t.model].capabilities))
    ]
    return run, trials


def on_slide_rule(run: RunRecord, trials: list[TrialRecord]) -> Told:
    other = replace(run.environment, cpu="Slide rule")
    return (
        replace(run, environment=other),
        [replace(trial, environment=other.id) for trial in trials],
    )


def test_runs_on_other_folds_become_the_table_of_the_whole_run() -> None:
    run, trials = two_models(seeds=2)
    halves = [part(run, trials, f, f) for f in ("k3 k4 k5", "k1 k2")]

    _, (whole,) = merged([(run, trials)])
    joined, (board,) = merged(halves)

    assert [fold.name for fold in board.stage.folds] == ["k1", "k2", "k3", "k4", "k5"]
    assert board.rows == whole.rows
    assert joined.n_trials == len(trials) == 15
    assert [one.id for one in joined.merged] == ["k3 k4 k5", "k1 k2"]


def test_accuracy_of_two_machines_is_joined_and_times_are_left_out() -> None:
    run, trials = two_models()
    here = part(run, trials, "k1 k2", "here")
    there = on_slide_rule(*part(run, trials, "k3 k4 k5", "there"))

    _, (whole,) = merged([(run, trials)])
    joined, (board,) = merged([here, there])

    for row, wanted in zip(board.rows, whole.rows, strict=True):
        assert row.summaries == wanted.summaries
        assert (row.mark, row.behind) == (wanted.mark, wanted.behind)
        assert row.fit_seconds is row.total_seconds is row.peak_memory_bytes is None
        assert not row.is_on_front
    said = " ".join(notes(joined, board, best="bold", tied="italic"))
    assert "Times and memory are left out" in said
    assert "Abacus, 2 cores, 8 GiB" in said
    assert "Slide rule, 2 cores, 8 GiB" in said
    assert all(draw(board) is None for draw in (phases, memory, draw_pareto))


def test_times_of_other_threads_are_left_out_too() -> None:
    run, trials = two_models()
    here = part(run, trials, "k1 k2", "here")
    more, those = part(run, trials, "k3 k4 k5", "there")
    those = [replace(trial, settings={"torch threads": "7"}) for trial in those]

    _, (board,) = merged([here, (replace(more, n_threads=7), those)])

    assert {row.fit_seconds for row in board.rows} == {None}
    assert len(board.machines) == 2


def test_a_row_that_lacks_a_fold_has_no_mean_and_says_so() -> None:
    run, trials = two_models()
    here = part(run, trials, "k1 k2", "here")
    there, those = part(run, trials, "k3 k4 k5", "there")
    alone = replace(there, models=there.models[:1])

    _, (board,) = merged([here, (alone, [t for t in those if t.model == 0])])

    mean, net = board.rows
    assert (mean.label, mean.n_ok, mean.n_trials) == ("mean", 5, 5)
    assert (net.label, net.n_ok, net.n_trials) == ("net", 2, 5)
    assert net.summaries == {}


def test_other_seeds_are_further_fits_of_the_models_that_depend_on_them() -> None:
    run, trials = two_models(seeds=2)
    config = replace(run.config, seed=1)
    others = [replace(trial, seed=trial.seed + 1_000) for trial in trials]

    joined = join([(run, trials), (replace(run, id="run-b", config=config), others)])

    _, (board,) = merged([(joined.run, joined.trials)])
    rows = {row.label: (row.n_ok, row.n_trials) for row in board.rows}
    assert rows == {"net": (20, 20), "mean": (5, 5)}
    nets = [t.replicate for t in joined.trials if (t.label, t.fold) == ("net", "k1")]
    assert nets == [0, 1, 2, 3]


def test_a_trial_of_both_runs_counts_once_and_one_that_succeeded_counts() -> None:
    run, trials = told("good", 0.9)
    again = [replace(trial, predictions_digest="f") for trial in trials]
    first = [replace(trial, predictions_digest="e") for trial in trials]
    first[2] = replace(first[2], status="interrupted", metrics={})

    joined = join([(run, first), (replace(run, id="run-b"), again)])

    assert len(joined.trials) == 5
    assert [number for number, _ in joined.origins] == [0, 0, 1, 0, 0]
    assert joined.run.remarks == [
        "Several of the merged runs have 4 trials, of which 4 predicted otherwise "
        "there; the first run's count."
    ]


def test_merging_what_was_merged_is_the_same_as_merging_all() -> None:
    run, trials = two_models(seeds=2)
    parts = [part(run, trials, f"k{k}", f"run-{k}") for k in range(1, 6)]

    some = join(parts[:3])
    joined, (board,) = merged([(some.run, some.trials), *parts[3:]])
    _, (whole,) = merged(parts)

    assert board.rows == whole.rows
    assert [one.id for one in joined.merged] == [f"run-{k}" for k in range(1, 6)]


def test_ten_folds_are_in_the_order_of_their_numbers() -> None:
    run, trials = told("good", 0.9, stages=[toy_stage(n_folds=11)])
    odd = " ".join(f"k{k}" for k in range(1, 12, 2))
    even = " ".join(f"k{k}" for k in range(2, 12, 2))

    joined = join([part(run, trials, odd, "odd"), part(run, trials, even, "even")])

    names = [fold.name for fold in joined.run.stages[0].folds]
    assert names == [f"k{k}" for k in range(1, 12)]


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

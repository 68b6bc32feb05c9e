"""The recommendation: what each situation says, and never more than its verdicts."""

import pytest
from msgspec.structs import replace

from benchbox.analysis import Interval, Pair
from benchbox.analysis.records import Analysis
from benchbox.analysis.statistics.paired import Effect
from benchbox.metrics import METRICS, RMSE
from benchbox.models import Capabilities
from benchbox.records import AskedAgain
from benchbox.records.trial import RAN_AT_ONCE, ScoreRecord
from benchbox.reports.leaderboard import leaderboards
from benchbox.reports.recommendation import recommendation
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trials

QUICK = {"load": 0.1, "fit": 0.1, "predict": 0.1}
CLEAR = {"slow": [0.90, 0.91, 0.92, 0.93, 0.94], "poor": [1.0, 1.01, 1.02, 1.03, 1.04]}
TIED = {"slow": [0.90, 0.91, 0.92, 0.93, 0.94], "quick": [0.92, 0.91, 0.94, 0.94, 0.95]}


def board_of(scores, *, stage=None, reference=None):
    n_folds = len(next(iter(scores.values())))
    stage = stage or toy_stage(n_folds)
    run = toy_run([toy_model(name) for name in scores], [stage])
    trials = toy_trials(run, list(scores.values()))
    for trial in trials:
        if trial.label.startswith("quick") and trial.status == "ok":
            trial.wall_seconds = QUICK
        if reference is not None:
            trial.reference = {"rmse": ScoreRecord(reference, 20)}
    (board,) = leaderboards(run, trials)
    return board


def said(scores, analysis=None, **more) -> str:
    return " ".join(recommendation(board_of(scores, **more), analysis))


def analysis_of(scores, *, verdict_interval, n_fits=None, seeds=False) -> Analysis:
    first, second = scores
    effect = Effect(
        first=0.9,
        second=0.91,
        difference=-0.01,
        standard_error=0.01,
        interval=verdict_interval,
        relative=None,
        relative_interval=None,
        standardised=0.1,
        p_value=0.01,
        p_users=0.01,
        share_better=0.6,
        n_users=10,
        n_ratings=20,
        same=False,
    )
    pair = Pair(
        first=first,
        second=second,
        effect=effect,
        over_folds=None,
        n_users=1234,
        n_folds=None,
        n_fits=n_fits,
        seeds_may_explain=seeds,
        sharper_over_users=None,
        sharper_over_folds=None,
    )
    return Analysis(
        stage=toy_stage(1),
        clip=True,
        headline=RMSE,
        metrics=[*METRICS],
        models=[],
        pairs=[pair],
        left_out=[],
    )


def test_a_clear_winner_is_named_with_its_score() -> None:
    text = said(CLEAR)

    assert text == (
        "slow is the most accurate (RMSE 0.9200), significantly better than poor. "
        "No other model comes within 1 % of its RMSE."
    )


def test_a_tie_names_the_cheapest_of_it_and_what_would_settle_it() -> None:
    text = said(TIED)

    assert "slow has the best RMSE (0.9200), but quick is not significantly" in text
    assert "Cheapest of these is quick (0.9320, 1 % worse): 0.30 s from data" in text
    assert "instead of 2.8 s" in text
    assert "To separate slow from quick takes at least 9 folds (now 5)" in text


def test_folds_that_share_too_much_are_not_called_enough() -> None:
    text = said({"slow": TIED["slow"], "quick": [0.95, 0.89, 0.97, 0.9, 0.95]})

    assert "More folds alone would not separate slow from quick" in text


def test_if_all_are_tied_nobody_wins() -> None:
    text = said(TIED | {"quick-too": [0.9, 0.95, 0.91, 0.97, 0.92]})

    assert text.startswith("No model is significantly better than the others; slow ")


def test_a_cheaper_model_within_a_hundredth_is_named_though_it_is_worse() -> None:
    text = said({"slow": [0.9, 0.91, 0.92], "quick": [0.905, 0.915, 0.925]})

    assert "slow is the most accurate" in text
    assert "Cheapest within 1 % of its RMSE is quick (0.9150): 0.30 s" in text


def test_models_of_equal_cost_are_not_called_cheaper() -> None:
    text = said({"slow": [0.9, 0.91, 0.92], "same": [0.905, 0.915, 0.925]})

    assert "None within 1 % of its RMSE is clearly cheaper." in text


def test_a_single_model_is_compared_with_nothing() -> None:
    text = said({"slow": [0.9, 0.91]})

    assert "Only slow has a score on every fold (RMSE 0.9050)" in text
    assert "cheap" not in text


def test_one_fold_without_statistics_names_no_winner() -> None:
    text = said({"slow": [0.9], "poor": [1.0]})

    assert "slow has the best RMSE on the only fold (0.9000)" in text
    assert "run more folds" in text
    assert "significantly" not in text


def test_one_fold_with_clear_users_names_the_winner_over_users() -> None:
    scores = {"slow": [0.9], "poor": [1.0]}
    found = analysis_of(scores, verdict_interval=Interval(-0.02, -0.005))

    assert "significantly better than poor over the users of this fold" in said(
        scores, found
    )


def test_one_fold_with_open_pairs_says_how_many_users_would_settle_them() -> None:
    scores = {"slow": [0.9], "poor": [1.0]}
    found = analysis_of(scores, verdict_interval=Interval(-0.02, 0.005))

    text = said(scores, found)

    assert "poor is not significantly worse over the users of this fold" in text
    assert "takes about 1,234 users (now 10)" in text


def test_a_difference_that_seeds_may_explain_is_not_called_clear() -> None:
    scores = {"slow": [0.9], "poor": [1.0]}
    clear = Interval(-0.02, -0.005)
    found = analysis_of(scores, verdict_interval=clear, seeds=True, n_fits=7)

    text = said(scores, found)

    assert "significantly better" not in text
    assert "takes about 7 fits per fold" in text


def test_models_with_failures_are_named_and_not_ranked() -> None:
    text = said(CLEAR | {"unlucky": [0.5, None, 0.5, 0.5, 0.5]})

    assert text.endswith("unlucky lacks a score on some folds and cannot be ranked.")


def test_if_all_failed_nothing_is_recommended() -> None:
    assert "nothing to recommend" in said({"unlucky": [None, None]})


def test_a_suspected_leak_stops_the_recommendation() -> None:
    stage = replace(toy_stage(5), noise_floor=0.95)

    text = said(CLEAR | {"leaky": [0.1] * 5}, stage=stage)

    assert text.startswith("leaky predicts better than should be possible.")
    assert "most accurate" not in text


def test_models_that_are_told_more_are_no_rivals_of_the_others() -> None:
    told = replace(
        toy_model("told"),
        capabilities=Capabilities(uses_question_times=True),
    )
    run = toy_run([toy_model("slow"), toy_model("poor"), told])
    trials = toy_trials(run, [*CLEAR.values(), [0.5] * 5])
    (board,) = leaderboards(run, trials)

    text = " ".join(recommendation(board))

    assert text.startswith("slow is the most accurate (RMSE 0.9200), significantly ")
    assert "Of the models that are told when each question is asked: Only told" in text


def test_predictions_that_depend_on_other_pairs_stop_the_recommendation() -> None:
    run = toy_run([toy_model("slow"), toy_model("poor")])
    trials = toy_trials(run, list(CLEAR.values()))
    for trial in trials[:5]:
        trial.asked_again = AskedAgain(verdict="depends", largest_change=0.5)
    (board,) = leaderboards(run, trials)

    assert recommendation(board)[0] == (
        "Predictions of slow depend on which other pairs are asked for."
    )


def test_a_poor_model_that_depends_on_other_pairs_is_left_out() -> None:
    run = toy_run([toy_model("slow"), toy_model("middling"), toy_model("poor")])
    slow, poor = CLEAR.values()
    trials = toy_trials(run, [slow, poor, [score + 0.1 for score in poor]])
    for trial in trials[10:]:
        trial.asked_again = AskedAgain(verdict="depends", largest_change=0.5)
    (board,) = leaderboards(run, trials)

    assert recommendation(board)[:3] == [
        "Predictions of poor depend on which other pairs are asked for.",
        "What follows leaves it out.",
        "slow is the most accurate (RMSE 0.9200), significantly better than middling.",
    ]


def test_a_flawed_protocol_recommends_nothing() -> None:
    text = said(CLEAR, stage=replace(toy_stage(5), flaw="it shows what it asks"))

    assert text == (
        "These figures do not measure prediction, so they recommend no model."
    )


def test_if_none_beats_the_bias_model_it_says_so() -> None:
    assert "No model is better than the bias model (RMSE 0.8000)." in said(
        CLEAR, reference=0.8
    )


@pytest.mark.parametrize("n", [2, 5])
def test_equal_scores_are_called_equal(n) -> None:
    text = said({"one": [0.9] * n, "two": [0.9] * n})

    assert "one and two have the same score on every fold." in text


def test_disturbed_timings_are_called_so() -> None:
    scores = {"slow": [0.9, 0.91, 0.92], "quick": [0.905, 0.915, 0.925]}
    run = toy_run([toy_model(name) for name in scores], [toy_stage(3)])
    trials = toy_trials(run, list(scores.values()))
    for trial in trials:
        trial.contended = ["load 9"]
        trial.wall_seconds = QUICK if trial.label == "quick" else trial.wall_seconds
    (board,) = leaderboards(run, trials)

    assert "; other work disturbed the timings." in " ".join(recommendation(board))


def test_nothing_is_called_cheap_by_times_of_trials_that_ran_at_once() -> None:
    scores = {"slow": [0.9, 0.91, 0.92], "quick": [0.905, 0.915, 0.925]}
    run = toy_run([toy_model(name) for name in scores], [toy_stage(3)])
    trials = toy_trials(run, list(scores.values()))
    for trial in trials:
        trial.contended = [f"up to 2 {RAN_AT_ONCE}"]
        trial.wall_seconds = QUICK if trial.label == "quick" else trial.wall_seconds
    (board,) = leaderboards(run, trials)

    text = " ".join(recommendation(board))

    assert "slow is the most accurate" in text
    assert "cheap" not in text.lower()

"""Leaderboard: means, ranks, marks and intervals are as worked out by hand."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.machine.sensors import GaugeRecord
from benchbox.models import Capabilities
from benchbox.plugins.columns import ColumnSpec
from benchbox.records.run import RunRecord
from benchbox.records.trial import RAN_AT_ONCE, ScoreRecord, TrialRecord
from benchbox.reports.columns import FRONT, TOGETHER, fit_seconds
from benchbox.reports.leaderboard import Leaderboard, leaderboards
from benchbox.reports.notes import notes
from benchbox.reports.rows import Row
from tests.support.toy_runs import (
    toy_model,
    toy_run,
    toy_stage,
    toy_trial,
    toy_trials,
)

BEST = [0.90, 0.91, 0.92, 0.93, 0.94]


def behind(*differences: float) -> list[float]:
    return [best + more for best, more in zip(BEST, differences, strict=True)]


def run_of(*names: str) -> RunRecord:
    return toy_run([toy_model(name) for name in names])


def board_of(run: RunRecord, trials) -> Leaderboard:
    (board,) = leaderboards(run, trials)
    return board


def board(**scores: list[float | None]) -> Leaderboard:
    run = run_of(*scores)
    return board_of(run, toy_trials(run, list(scores.values())))


def row(of: Leaderboard, label: str) -> Row:
    return next(row for row in of.rows if row.label == label)


@given(
    scores=st.lists(
        st.lists(st.integers(500, 1500), min_size=5, max_size=5), min_size=1, max_size=6
    )
)
def test_rows_rise_by_the_mean_of_the_first_metric(scores) -> None:
    run = run_of(*(f"model-{n}" for n in range(len(scores))))

    rows = board_of(run, toy_trials(run, scores)).rows

    means = [row.summaries["rmse"].mean for row in rows]
    assert means == sorted(means)
    assert sorted(row.label for row in rows) == [m.name for m in run.models]
    assert [row.mark for row in rows].count("best") == 1
    assert rows[0].mark == "best"


def test_a_metric_of_which_more_is_better_is_ranked_the_other_way() -> None:
    run = run_of("low", "high")
    run.metrics = [msgspec.structs.replace(run.metrics[0], higher_is_better=True)]

    of = board_of(run, toy_trials(run, [[0.5] * 5, [0.9] * 5]))

    assert [(row.label, row.mark) for row in of.rows] == [("high", "best"), ("low", "")]


def test_a_model_is_tied_whose_interval_behind_the_best_holds_zero() -> None:
    # Mean 0.028, deviation 0.0192354, t of 4 degrees 2.7764451, sqrt(1/5 + 20/80):
    # a reach of 0.0358258. Without the share of hidden ratings it would be 0.0238839.
    of = board(best=BEST, near=behind(0.0, 0.02, 0.03, 0.04, 0.05))

    near = row(of, "near")
    assert near.mark == "tied"
    assert near.behind.low == pytest.approx(0.028 - 0.0358258, abs=1e-7)
    assert near.behind.high == pytest.approx(0.028 + 0.0358258, abs=1e-7)


def test_a_model_is_not_tied_whose_interval_is_clear_of_zero() -> None:
    # Mean 0.03, deviation 0.0158114: a reach of 0.0294486.
    of = board(best=BEST, clear=behind(0.01, 0.02, 0.03, 0.04, 0.05))

    clear = row(of, "clear")
    assert clear.mark == ""
    assert clear.behind.low == pytest.approx(0.03 - 0.0294486, abs=1e-7)


def test_a_small_but_steady_distance_is_no_tie_and_a_large_but_wild_one_is() -> None:
    of = board(
        best=BEST,
        steady=behind(0.002, 0.0021, 0.0019, 0.002, 0.002),
        wild=behind(0.3, -0.2, 0.3, -0.2, 0.3),
    )

    assert (row(of, "steady").mark, row(of, "wild").mark) == ("", "tied")


def test_equal_models_are_tied() -> None:
    of = board(one=BEST, other=BEST)

    assert [row.mark for row in of.rows] == ["best", "tied"]


def test_the_best_is_behind_nobody() -> None:
    assert board(best=BEST, other=behind(1, 1, 1, 1, 1)).rows[0].behind is None


def test_models_that_are_told_times_have_a_best_and_ties_of_their_own() -> None:
    told = msgspec.structs.replace(
        toy_model("told"), capabilities=Capabilities(uses_question_times=True)
    )
    run = toy_run([told, toy_model("plain"), toy_model("worse")])
    scores = [behind(*[-0.2] * 5), BEST, behind(*[0.1] * 5)]

    found = board_of(run, toy_trials(run, scores))

    assert [(row.label, row.mark, row.asks_times) for row in found.rows] == [
        ("told", "best", True),
        ("plain", "best", False),
        ("worse", "", False),
    ]
    assert row(found, "plain").behind is None


def test_one_fold_calls_no_model_tied() -> None:
    run = toy_run([toy_model("a"), toy_model("b")], [toy_stage(n_folds=1)])

    of = board_of(run, toy_trials(run, [[0.9], [0.9]]))

    assert [(row.mark, row.behind) for row in of.rows] == [("best", None), ("", None)]
    assert of.rows[0].summaries["rmse"].fold_deviation is None


def test_a_model_that_failed_on_a_fold_comes_after_those_that_did_not() -> None:
    of = board(lucky=[0.1, 0.1, None, 0.1, None], poor=[1.5] * 5)

    assert [row.label for row in of.rows] == ["poor", "lucky"]
    assert row(of, "poor").mark == "best"
    lucky = row(of, "lucky")
    assert (lucky.summaries, lucky.mark) == ({}, "")
    assert (lucky.n_ok, lucky.n_trials) == (3, 5)


def test_every_trial_that_did_not_end_well_is_a_trouble() -> None:
    of = board(lucky=[0.1, 0.1, None, 0.1, None], poor=[1.5] * 5)

    assert [(t.label, t.fold) for t in of.troubles] == [
        ("lucky", "k3"),
        ("lucky", "k5"),
    ]


def test_a_fold_counts_if_one_of_its_fits_ended_well() -> None:
    run = toy_run([toy_model("sgd", stochastic=True)], seeds=2)
    first = [toy_trial(run, 1.0, fold=f) for f in range(5)]
    second = [toy_trial(run, None if f else 1.0, fold=f, replicate=1) for f in range(5)]

    sgd = row(board_of(run, first + second), "sgd")

    assert (sgd.n_ok, sgd.n_trials) == (6, 10)
    assert sgd.summaries["rmse"].mean == 1.0


def test_folds_count_alike_however_many_fits_ended_well() -> None:
    stage = toy_stage(n_folds=2)
    run = toy_run([toy_model("sgd", stochastic=True)], [stage], seeds=2)
    trials = [
        toy_trial(run, 1.0, fold=0),
        toy_trial(run, 3.0, fold=0, replicate=1),
        toy_trial(run, 5.0, fold=1),
        toy_trial(run, None, fold=1, replicate=1),
    ]

    summary = row(board_of(run, trials), "sgd").summaries["rmse"]

    assert summary.by_fold == (2.0, 5.0)
    assert summary.mean == 3.5
    assert summary.fold_deviation == pytest.approx(3 / 2**0.5)
    assert summary.seed_deviation == pytest.approx(2**0.5)


def test_one_fit_a_fold_has_no_spread_over_seeds() -> None:
    assert board(best=BEST).rows[0].summaries["rmse"].seed_deviation is None


def test_folds_keep_the_order_of_the_stage_whatever_that_of_the_records() -> None:
    run = run_of("best")
    trials = toy_trials(run, [BEST])

    of = board_of(run, trials[::-1])

    assert of.rows[0].summaries["rmse"].by_fold == tuple(BEST)


def test_a_metric_without_a_value_on_a_fold_has_no_summary() -> None:
    run = run_of("best")
    trials = toy_trials(run, [BEST])
    trials[2].metrics = trials[2].metrics | {"mape": ScoreRecord(None, 0, 20)}

    best = board_of(run, trials).rows[0]

    assert sorted(best.summaries) == ["mae", "rmse", "rmse-by-item", "rmse-by-user"]
    assert best.mark == "best"


def test_a_table_without_any_whole_model_marks_none() -> None:
    of = board(a=[None] * 5, b=[0.9, None, None, None, None])

    assert [(row.label, row.mark, row.n_ok) for row in of.rows] == [
        ("a", "", 0),
        ("b", "", 1),
    ]
    assert of.rows[0].coverage is None
    assert of.rows[0].fit_seconds is None


def test_a_run_that_was_broken_off_shows_every_model_it_planned() -> None:
    of = board_of(run_of("a", "b"), [])

    assert [(row.label, row.n_ok, row.n_trials) for row in of.rows] == [
        ("a", 0, 5),
        ("b", 0, 5),
    ]


def test_costs_are_of_the_trials_that_ended_well() -> None:
    run = run_of("best")
    trials = [
        toy_trial(
            run,
            1.0,
            fold=fold,
            wall_seconds={"fit": fit, "predict": fit / 10},
            peak_memory_bytes=memory,
            n_parameters=memory // 2,
            n_answered=10 * fold,
        )
        for fold, (fit, memory) in enumerate([(1.0, 100), (2.0, 400), (9.0, 200)])
    ]
    trials.append(toy_trial(run, None, fold=3, wall_seconds={"fit": 99.0}))

    best = board_of(run, trials).rows[0]

    assert (best.fit_seconds, best.predict_seconds) == (2.0, 0.2)
    assert (best.peak_memory_bytes, best.n_parameters) == (400, 200)
    assert best.coverage == 30 / 60


def test_devices_and_their_memory_are_those_of_the_trials_that_ended_well() -> None:
    run = run_of("best")
    trials = [
        toy_trial(run, 1.0, fold=0, device="cuda:0", peak_accelerator_bytes=300),
        toy_trial(run, 1.0, fold=1, device="cuda:0", peak_accelerator_bytes=500),
        toy_trial(run, None, fold=2, device="cuda:1", peak_accelerator_bytes=900),
    ]

    row = board_of(run, trials).rows[0]

    assert (row.device, row.peak_accelerator_bytes) == ("cuda:0", 500)
    assert board_of(run, [toy_trial(run, 1.0)]).rows[0].peak_accelerator_bytes is None


def test_each_data_set_and_protocol_has_a_table_of_its_own() -> None:
    stages = [toy_stage(n_folds=1), toy_stage(n_folds=1, protocol="temporal")]
    run = toy_run([toy_model("a"), toy_model("b")], stages)
    trials = [
        toy_trial(run, rmse, model=model, stage=stage)
        for (model, stage), rmse in {
            (0, 0): 0.5,
            (1, 0): 0.6,
            (0, 1): 0.9,
            (1, 1): 0.8,
        }.items()
    ]

    first, second = leaderboards(run, trials)

    assert [first.stage, second.stage] == stages
    assert [row.label for row in first.rows] == ["a", "b"]
    assert [row.label for row in second.rows] == ["b", "a"]
    assert second.rows[0].summaries["rmse"].mean == 0.8


def flags_of(run, scores, reference=None) -> dict[str, str]:
    trials = toy_trials(run, scores)
    for trial in trials:
        if reference is not None:
            trial.reference = {"rmse": ScoreRecord(reference, 20)}
    (board,) = leaderboards(run, trials)
    return {row.label: row.flag for row in board.rows}


def test_a_model_that_does_no_better_than_the_bias_model_is_flagged() -> None:
    run = toy_run([toy_model(name) for name in ("good", "equal", "bad", "unlucky")])
    scores = [[0.9] * 5, [0.95 * (1 + 1e-8)] * 5, [0.96] * 5, [None] * 5]

    assert flags_of(run, scores, reference=0.95) == {
        "good": "",
        "equal": "",
        "bad": "worse than the bias model",
        "unlucky": "",
    }


def test_nothing_is_flagged_where_the_bias_model_was_not_scored() -> None:
    run = toy_run([toy_model("bad")])

    assert flags_of(run, [[2.0] * 5]) == {"bad": ""}
    (board,) = leaderboards(run, toy_trials(run, [[2.0] * 5]))
    assert board.reference == {}


def test_a_model_below_the_noise_floor_is_flagged_unless_luck_explains_it() -> None:
    # 100 hidden ratings: three deviations of the RMSE of noise are 21 % of it.
    run = toy_run([toy_model("lucky"), toy_model("leaky")], [toy_stage(noise_floor=1)])

    assert flags_of(run, [[0.8] * 5, [0.75] * 5], reference=0.7) == {
        "lucky": "worse than the bias model",
        "leaky": "better than the noise floor",
    }


def test_a_model_that_saw_one_fold_alone_is_flagged_too() -> None:
    run = toy_run([toy_model("leaky")], [toy_stage(noise_floor=1)])

    # 20 hidden ratings in a fold: three deviations of the RMSE of noise are 47 %.
    assert flags_of(run, [[1.0, 1.0, 0.6, 1.0, 1.0]]) == {"leaky": ""}
    assert flags_of(run, [[1.0, 1.0, 0.5, 1.0, 1.0]]) == {
        "leaky": "better than the noise floor"
    }


def test_a_fold_predicted_exactly_is_flagged_unless_the_bias_model_does_so_too() -> (
    None
):
    run = toy_run([toy_model("leaky")])
    scores = [[0.9, 0.0, 0.9, 0.9, 0.9]]

    assert flags_of(run, scores, 0.95) == {"leaky": "predicts hidden ratings exactly"}
    assert flags_of(run, [[0.0] * 5], 0.0) == {"leaky": ""}


def test_twelve_equal_models_are_rarely_told_apart() -> None:
    run = toy_run([toy_model(f"m{k}") for k in range(12)])
    draw = np.random.Generator(np.random.PCG64(3))
    wrong = 0

    for _ in range(100):
        (found,) = leaderboards(run, toy_trials(run, draw.normal(0.9, 0.01, (12, 5))))
        wrong += any(not row.mark for row in found.rows)

    # 3 % in the long run; more than 9 of 100 have a chance below 1 in 1,000.
    assert wrong <= 9


# Cost beside quality.


def test_the_front_is_of_models_no_other_beats_in_both() -> None:
    run = toy_run([toy_model(name) for name in ("best", "slow", "quick", "middling")])
    found = {
        "best": (0.90, 5.0),
        "slow": (0.91, 9.0),
        "quick": (1.10, 0.1),
        "middling": (0.95, 1.0),
    }
    trials = [
        toy_trial(run, rmse, model=number, fold=fold, wall_seconds={"fit": fit})
        for number, (rmse, fit) in enumerate(found.values())
        for fold in range(5)
    ]

    (board,) = leaderboards(run, trials)

    on_front = {row.label: row.is_on_front for row in board.rows}
    assert on_front == {"best": True, "slow": False, "quick": True, "middling": True}


def test_the_front_counts_all_time_from_data_to_predictions() -> None:
    run = toy_run([toy_model("honest"), toy_model("early")])
    times = [{"load": 0.1, "fit": 1.0, "predict": 0.1}, {"load": 5.0, "fit": 0.1}]
    trials = [
        toy_trial(run, rmse, model=model, fold=fold, wall_seconds=times[model])
        for model, rmse in enumerate((0.90, 0.91))
        for fold in range(5)
    ]

    (board,) = leaderboards(run, trials)

    assert [row.total_seconds for row in board.rows] == pytest.approx([1.2, 5.1])
    assert [row.is_on_front for row in board.rows] == [True, False]


def test_repeats_enter_the_timings_and_not_the_scores() -> None:
    run = toy_run([toy_model("mean")], [toy_stage(n_folds=1)], repeats=3)
    trials = [
        toy_trial(run, 0.9, repeat=k, wall_seconds={"fit": fit, "predict": 0.5})
        for k, fit in enumerate((3.0, 1.0, 2.0))
    ]
    trials[1].contended.append("other work used 1.0 of 2 processors")

    (row,) = leaderboards(run, trials)[0].rows

    assert (row.n_ok, row.n_trials, row.n_disturbed) == (3, 3, 1)
    assert row.fit_seconds == 2.0
    assert row.pairs_per_second == 40.0
    assert row.summaries["rmse"].seed_deviation is None


def test_energy_is_that_of_the_accelerator_or_else_of_the_processors() -> None:
    def energy(**gauges) -> float | None:
        run = toy_run([toy_model("mean")], [toy_stage(n_folds=1)])
        trial = toy_trial(run, 0.9, gauges=GaugeRecord(**gauges))
        return leaderboards(run, [trial])[0].rows[0].energy_joules

    cpu = {"load": 1.0, "fit": 20.0, "predict": 3.0}
    assert energy() is None
    assert energy(cpu_joules=cpu) == 23.0
    assert energy(cpu_joules=cpu, accelerator_joules={"fit": 5.0}) == 5.0


def longest(trials: list[TrialRecord]) -> float:
    trials[0].label = "spoiled"
    return max(trial.wall_seconds["fit"] for trial in trials)


def raises(trials: list[TrialRecord]) -> float:
    raise KeyError("no such sensor")


def test_columns_of_plugins_are_filled_and_a_fault_costs_one_cell() -> None:
    run = toy_run([toy_model("bias"), toy_model("svd")])
    trials = toy_trials(run, [[1.0] * 5, [2.0] * 5])
    specs = [
        ColumnSpec(name=name, summary="", heading=name, target=f"{__name__}:{function}")
        for name, function in (("longest", "longest"), ("broken", "raises"))
    ]

    (board,) = leaderboards(run, trials, specs)

    expected = max(trial.wall_seconds["fit"] for trial in trials)
    assert {row.more["longest"] for row in board.rows} == {expected}
    assert {row.more["broken"] for row in board.rows} == {"failed: KeyError"}
    # A plugin gets copies.
    assert "spoiled" not in {trial.label for trial in trials}


def test_repeats_that_are_ten_times_faster_than_the_first_fit_are_counted() -> None:
    run = toy_run([toy_model("mean")], [toy_stage(n_folds=1)], repeats=3)
    seconds = [2.0, 1.9, 0.19]
    trials = [
        toy_trial(run, 1.0, repeat=n, wall_seconds={"fit": s}, ready_seconds=s + 1)
        for n, s in enumerate(seconds)
    ]

    (board,) = leaderboards(run, trials)

    assert board.rows[0].n_hastened == 1
    assert board.rows[0].ready_seconds == pytest.approx(2.9)


def test_times_of_repeats_that_are_too_fast_put_no_model_off_the_front() -> None:
    models = [toy_model("honest"), toy_model("keeps"), toy_model("slow")]
    run = toy_run(models, [toy_stage(n_folds=1)], repeats=2)
    times = [(1.0, 1.0), (5.0, 0.01), (6.0, 6.0)]
    trials = [
        toy_trial(run, rmse, model=model, repeat=n, wall_seconds={"fit": s})
        for model, rmse in enumerate((0.92, 0.91, 0.90))
        for n, s in enumerate(times[model])
    ]

    (board,) = leaderboards(run, trials)

    on_front = {row.label: row.is_on_front for row in board.rows}
    assert on_front == {"honest": True, "keeps": False, "slow": True}


def test_repeats_of_a_fit_that_takes_no_time_are_not_compared() -> None:
    run = toy_run([toy_model("mean")], [toy_stage(n_folds=1)], repeats=3)
    trials = [
        toy_trial(run, 1.0, repeat=n, wall_seconds={"fit": s})
        for n, s in enumerate([0.01, 0.0001])
    ]

    (board,) = leaderboards(run, trials)

    assert board.rows[0].n_hastened == 0


BESIDE = f"up to 2 {RAN_AT_ONCE}"


def test_times_are_of_trials_that_ran_alone_if_there_are_any() -> None:
    run = toy_run([toy_model("mean")], [toy_stage(n_folds=2)], repeats=2)
    trials = [
        toy_trial(
            run,
            1.0,
            fold=fold,
            repeat=repeat,
            wall_seconds={"fit": seconds, "predict": 0.5},
            contended=[BESIDE] if seconds > 3 else [],
        )
        for fold, repeat, seconds in (
            (0, 0, 2.0),
            (0, 1, 9.0),
            (1, 0, 3.0),
            (1, 1, 8.0),
        )
    ]

    shown = [
        (row.fit_seconds, row.n_together, row.is_contended)
        for some in (trials, trials[::2], trials[1::2])
        for row in board_of(run, some).rows
    ]

    assert shown == [(2.5, 2, False), (2.5, 0, False), (8.5, 2, True)]


def test_times_of_trials_that_ran_at_once_are_marked_and_are_on_no_front() -> None:
    models = [toy_model("alone"), toy_model("beside"), toy_model("slow")]
    run = toy_run(models, [toy_stage(n_folds=1)])
    trials = [
        toy_trial(
            run,
            0.9,
            model=model,
            wall_seconds={"fit": seconds},
            contended=[BESIDE] if model == 1 else [],
        )
        for model, seconds in enumerate((2.0, 1.0, 3.0))
    ]

    (board,) = leaderboards(run, trials)
    shown = {row.label: fit_seconds(row)[-1] for row in board.rows}
    (all_beside,) = leaderboards(
        run, [msgspec.structs.replace(trial, contended=[BESIDE]) for trial in trials]
    )

    # The contended one is faster, and beats nobody.
    assert shown == {"alone": FRONT, "beside": TOGETHER, "slow": " "}
    assert [fit_seconds(row)[-1] for row in all_beside.rows] == [TOGETHER] * 3
    said = notes(run, board, best="*", tied="~")
    assert (
        "⊘ 1 of 3 trials ran at the same time as others of this run (`--jobs`). Times "
        "marked so are too long, and compare with no others. Accuracy does not depend "
        "on it."
    ) in said
    assert any(line.startswith(FRONT) for line in said)
    of_all = notes(run, all_beside, best="*", tied="~")
    assert not [line for line in of_all if FRONT in line or "Other work" in line]

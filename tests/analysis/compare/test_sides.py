"""Sides: records and benchmark files as measurements, one figure per whole round."""

import pytest

from benchbox.analysis.compare.sides import (
    Round,
    Subject,
    side_of_benchmarks,
    side_of_run,
)
from benchbox.analysis.compare.verdicts import compare_sides
from benchbox.errors import ResultsError
from benchbox.metrics.metric import METRICS
from benchbox.records import RAN_AT_ONCE
from tests.support.acme_metrics import CUBED, WITHIN_HALF
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trial

RUN = toy_run([toy_model("mf", stochastic=True)], [toy_stage(n_folds=2)], seeds=2)
WHO = Subject(RUN.stages[0].label, "mf")
FOLDS = {fold.id for fold in RUN.stages[0].folds}


def trial(fold: int, replicate: int = 0, repeat: int = 0, **changes):
    seconds = {"fit": 1.0 + fold + 10 * repeat + 100 * replicate}
    values = {"wall_seconds": seconds, "predictions_digest": f"d{fold}{replicate}"}
    return toy_trial(
        RUN,
        0.9,
        fold=fold,
        replicate=replicate,
        repeat=repeat,
        **values | changes,
    )


def test_a_round_adds_up_its_folds_and_a_broken_round_is_none() -> None:
    trials = [trial(fold, 0, repeat) for fold in (0, 1) for repeat in (0, 1)]

    side = side_of_run(RUN, [*trials, trial(0, replicate=1)])

    times = side.times[WHO, "fit"]
    assert times.over(FOLDS) == [1 + 2, 11 + 12]


def test_a_disturbed_trial_disturbs_its_round_alone() -> None:
    trials = [trial(fold, 0, repeat) for fold in (0, 1) for repeat in (0, 1)]
    trials[1].contended.append("other work used 1.0 of 2 processors")

    times = side_of_run(RUN, trials).times[WHO, "fit"]

    assert times.contended == {Round(0, 1)}
    assert times.over(FOLDS, times.contended) == [3.0]


def test_scores_are_of_the_first_repeat_and_failures_are_kept() -> None:
    repeat = trial(0, repeat=1)
    failed = toy_trial(RUN, None, fold=1)

    side = side_of_run(RUN, [trial(0), repeat, trial(0, replicate=1), failed])

    scores = side.scores[WHO, "rmse"]
    assert scores.by_fold([RUN.stages[0].folds[0].id]) == [[0.9, 0.9]]
    assert scores.digests[RUN.stages[0].folds[0].id] == {0: "d00", 1: "d01"}
    assert side.failed[WHO] == "failed: loss became NaN in epoch 3"
    assert side.machine == RUN.environment.fingerprint


def test_figures_with_and_without_clipping_are_of_two_definitions() -> None:
    raw = toy_run(RUN.models, RUN.stages, seeds=2, clip=False)

    clipped, unclipped = side_of_run(RUN, [trial(0)]), side_of_run(raw, [trial(0)])

    assert not set(clipped.subjects) & set(unclipped.subjects)
    assert unclipped.subjects[0].where.endswith("not clipped")


def test_a_file_of_pytest_benchmark_is_a_side() -> None:
    content = {
        "machine_info": {"cpu": {"brand_raw": "Abacus", "count": 2}},
        "benchmarks": [
            {
                "name": "test_fit",
                "fullname": "tests/test_mine.py::test_fit",
                "stats": {"data": [0.1, 0.2, 0.3]},
                "extra_info": {"rmse": [0.9, 0.91], "coverage": 1.0, "note": "hello"},
            }
        ],
    }

    side = side_of_benchmarks("new.json", content, METRICS)

    who = Subject("tests/test_mine.py", "test_fit")
    assert side.times[who, "time"].over({""}) == [0.1, 0.2, 0.3]
    assert side.scores[who, "rmse"].by_fold([""]) == [[0.9, 0.91]]
    assert side.scores[who, "coverage"].higher_is_better
    assert set(side.scores) == {(who, "rmse"), (who, "coverage")}
    assert side.machine == "Abacus 2"


def test_the_record_of_a_metric_tells_the_direction_of_its_score() -> None:
    figures = {"within-half": [0.4, 0.5], "cubed": [1.0, 1.1], "unheard-of": [1.0]}
    stats = {"data": [0.1]}
    content = {"benchmarks": [{"name": "t", "stats": stats, "extra_info": figures}]}

    side = side_of_benchmarks("new.json", content, [CUBED, WITHIN_HALF])

    who = Subject("", "t")
    assert set(side.scores) == {(who, "within-half"), (who, "cubed")}
    assert side.scores[who, "within-half"].higher_is_better
    assert not side.scores[who, "cubed"].higher_is_better


def test_a_benchmark_of_trials_tells_its_folds_and_which_rounds_were_disturbed() -> (
    None
):
    extra = {
        "rmse": [0.9, 0.91, 0.92],
        "folds": {"k1": "aa", "k2": "bb"},
        "contended": [[], ["foreign load"], []],
    }
    trials = {"name": "t", "stats": {"data": [0.1, 0.9, 0.2]}, "extra_info": extra}

    side = side_of_benchmarks("new.json", {"benchmarks": [trials]}, METRICS)

    who, folds = Subject("", "t"), {"aa bb"}
    times = side.times[who, "time"]
    assert times.over(folds, times.contended) == [0.1, 0.2]
    assert times.over(folds) == [0.1, 0.9, 0.2]
    assert set(side.scores[who, "rmse"].values) == folds


def test_an_empty_file_of_benchmarks_measures_nothing() -> None:
    side = side_of_benchmarks("new.json", {}, METRICS)

    assert side.subjects == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([0.1, float("nan")], "a time of nan s"),
        ([0.0, 0.1], "a time of 0 s"),
        ([-0.1], "a time of -0.1 s"),
        ([10**400], "a time of inf s"),
        ([], "no times of rounds"),
        (None, "no times of rounds"),
        ("soon", "no times of rounds"),
    ],
)
def test_a_benchmark_without_times_above_zero_is_refused(
    seconds: object, said: str
) -> None:
    content = {"benchmarks": [{"fullname": "t.py::fit", "stats": {"data": seconds}}]}

    with pytest.raises(ResultsError, match=f"^a.json has {said} for the benchmark fit"):
        side_of_benchmarks("a.json", content, METRICS)


def test_a_benchmark_that_is_there_twice_is_refused() -> None:
    one = {"fullname": "t.py::fit", "stats": {"data": [0.1]}}

    with pytest.raises(ResultsError, match=r"^a.json has the benchmark fit twice\."):
        side_of_benchmarks("a.json", {"benchmarks": [one, one]}, METRICS)


@pytest.mark.parametrize("score", [10**400, 1e101, float("inf"), float("nan"), "0.9"])
def test_a_score_that_is_no_finite_number_is_missing(score: object) -> None:
    benchmark = {
        "fullname": "t.py::fit",
        "stats": {"data": [0.1]},
        "extra_info": {"rmse": [0.9, score], "mae": 0.7},
    }

    side = side_of_benchmarks("a.json", {"benchmarks": [benchmark]}, METRICS)

    assert {metric for _, metric in side.scores} == {"mae"}


def test_scores_as_far_apart_as_numbers_go_are_compared() -> None:
    sides = [
        side_of_benchmarks(
            name,
            {
                "benchmarks": [
                    {
                        "fullname": "t.py::fit",
                        "stats": {"data": [0.1]},
                        "extra_info": {"rmse": [rmse, rmse * 1.01, rmse]},
                    }
                ]
            },
            METRICS,
        )
        for name, rmse in (("a", 1e99), ("b", 1e-99))
    ]

    cells = [c for c in compare_sides(*sides).cells if c.quantity == "rmse"]

    assert [cell.verdict for cell in cells] == ["BETTER"]


def test_rounds_in_which_trials_ran_at_once_are_known_apart() -> None:
    trials = [trial(0, repeat=repeat) for repeat in (0, 1, 2)]
    trials[1].contended.append("other work used 1.0 of 2 processors")
    trials[2].contended.append(f"up to 2 {RAN_AT_ONCE}")

    times = side_of_run(RUN, trials).times[WHO, "fit"]

    assert times.contended == {Round(0, 1), Round(0, 2)}
    assert times.together == {Round(0, 2)}

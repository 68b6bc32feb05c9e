"""Verdicts: what changed is found, what did not is left alone, doubt is stated."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchbox.analysis.compare.missing import require_complete
from benchbox.analysis.compare.sides import Round, Scores, Side, Times
from benchbox.analysis.compare.verdicts import Cell, Comparison, Rules, compare_sides
from benchbox.analysis.statistics.paired import Effect, compare
from benchbox.errors import ResultsError
from tests.support.toy_sides import (
    BASE_SECONDS,
    scored,
    scored_side,
    subject,
    timed_suite,
)

N_REPETITIONS = 20


def by_verdict(found: Comparison, verdict: str) -> list[tuple[str, str]]:
    return [(c.who, c.quantity) for c in found.cells if c.verdict == verdict]


def one(found: Comparison) -> Cell:
    (cell,) = found.cells
    return cell


# Times.


def test_an_unchanged_suite_is_called_changed_in_less_than_one_cell_of_a_hundred() -> (
    None
):
    draw = np.random.Generator(np.random.PCG64(11))

    found = [
        compare_sides(timed_suite(draw), timed_suite(draw))
        for _ in range(5 * N_REPETITIONS)
    ]

    n_cells = sum(len(f.cells) for f in found)
    false = [f for f in found for c in f.cells if c.verdict in ("BETTER", "WORSE")]
    assert n_cells == 5 * N_REPETITIONS * 20
    assert len(false) <= n_cells / 100


@pytest.mark.parametrize("who", ["model0", "model5", "model9"])
def test_a_model_slowed_by_30_per_cent_is_found_and_no_other(who: str) -> None:
    draw = np.random.Generator(np.random.PCG64(7))
    slower = {who: 1.3}

    found = [
        compare_sides(timed_suite(draw), timed_suite(draw, slower=slower))
        for _ in range(N_REPETITIONS)
    ]

    accused = [{model for model, _ in by_verdict(f, "WORSE")} for f in found]
    assert accused.count({who}) >= N_REPETITIONS - 1


def test_a_faster_model_is_better() -> None:
    draw = np.random.Generator(np.random.PCG64(2))

    found = compare_sides(timed_suite(draw), timed_suite(draw, slower={"model4": 0.6}))

    assert by_verdict(found, "BETTER") == [("model4", "fit"), ("model4", "predict")]
    assert not found.is_worse


def test_fewer_than_six_rounds_are_unsure_and_say_what_is_needed() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    slower = dict.fromkeys(BASE_SECONDS, 3.0)

    found = compare_sides(
        timed_suite(draw, n_rounds=5), timed_suite(draw, slower=slower)
    )

    assert {c.verdict for c in found.cells} == {"UNSURE"}
    assert "5 and 6 rounds; a verdict needs 6 per side" in found.cells[0].reason
    # What was measured is shown all the same.
    assert found.cells[0].effect == pytest.approx(2, rel=0.3)


def test_a_whole_suite_that_is_slower_is_the_machine_or_what_all_share() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    slower = dict.fromkeys(BASE_SECONDS, 1.5)

    found = compare_sides(timed_suite(draw), timed_suite(draw, slower=slower))

    assert {c.verdict for c in found.cells} == {"UNSURE"}
    assert "the other models differ by +" in found.cells[0].reason


def test_disturbed_rounds_give_no_verdict_unless_trusted() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    before, after = timed_suite(draw), timed_suite(draw, slower={"model5": 2.0})
    after.times[subject("model5"), "fit"].contended.add(Round(0, 3))

    strict = compare_sides(before, after)
    trusting = compare_sides(before, after, rules=Rules(trust_contended=True))

    assert by_verdict(strict, "WORSE") == [("model5", "predict")]
    (doubted,) = (c for c in strict.cells if (c.who, c.quantity) == ("model5", "fit"))
    assert doubted.verdict == "UNSURE"
    assert "6 and 5 undisturbed rounds" in doubted.reason
    assert ("model5", "fit") in by_verdict(trusting, "WORSE")


def test_times_of_trials_that_ran_at_once_are_never_judged() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    before, after = timed_suite(draw), timed_suite(draw, slower={"model5": 2.0})
    for times in after.times.values():
        times.contended.add(Round(0, 3))
        times.together.add(Round(0, 3))

    found = compare_sides(before, after, rules=Rules(trust_contended=True))

    assert {cell.verdict for cell in found.cells} == {"UNSURE"}
    assert "6 and 5 undisturbed rounds" in found.cells[0].reason


def test_times_of_different_machines_are_not_judged_without_saying_so() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    before = timed_suite(draw)
    after = timed_suite(draw, slower={"model5": 2.0}, machine="loom")

    strict = compare_sides(before, after)
    trusting = compare_sides(before, after, rules=Rules(trust_machines=True))

    assert {c.reason for c in strict.cells} == {"timed on different machines"}
    assert not strict.is_worse
    assert "abacus; loom" in strict.notes[0]
    assert ("model5", "fit") in by_verdict(trusting, "WORSE")
    assert "abacus; loom" in trusting.notes[0]


def test_a_difference_of_a_moment_is_none() -> None:
    def side(seconds: float) -> Side:
        rounds = {Round(0, k): seconds * (1 + k / 1000) for k in range(6)}
        times = Times(seconds={"f": rounds}, least_seconds=0.002)
        empty = Side(name="s", machine="m", machine_name="m")
        return replace(empty, times={(subject("mean"), "fit"): times})

    cell = one(compare_sides(side(0.0004), side(0.0009)))

    assert (cell.verdict, cell.reason) == ("SAME", "differs by less than 2 ms")
    assert one(compare_sides(side(0.4), side(0.9))).verdict == "WORSE"


# Metrics.


def predictions(
    draw: np.random.Generator, truth: np.ndarray, rmse: float
) -> np.ndarray:
    return (truth + draw.normal(0, rmse, len(truth))).astype(np.float32)


def paired_by(effect: Effect) -> Callable[..., Effect]:
    return lambda subject, metric: effect


def test_identical_predictions_are_the_same_before_any_test() -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError

    scores = {"bias": scored([[0.9], [0.91]], digest="d1")}
    found = compare_sides(scored_side(scores), scored_side(scores), paired=forbidden)

    assert (one(found).verdict, one(found).reason) == ("SAME", "identical predictions")
    assert one(found).effect == 0.0


def test_a_metric_worse_by_one_per_cent_is_found_and_seed_noise_is_not() -> None:
    draw = np.random.Generator(np.random.PCG64(5))
    users = np.repeat(np.arange(400, dtype=np.int32), 50)
    truth = draw.integers(1, 6, len(users)).astype(np.float32)
    verdicts: dict[float, list[str]] = {1.0: [], 1.01: []}

    for _ in range(N_REPETITIONS):
        first = predictions(draw, truth, 0.9)
        for factor, said in verdicts.items():
            # A refit errs much as the first fit did, and a little otherwise.
            moved = predictions(draw, first, 0.05)
            second = (truth + factor * (moved - truth)).astype(np.float32)
            effect = compare(truth, second, first, users, n_resamples=200)
            found = compare_sides(
                *(
                    scored_side({"mf": scored([[v]], d, is_stochastic=False)})
                    for v, d in ((effect.second, "d1"), (effect.first, "d2"))
                ),
                paired=paired_by(effect),
            )
            said.append(one(found).verdict)
            assert one(found).reason == "paired by user"

    assert verdicts[1.01].count("WORSE") >= N_REPETITIONS - 1
    assert {"WORSE", "BETTER"}.isdisjoint(verdicts[1.0])


def test_without_predictions_the_spread_over_seeds_decides() -> None:
    draw = np.random.Generator(np.random.PCG64(5))

    def side(mean: float) -> Side:
        folds = [list(draw.normal(mean, 0.002, 4)) for _ in range(5)]
        return scored_side({"mf": scored(folds)})

    same = [one(compare_sides(side(0.9), side(0.9))) for _ in range(N_REPETITIONS)]
    worse = [one(compare_sides(side(0.9), side(0.909))) for _ in range(N_REPETITIONS)]

    assert {"WORSE", "BETTER"}.isdisjoint(c.verdict for c in same)
    assert [c.verdict for c in worse].count("WORSE") >= N_REPETITIONS - 1
    assert worse[0].reason == "by the spread over seeds"
    assert worse[0].noise == pytest.approx(0.002 / 0.9, rel=0.5)


@pytest.mark.parametrize("n_seeds", [1, 2, 4])
def test_equal_models_fitted_with_other_seeds_are_not_told_apart(n_seeds: int) -> None:
    draw = np.random.Generator(np.random.PCG64(n_seeds))
    users = np.repeat(np.arange(100, dtype=np.int32), 20)
    truth = draw.integers(1, 6, len(users)).astype(np.float32)
    said: list[str] = []

    for _ in range(200):
        # Seeds move all predictions of a fit together, so users agree on the better.
        fits = [
            [
                (truth + factor * draw.normal(0, 0.9, len(users))).astype(np.float32)
                for factor in draw.normal(1, 0.01, n_seeds)
            ]
            for _ in range(2)
        ]
        values = [[float(np.sqrt(np.mean((p - truth) ** 2))) for p in s] for s in fits]
        means = [np.mean(side, axis=0).astype(np.float32) for side in fits]
        effect = compare(truth, means[1], means[0], users, n_resamples=100)
        found = compare_sides(
            scored_side({"mf": scored([values[0]], "d1")}),
            scored_side({"mf": scored([values[1]], "d2")}),
            paired=paired_by(effect),
        )
        said.append(one(found).verdict)

    # 1 % of 200 are 2; more than 7 have a chance below 1 in 1,000.
    assert said.count("WORSE") + said.count("BETTER") <= 7
    if n_seeds == 1:
        assert set(said) == {"UNSURE"}


def test_one_seed_is_no_ground_for_a_verdict_on_a_model_that_depends_on_it() -> None:
    first, second = (scored_side({"mf": scored([[v]])}) for v in (0.9, 1.8))

    cell = one(compare_sides(first, second))

    assert (cell.verdict, cell.effect) == ("UNSURE", pytest.approx(1.0))
    assert "the spread over seeds is unknown" in cell.reason


def test_without_predictions_one_fold_is_no_ground_even_without_seeds() -> None:
    first, second = (
        scored_side({"bias": scored([[v]], is_stochastic=False)}) for v in (0.9, 1.8)
    )

    assert "neither predictions to pair" in one(compare_sides(first, second)).reason


def test_without_predictions_and_seeds_the_differences_on_each_fold_decide() -> None:
    draw = np.random.default_rng(5)
    hard = draw.uniform(0.8, 1.2, 5)

    def side(factor: float) -> Side:
        fits = hard * factor * draw.normal(1, 0.001, 5)
        side = scored_side({"mf": scored([[value] for value in fits])})
        side.hidden_shares.update({f"f{k}": 0.25 for k in range(5)})
        return side

    same = [one(compare_sides(side(1), side(1))) for _ in range(N_REPETITIONS)]
    worse = [one(compare_sides(side(1), side(1.02))) for _ in range(N_REPETITIONS)]
    better = one(compare_sides(side(1), side(0.98)))

    assert {"WORSE", "BETTER"}.isdisjoint(c.verdict for c in same)
    assert [c.verdict for c in worse].count("WORSE") >= N_REPETITIONS - 1
    assert better.verdict == "BETTER"
    assert {c.reason for c in (*same, *worse, better)} == {"paired by fold"}
    # Folds differ far more than the models do on any of them.
    assert worse[0].low > 0.005


def test_differences_on_folds_without_known_sizes_are_no_ground() -> None:
    first, second = (scored_side({"mf": scored([[v], [v], [v]])}) for v in (0.9, 1.8))

    assert one(compare_sides(first, second)).verdict == "UNSURE"


def test_more_coverage_is_better() -> None:
    def side(value: float) -> Side:
        folds = [[value, value + 1e-5], [value, value - 1e-5]]
        scores = scored(folds, higher_is_better=True)
        return scored_side({"mf": scores}, "coverage")

    assert one(compare_sides(side(0.8), side(0.9))).verdict == "BETTER"
    assert one(compare_sides(side(0.9), side(0.8))).verdict == "WORSE"


def test_other_folds_are_not_compared() -> None:
    first, second = (scored_side({"mf": scored([[0.9, 0.91]])}) for _ in range(2))
    moved = second.scores[subject("mf"), "rmse"].values
    moved["other"] = moved.pop("f0")

    cell = one(compare_sides(first, second))

    assert cell.verdict == "UNSURE"
    assert "not the same hidden ratings" in cell.reason


def test_two_definitions_of_a_metric_are_not_compared() -> None:
    first = scored_side({"mf": scored([[0.9, 0.91]], definition="by user")})
    second = scored_side({"mf": scored([[0.9, 0.91]], definition="pooled")})

    cell = one(compare_sides(first, second))

    assert (cell.verdict, cell.reason) == (
        "UNSURE",
        "the definition of the metric differs",
    )


def test_models_told_when_they_are_asked_are_compared_with_others_only_on_request() -> (
    None
):
    first = scored_side({"mf": scored([[0.9, 0.91]] * 3)})
    second = scored_side({"mf": scored([[0.8, 0.81]] * 3, asks_times=True)})

    cell = one(compare_sides(first, second))
    asked = one(compare_sides(first, second, rules=Rules(across_kinds=True)))

    assert cell.verdict == "UNSURE"
    assert "only one of the two is told when each question is asked" in cell.reason
    assert asked.verdict == "BETTER"


def test_of_a_metric_with_a_target_neither_more_nor_less_is_better() -> None:
    first, second = (
        scored_side({"mf": scored([[v, v + 0.01]] * 3, target=0.8)}, "coverage-80")
        for v in (0.7, 0.9)
    )

    cell = one(compare_sides(first, second))

    assert cell.verdict == "UNSURE"
    assert [cell.first, cell.second] == pytest.approx([0.705, 0.905])
    assert cell.reason == "best at 0.8: neither higher nor lower is better"


def test_other_conditions_are_said() -> None:
    first, second = (scored_side({"mf": scored([[0.9]], "d")}) for _ in range(2))
    first.conditions["threads"] = "2"
    second.conditions["threads"] = "4"

    assert compare_sides(first, second).notes == ["The threads differ: 2; 4."]


# What does not run.


def test_a_model_that_fails_now_is_worse_and_one_that_runs_now_is_better() -> None:
    fine, broken = scored_side({"mf": scored([[0.9]], "d")}), scored_side({})
    broken.failed[subject("mf")] = "failed: loss became NaN"

    worse, better = compare_sides(fine, broken), compare_sides(broken, fine)

    assert (one(worse).quantity, one(worse).verdict) == ("trials", "WORSE")
    assert "now failed: loss became NaN" in one(worse).reason
    assert one(better).verdict == "BETTER"
    assert one(compare_sides(broken, broken)).verdict == "UNSURE"


def test_a_metric_that_is_gone_is_worse() -> None:
    before = scored_side({"mf": scored([[0.9]])})
    after = scored_side({"mf": scored([[0.9]])})
    (place,) = before.scores
    before.scores[place[0], "mae"] = before.scores[place]

    found = {cell.quantity: cell for cell in compare_sides(before, after).cells}

    assert found["mae"].verdict == "WORSE"
    assert "does not have this metric" in found["mae"].reason
    assert "mae" not in {cell.quantity for cell in compare_sides(after, before).cells}


@pytest.mark.parametrize("values", [[[0.0, 0.5]], [[-0.9, 0.91]], [[1e-300, 0.9]]])
def test_values_without_a_sound_ratio_are_no_verdict(values) -> None:
    found = compare_sides(
        scored_side({"mf": scored([[0.9, 0.91]])}), scored_side({"mf": scored(values)})
    )

    assert one(found).verdict == "UNSURE"


def refusal(first: Side, second: Side, **settings: bool) -> str:
    found = compare_sides(first, second)
    with pytest.raises(ResultsError) as caught:
        require_complete(first, second, found, **settings)
    return str(caught.value)


def test_a_comparison_that_judged_nothing_is_refused() -> None:
    full, empty = scored_side({"mf": scored([[0.9]])}), scored_side({})

    for settings in ({}, {"allow_missing": True}):
        assert "has no results" in refusal(full, empty, **settings)
        assert "has no results" in refusal(empty, full, **settings)
        assert "has no results" in refusal(empty, empty, **settings)


def test_a_model_that_is_gone_is_refused_by_name_unless_it_may_be_missing() -> None:
    first = scored_side({"mf": scored([[0.9]]), "svd": scored([[0.9]])})
    second = scored_side({"mf": scored([[0.9]])})

    said = refusal(first, second)

    assert "has no svd" in said
    assert "--allow-missing" in said
    found = compare_sides(first, second)
    require_complete(first, second, found, allow_missing=True)
    require_complete(second, first, compare_sides(second, first))


def test_folds_with_other_ids_are_refused_with_the_rules_that_drew_them() -> None:
    first, second = (
        scored_side({"mf": Scores(values={fold: {0: 0.9}})}) for fold in ("a", "b")
    )
    first.conditions["rules of drawing"] = "fold format 1"
    second.conditions["rules of drawing"] = "fold format 2"

    said = refusal(first, second, allow_missing=True)

    assert "the same fold ids for mf" in said
    assert "drawn by fold format 1 and by fold format 2" in said


def test_what_only_one_side_has_is_named() -> None:
    first = scored_side({"mf": scored([[0.9]]), "svd": scored([[0.9]])})
    second = scored_side({"mf": scored([[0.9]])})

    found = compare_sides(first, second)

    assert found.notes == ["Only in suite: svd."]
    assert (
        "no model, data set and protocol in common"
        in compare_sides(first, scored_side({})).notes[0]
    )

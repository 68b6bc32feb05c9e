"""Costs: what was measured beats what was hinted, and grows with the ratings."""

from types import SimpleNamespace

import pytest

from benchbox.records.folder import RunFolder
from benchbox.runs.costs import Costs, MemoryNeeds, earlier_trials
from tests.support.toy_runs import toy_model, toy_run, toy_trial

MEAN = toy_model("mean")
RUN = toy_run([MEAN, toy_model("mean", damping=3)])


def test_a_hint_is_for_a_hundred_thousand_ratings() -> None:
    costs = Costs({"mean": 0.5})

    assert costs.seconds(MEAN, 400_000) == 2.0
    assert not costs.is_measured(MEAN)


@pytest.mark.parametrize("hints", [{}, {"mean": None}])
def test_nothing_known_is_no_estimate(hints) -> None:
    assert Costs(hints).seconds(MEAN, 400_000) is None


def test_earlier_trials_beat_a_hint_by_their_median() -> None:
    costs = Costs({"mean": 99.0})
    for fit_seconds in (1.0, 2.0, 60.0):
        trial = toy_trial(RUN, 1.0, wall_seconds={"fit": fit_seconds})
        costs.learn("mean", 100, trial)

    assert costs.seconds(MEAN, 300) == 6.0
    assert costs.is_measured(MEAN)


def test_a_trial_of_other_options_tells_nothing() -> None:
    costs = Costs({})
    costs.learn("mean:damping=3", 100, toy_trial(RUN, 1.0, model=1))

    assert costs.seconds(MEAN, 100) is None
    assert costs.seconds(RUN.models[1], 100) == 2.75


def test_a_trial_that_failed_tells_nothing() -> None:
    costs = Costs({})
    costs.learn("mean", 100, toy_trial(RUN, None, wall_seconds={"fit": 0.001}))

    assert not costs.is_measured(MEAN)


def test_a_trial_on_no_known_ratings_tells_nothing() -> None:
    costs = Costs({})
    costs.learn("mean", 0, toy_trial(RUN, 1.0))

    assert not costs.is_measured(MEAN)


def test_earlier_runs_are_learnt_from_fold_by_fold(tmp_path) -> None:
    folder = RunFolder.create(tmp_path, "run-1")
    folder.write_run(RUN)
    # Each fold has 80 training ratings.
    folder.write_trial(toy_trial(RUN, 1.0, wall_seconds={"fit": 8.0}), None)
    folder.write_trial(toy_trial(RUN, None, fold=1), None)

    costs = Costs({})
    costs.learn_from(earlier_trials(tmp_path))

    assert costs.seconds(MEAN, 10) == 1.0


def test_a_run_that_cannot_be_read_is_passed_over(tmp_path) -> None:
    for name in ("a", "b", "c"):
        folder = RunFolder.create(tmp_path, name)
        folder.write_run(RUN)
        folder.write_trial(toy_trial(RUN, 1.0), None)
    (tmp_path / "a" / "run.json").write_text("half a rec")
    next((tmp_path / "b" / "trials").iterdir()).write_text("half a rec")

    costs = Costs({})
    costs.learn_from(earlier_trials(tmp_path))

    assert costs.seconds(MEAN, 80) == 2.75


def test_the_newest_run_comes_last_and_old_ones_not_at_all(tmp_path) -> None:
    for day in range(1, 15):
        folder = RunFolder.create(tmp_path, f"202601{day:02d}-000000-aaaa")
        folder.write_run(RUN)
        folder.write_trial(toy_trial(RUN, float(day)), None)
    RunFolder.create(tmp_path, "20260120-000000-aaaa")

    found = [trial.metrics["rmse"].value for _, trial in earlier_trials(tmp_path)]

    assert found == [float(day) for day in range(5, 15)]


def test_there_are_no_runs_where_there_is_no_folder(tmp_path) -> None:
    assert earlier_trials(tmp_path / "nowhere") == []


def planned(fold: str, replicate: int, model: str) -> SimpleNamespace:
    """Return what is known of a trial before it is run."""
    return SimpleNamespace(
        fold=SimpleNamespace(id=fold, train=range(100)),
        replicate=replicate,
        model=toy_model(model),
        untuned=toy_model(model),
    )


def test_of_each_round_the_longest_trials_come_first_and_the_unknown_before_them() -> (
    None
):
    costs = Costs({"short": 1.0, "long": 9.0, "new": None})
    names = ("short", "new", "long")
    trials = [
        planned(fold, replicate, name)
        for fold in ("u1", "u2")
        for replicate in (0, 1)
        for name in names
    ]

    ordered = costs.longest_first(trials)

    places = [(t.fold.id, t.replicate) for t in trials]
    assert [(t.fold.id, t.replicate) for t in ordered] == places
    assert [t.model.name for t in ordered] == ["new", "long", "short"] * 4


def test_memory_is_estimated_from_the_data_and_then_from_the_most_that_was_used() -> (
    None
):
    needs = MemoryNeeds()
    trial = planned("u1", 0, "mean")
    unknown = needs.bytes_of(trial)
    other = needs.bytes_of(planned("u1", 0, "net"))
    for n_bytes in (3 << 30, 5 << 30, 4 << 30):
        needs.learn("mean", 100, toy_trial(RUN, 1.0, peak_memory_bytes=n_bytes))

    assert unknown == other > 512 << 20
    # A quarter more, since no two fits use the same.
    assert needs.bytes_of(trial) == pytest.approx(1.25 * (5 << 30))
    assert needs.bytes_of(planned("u1", 0, "net")) == other


def test_memory_of_a_trial_on_more_ratings_grows_with_them() -> None:
    needs = MemoryNeeds()
    needs.learn("mean", 100, toy_trial(RUN, 1.0, peak_memory_bytes=2 << 30))
    few, many = planned("u1", 0, "mean"), planned("u1", 0, "mean")
    many.fold.train = range(100_000_000)

    assert needs.bytes_of(many) > 20 * needs.bytes_of(few)


def test_a_trial_whose_memory_is_not_known_teaches_nothing_of_it() -> None:
    needs, trial = MemoryNeeds(), planned("u1", 0, "mean")
    before = needs.bytes_of(trial)
    needs.learn("mean", 100, toy_trial(RUN, 1.0, peak_memory_bytes=None))
    needs.learn("mean", 0, toy_trial(RUN, 1.0, peak_memory_bytes=9 << 30))

    assert needs.bytes_of(trial) == before


def test_memory_is_learnt_from_earlier_runs(tmp_path) -> None:
    folder = RunFolder.create(tmp_path, "run-1")
    folder.write_run(RUN)
    trial = toy_trial(RUN, 1.0, peak_memory_bytes=6 << 30)
    folder.write_trial(trial, None)
    needs, before = MemoryNeeds(), MemoryNeeds()

    needs.learn_from(earlier_trials(tmp_path))

    trial = planned("u1", 0, "mean")
    assert needs.bytes_of(trial) > 10 * before.bytes_of(trial)

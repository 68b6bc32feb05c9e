"""Costs: what was measured beats what was hinted, and grows with the ratings."""

import pytest

from benchbox.records.folder import RunFolder
from benchbox.runs.costs import Costs, newest_runs
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
    costs.learn_from([folder])

    assert costs.seconds(MEAN, 10) == 1.0


def test_a_run_that_cannot_be_read_is_passed_over(tmp_path) -> None:
    for name in ("a", "b", "c"):
        folder = RunFolder.create(tmp_path, name)
        folder.write_run(RUN)
        folder.write_trial(toy_trial(RUN, 1.0), None)
    (tmp_path / "a" / "run.json").write_text("half a rec")
    next((tmp_path / "b" / "trials").iterdir()).write_text("half a rec")

    costs = Costs({})
    costs.learn_from(newest_runs(tmp_path))

    assert costs.seconds(MEAN, 80) == 2.75


def test_the_newest_runs_come_first_and_old_ones_not_at_all(tmp_path) -> None:
    names = [f"202601{day:02d}-000000-aaaa" for day in range(1, 15)]
    for name in names:
        RunFolder.create(tmp_path, name).write_run(RUN)
    RunFolder.create(tmp_path, "20260120-000000-aaaa")

    found = [folder.path.name for folder in newest_runs(tmp_path)]

    assert found == names[:3:-1]


def test_there_are_no_runs_where_there_is_no_folder(tmp_path) -> None:
    assert newest_runs(tmp_path / "nowhere") == []

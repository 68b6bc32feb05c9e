"""`benchbox run --repeats`: fits again for their timing, in an order of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchbox.machine.presence import Presence
from benchbox.records.names import trial_name
from tests.support.commands import Benchbox

TOY = "-d svd-toy -p holdout:fraction=0.3"
SUITE = f"run {TOY} -m bias -m user-mean -m item-mean -m planted.py:Fickle --seeds 1"


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Presence]:
    monkeypatch.setattr(
        "benchbox.machine.presence.runtime_folder", lambda: tmp_path / "run"
    )
    presence = Presence()
    yield presence
    presence.close()


def test_repeats_are_timed_apart_predict_the_same_and_can_be_resumed(
    benchbox: Benchbox, beside: Presence
) -> None:
    done = benchbox(f"{SUITE} --repeats 3")

    assert done.code == 0
    trials = done.trials()
    assert len(trials) == done.folder.read_run().n_trials == 12
    bias = [t for t in trials if t.label == "bias"]
    assert [t.repeat for t in bias] == [0, 1, 2]
    assert len({t.key for t in bias}) == len({t.predictions_digest for t in bias}) == 1
    assert len({t.wall_seconds["fit"] for t in bias}) == 3
    assert bias[0].predictions_digest != ""
    # One copy of the predictions is enough, and a repeat is no trial of its own.
    assert len(list((done.folder.path / "predictions").iterdir())) == 4
    assert "1/3" not in done.out
    # A model that predicts otherwise each time is found out.
    fickle = [t.notes for t in trials if t.label == "Fickle"]
    assert fickle[0] == {}
    assert "differ from those of repeat 0" in fickle[1]["repeat"]
    # What ran beside it is named.
    assert all("benchbox ran beside it" in t.contended[0] for t in trials)
    environment = done.folder.read_run().environment
    assert {t.environment for t in trials} == {environment.id}
    assert set(done.folder.read_run().first_use_seconds) == {t.label for t in trials}

    (done.folder.path / f"trials/{trial_name(bias[1])}.json").unlink()
    again = benchbox("run --resume last --code planted.py")

    assert "[1/1]" in again.err
    assert len(again.trials()) == 12


def test_latency_is_measured_where_it_is_asked_for(benchbox: Benchbox) -> None:
    done = benchbox(f"run {TOY} -m bias -m autorec-user:epochs=2 --seeds 1 --latency")

    assert done.code == 0
    for trial in done.trials():
        assert len(trial.latency) == 8
        assert trial.wall_seconds["latency"] > 0
        assert all(len(r.samples_seconds) == r.durations.n for r in trial.latency)
    steps = done.by_label()["autorec-user:epochs=2"]
    assert steps.n_steps >= 2
    assert steps.steps is not None
    assert 0 < steps.steps.median_seconds < steps.wall_seconds["fit"]
    assert done.by_label()["bias"].steps is None


def test_each_round_has_an_order_of_its_own_and_the_seed_decides_it(
    benchbox: Benchbox,
) -> None:
    def order(seed: int) -> list[str]:
        done = benchbox(f"{SUITE} --repeats 2 --seed {seed} --drop-predictions")
        lines = [line for line in done.err.splitlines() if line.startswith("[")]
        return [line.split()[2] for line in lines]

    first = order(0)

    rounds = [first[k : k + 4] for k in (0, 4)]
    assert all(sorted(r) == sorted(rounds[0]) for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1
    assert order(0) == first
    assert order(1) != first

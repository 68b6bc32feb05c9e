"""Timing: a phase waits for the accelerator on both sides, and repetitions add up."""

from time import process_time, sleep

import pytest

from benchbox.machine.clocks.phases import PhaseClock


def test_a_phase_lasts_at_least_as_long_as_its_block() -> None:
    clock = PhaseClock()

    with clock.phase("fit"):
        sleep(0.01)

    assert clock.wall_seconds["fit"] >= 0.01


def test_a_phase_waits_for_the_accelerator_on_both_sides() -> None:
    happened = []
    clock = PhaseClock(lambda: happened.append("synchronized"))

    with clock.phase("fit"):
        happened.append("fitted")

    assert happened == ["synchronized", "fitted", "synchronized"]


def test_a_phase_pays_for_what_it_started_and_not_for_what_came_before() -> None:
    waits = iter([0.05, 0.01])
    clock = PhaseClock(lambda: sleep(next(waits)))
    outer = PhaseClock()

    with outer.phase("all"), clock.phase("fit"):
        pass

    # The first wait lies within the outer phase alone.
    assert clock.wall_seconds["fit"] >= 0.01
    assert outer.wall_seconds["all"] - clock.wall_seconds["fit"] >= 0.05


def test_a_repeated_phase_adds_up_and_others_stand_apart() -> None:
    clock = PhaseClock()
    seen = []

    for _ in range(2):
        with clock.phase("predict"):
            sleep(0.01)
        seen.append(clock.wall_seconds["predict"])
    with clock.phase("score"):
        pass

    assert seen[0] >= 0.01
    assert seen[1] - seen[0] >= 0.01
    assert clock.wall_seconds["predict"] == seen[1]
    assert list(clock.wall_seconds) == list(clock.cpu_seconds) == ["predict", "score"]


def test_a_phase_that_fails_is_timed_and_waited_for_as_well() -> None:
    happened = []
    clock = PhaseClock(lambda: happened.append("synchronized"))

    @clock.phase("fit")
    def fit() -> None:
        sleep(0.01)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit()

    assert happened == ["synchronized", "synchronized"]
    assert clock.wall_seconds["fit"] >= 0.01
    assert clock.cpu_seconds["fit"] >= 0


def test_waiting_costs_hardly_any_processor_seconds_but_work_does() -> None:
    clock = PhaseClock()

    with clock.phase("work"):
        until = process_time() + 0.01
        while process_time() < until:
            pass
    with clock.phase("wait"):
        sleep(0.05)

    assert clock.cpu_seconds["work"] >= 0.01
    assert clock.cpu_seconds["wait"] < clock.wall_seconds["wait"]

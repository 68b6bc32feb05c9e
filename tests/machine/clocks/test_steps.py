"""Steps: a ring keeps the newest, and counts them all."""

import time
from math import isclose

import pytest

from benchbox.machine.clocks.steps import (
    EventStepClock,
    HostStepClock,
    WaitingStepClock,
    step_clock,
)
from benchbox.machine.devices import device_named
from benchbox.models.contract import FitContext
from tests.support.fake_torch import FakeTorch


def test_a_step_is_as_long_as_its_block() -> None:
    clock = HostStepClock()
    truths = []
    for _ in range(3):
        with clock.step():
            started = time.perf_counter()
            time.sleep(0.02)
            truths.append(time.perf_counter() - started)

    pairs = list(zip(clock.seconds(), truths, strict=True))
    assert all(truth <= measured < truth + 0.5 for measured, truth in pairs)


def test_the_ring_keeps_the_newest_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0, 10, 100, 120, 1000, 1030, 2000, 2040])
    monkeypatch.setattr(
        "benchbox.machine.clocks.steps.perf_counter_ns", lambda: next(now)
    )
    clock = HostStepClock(capacity=3)
    for _ in range(4):
        with clock.step():
            pass

    assert clock.n_steps == 4
    assert clock.seconds() == [20e-9, 30e-9, 40e-9]


def test_a_clock_without_steps_has_no_durations() -> None:
    assert step_clock(device_named("cpu")).seconds() == []


def test_a_context_without_a_clock_times_nothing() -> None:
    with FitContext().step():
        pass


def test_each_device_has_the_clock_that_can_time_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "xpu", n_devices=2)

    assert isinstance(step_clock(device_named("cpu")), HostStepClock)
    assert isinstance(step_clock(device_named("xpu:1")), EventStepClock)
    torch.has_events = False
    assert isinstance(step_clock(device_named("xpu:1")), WaitingStepClock)


def test_events_time_the_newest_steps_and_the_device_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "xpu", n_devices=2)
    clock = step_clock(device_named("xpu:1"), capacity=3)
    torch.waits.clear()
    for milliseconds in (10.0, 20.0, 30.0, 40.0):
        torch.now += 5.0
        with clock.step():
            torch.now += milliseconds

    assert not torch.waits
    assert clock.n_steps == 4
    assert clock.seconds() == [0.02, 0.03, 0.04]
    assert torch.waits == [1]
    assert streams_of_events(torch) == {"stream of device 1"}
    # Two more to find out whether events can time at all.
    assert len(torch.events) == 2 * 3 + 2


def streams_of_events(torch: FakeTorch) -> set[str]:
    return {event.stream for event in torch.events}


def test_an_event_in_the_stream_of_another_device_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "xpu", n_devices=2)
    monkeypatch.setattr(
        "benchbox.machine.devices._TorchEvents.record",
        lambda events, event: event.record(),
    )
    with step_clock(device_named("xpu:1")).step():
        pass

    assert streams_of_events(torch) == {"stream of device 0"}


def test_without_events_the_host_waits_for_the_device_around_every_sixteenth_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = FakeTorch(monkeypatch, "mps")
    ticks = iter([0, 7_000_000, 10_000_000, 19_000_000])
    monkeypatch.setattr(
        "benchbox.machine.clocks.steps.perf_counter_ns", lambda: next(ticks)
    )
    clock = step_clock(device_named("mps"))
    waits_within = []
    for _ in range(18):
        with FitContext(time_step=clock.step).step():
            waits_within.append(len(torch.waits))

    # Once before and once after the first and the seventeenth step.
    assert waits_within == [1, *[2] * 15, 3, 4]
    assert len(torch.waits) == 4
    assert clock.n_steps == 18
    assert clock.seconds() == [0.007, 0.009]


@pytest.mark.gpu
def test_events_and_the_host_agree_on_a_long_step() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    clock = step_clock(device_named("cuda:0"), capacity=8)
    assert isinstance(clock, EventStepClock)
    square = torch.randn(8192, 8192, device="cuda")
    square @ square
    torch.cuda.synchronize()

    started = time.perf_counter()
    for _ in range(8):
        with clock.step():
            for _ in range(5):
                square @ square
    durations = clock.seconds()
    host = time.perf_counter() - started

    assert len(durations) == 8
    assert isclose(sum(durations), host, rel_tol=0.03)

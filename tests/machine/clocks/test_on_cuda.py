"""Clocks and gauges on a CUDA device: skipped where there is none."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchbox.machine.clocks.latency import cache_flusher
from benchbox.machine.clocks.phases import PhaseClock
from benchbox.machine.devices import accelerators_here, device_named
from benchbox.machine.nvml import Device
from benchbox.machine.process import settings_in_force
from benchbox.machine.sensors import Gauges

pytestmark = pytest.mark.gpu

NAME = "cuda:0"
DEVICE = device_named(NAME)


@pytest.fixture(autouse=True)
def torch() -> Iterator[Any]:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    DEVICE.warm_up()
    yield torch
    torch.cuda.empty_cache()


def spin(torch: Any, cycles: int) -> tuple[Any, Any]:
    """Have the device spin; return events around it, without waiting."""
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    events[0].record()
    torch.cuda._sleep(cycles)
    events[1].record()
    return events[0], events[1]


def test_a_phase_is_charged_for_kernels_it_did_not_wait_for(torch: Any) -> None:
    clock = PhaseClock(DEVICE.synchronize)

    with clock.phase("fit"):
        started, ended = spin(torch, 1_000_000_000)
        returned = time.perf_counter()
    waited = time.perf_counter() - returned

    truth = started.elapsed_time(ended) / 1e3
    assert waited > 0.9 * truth
    assert clock.wall_seconds["fit"] == pytest.approx(truth, rel=0.03)


def test_a_phase_is_not_charged_for_kernels_started_before_it(torch: Any) -> None:
    clock = PhaseClock(DEVICE.synchronize)

    started, ended = spin(torch, 1_000_000_000)
    with clock.phase("predict"):
        pass

    assert clock.wall_seconds["predict"] < 0.1 * started.elapsed_time(ended) / 1e3


def test_the_peak_of_a_planted_allocation_is_found(torch: Any) -> None:
    size = 1 << 30
    torch.cuda.reset_peak_memory_stats(NAME)
    before = torch.cuda.memory_allocated(NAME)

    block = torch.empty(size, dtype=torch.uint8, device=NAME)
    del block

    peaks = DEVICE.memory_peaks()
    assert peaks is not None
    assert peaks.allocated_bytes - before == pytest.approx(size, rel=0.01)
    assert peaks.reserved_bytes >= peaks.allocated_bytes


def test_energy_grows_with_work(torch: Any) -> None:
    device = DEVICE.sensors()
    if not isinstance(device, Device) or device.state().energy_joules is None:
        pytest.skip("the device tells no energy")
    gauges = Gauges(NAME)
    square = torch.randn(8192, 8192, device=NAME)

    gauges.phase("fit")
    until = time.perf_counter() + 2
    while time.perf_counter() < until:
        (square @ square)[0, 0].item()
    gauges.phase("predict")
    time.sleep(2)
    gauges.phase("end")

    joules = gauges.record().accelerator_joules
    assert joules is not None
    # A device at work draws clearly more than an idle one, and neither draws nothing.
    assert joules["fit"] > 1.2 * joules["predict"] > 0


def test_caches_are_flushed_and_settings_are_read(torch: Any) -> None:
    cache_flusher(DEVICE)()

    assert settings_in_force(DEVICE)["cuda matmul tf32"] in ("true", "false")


def test_a_cuda_device_is_found_and_lacks_nothing(torch: Any) -> None:
    kind, names = accelerators_here()

    assert (kind, len(names)) == ("cuda", torch.cuda.device_count())
    assert names[0] == torch.cuda.get_device_name(0)
    assert DEVICE.missing() == {}

"""Gauges: energy by phase, the worst of heat, and a reason for what is missing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchbox.machine import nvml
from benchbox.machine.sensors import Gauges

WATTS = 50.0


class ToyError(Exception):
    pass


class ToyLibrary:
    """An NVIDIA driver whose one device draws 50 W and grows hotter with each look."""

    NVMLError = ToyError
    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, **lacks: bool) -> None:
        self.seconds = 0.0
        self.celsius = 40
        self.bits = 0
        self.lacks = lacks

    def nvmlInit(self) -> None:
        if self.lacks.get("driver"):
            raise ToyError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, number: int) -> str:
        if number:
            raise ToyError("Invalid Argument")
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        if self.lacks.get("energy"):
            raise ToyError("Not Supported")
        return round(self.seconds * WATTS * 1000)

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:
        return 1500

    def nvmlDeviceGetTemperature(self, handle: str, kind: int) -> int:
        self.celsius += 1
        return self.celsius

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:
        return [SimpleNamespace(pid=7, usedGpuMemory=2**30)]

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        return self.bits

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "Loom 3000"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return "GPU-1"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        return SimpleNamespace(total=2**34)

    def nvmlSystemGetDriverVersion(self) -> str:
        return "550.1"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return 12040


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ToyLibrary:
    library = ToyLibrary()
    monkeypatch.setattr(nvml, "_library", lambda: library)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return library


def rapl(folder: Path, joules: float, span: int = 10**9) -> Path:
    package = folder / "intel-rapl:0"
    package.mkdir(exist_ok=True)
    (package / "energy_uj").write_text(f"{int(joules * 1e6) % span}\n")
    (package / "max_energy_range_uj").write_text(f"{span}\n")
    return folder


def test_energy_is_told_by_phase(library: ToyLibrary, tmp_path: Path) -> None:
    gauges = Gauges("cuda:0", rapl(tmp_path, 990.0))
    gauges.phase("fit")
    library.seconds += 2
    rapl(tmp_path, 1030.0)
    gauges.phase("")
    library.seconds += 5
    gauges.phase("predict")
    library.seconds += 1
    gauges.phase("end")

    record = gauges.record()
    assert record.accelerator_joules == {"fit": 100.0, "predict": 50.0}
    # The counter began anew at its range on the way.
    assert record.cpu_joules == {"fit": pytest.approx(40.0), "predict": 0.0}


def test_clocks_heat_memory_and_brakes_come_from_readings(
    library: ToyLibrary, tmp_path: Path
) -> None:
    gauges = Gauges("cuda:0", tmp_path)
    gauges.phase("fit")
    library.bits = 0x4
    gauges.glance(7)
    library.bits = 0
    gauges.glance(7)
    gauges.phase("end")

    record = gauges.record()
    assert record.clock_mhz == 1500
    # The second glance came too soon to be a look.
    assert record.temperature_celsius == 43
    assert record.device_bytes == 2**30
    assert record.throttled == ["power cap"]


def test_a_trial_without_sensors_says_why_and_claims_no_zero(tmp_path: Path) -> None:
    gauges = Gauges("cpu", tmp_path)
    gauges.phase("fit")
    gauges.glance(1)
    gauges.phase("end")

    record = gauges.record()
    assert record.accelerator_joules is record.cpu_joules is record.device_bytes is None
    assert record.missing == {
        "accelerator": "the trial used no accelerator",
        "processor energy": "this machine has no RAPL counters",
    }


@pytest.mark.parametrize(
    ("name", "lacks", "reason"),
    [
        ("cuda:0", {"driver": True}, "NVML cannot see cuda:0: Driver Not Loaded"),
        ("cuda:3", {}, "NVML cannot see cuda:3: Invalid Argument"),
    ],
)
def test_a_device_that_cannot_be_seen_has_a_reason(
    name: str, lacks: dict[str, bool], reason: str, library: ToyLibrary, tmp_path: Path
) -> None:
    library.lacks = lacks

    assert Gauges(name, tmp_path).record().missing["accelerator"] == reason


def test_without_the_binding_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "_library", lambda: None)

    missing = Gauges("cuda", tmp_path).record().missing

    assert "benchbox-recsys[gpu]" in missing["accelerator"]
    assert nvml.describe_devices() == []


def test_what_the_trial_could_not_measure_is_missing_as_well(tmp_path: Path) -> None:
    gauges = Gauges("xpu:1", tmp_path)

    missing = gauges.record({"step times": "torch has none"}).missing

    assert missing["step times"] == "torch has none"
    assert missing["accelerator"] == "benchbox cannot read sensors of xpu devices"
    assert "processor energy" in missing


def test_a_device_without_an_energy_counter_still_tells_the_rest(
    library: ToyLibrary, tmp_path: Path
) -> None:
    library.lacks = {"energy": True}
    gauges = Gauges("cuda:0", tmp_path)
    gauges.phase("fit")
    gauges.phase("end")

    record = gauges.record()
    assert record.accelerator_joules is None
    assert record.clock_mhz == 1500
    assert record.missing["accelerator energy"] == "the device has no energy counter"


def test_visible_devices_are_followed(
    library: ToyLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-9")

    assert isinstance(nvml.open_device(0), nvml.Device)
    assert "NVML cannot see cuda:1" in str(nvml.open_device(1))


def test_a_device_is_described(library: ToyLibrary) -> None:
    (device,) = nvml.describe_devices()

    assert (device.name, device.cuda, device.driver) == ("Loom 3000", "12.4", "550.1")

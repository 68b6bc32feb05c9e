"""Reads energy, clocks and temperatures during a trial, where there are sensors."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import monotonic

import msgspec

from benchbox.machine.devices import device_named
from benchbox.machine.nvml import Device, DeviceState

_INTERVAL_SECONDS = 0.2
"""Reading a device takes a millisecond, and its sensors do not update more often."""

_PHASES = ("load", "fit", "predict")

_RAPL = Path("/sys/class/powercap")


class GaugeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Sensor readings of a trial. A missing sensor is `None`, never zero.

    Attributes:
        accelerator_joules: Energy of the accelerator by phase, in joules.
        cpu_joules: Energy of all processors of the machine by phase, in joules.
        clock_mhz: Median clock of the accelerator, in MHz.
        temperature_celsius: Highest temperature of the accelerator, in °C.
        device_bytes: Peak memory in bytes that the driver reports for the trial,
            including its context.
        throttled: Reasons why the accelerator was throttled; empty if it was not.
        missing: Why a sensor is missing, by its name.
    """

    accelerator_joules: dict[str, float] | None = None
    cpu_joules: dict[str, float] | None = None
    clock_mhz: float | None = None
    temperature_celsius: int | None = None
    device_bytes: int | None = None
    throttled: list[str] = []
    missing: dict[str, str] = {}


class Gauges:
    """Reads the sensors over one trial.

    Args:
        device: Name of the trial's device.
        rapl: Folder of the processors' energy counters.
    """

    def __init__(self, device: str, rapl: Path = _RAPL) -> None:
        self._missing: dict[str, str] = {}
        self._device = self._open(device)
        self._rapl = rapl
        self._phase = ""
        self._states: list[DeviceState] = []
        self._next_reading = 0.0
        self._accelerator_joules: dict[str, float] = {}
        self._cpu_joules: dict[str, float] = {}
        self._accelerator_at: float | None = None
        self._cpu_at = self._cpu_energy()

    def phase(self, name: str) -> None:
        """End the current phase and begin phase *name*."""
        state = self._read()
        cpu = self._cpu_energy()
        if self._phase and state and state.energy_joules is not None:
            spent = state.energy_joules - (self._accelerator_at or 0.0)
            self._accelerator_joules[self._phase] = spent
        if self._phase and cpu is not None and self._cpu_at is not None:
            self._cpu_joules[self._phase] = _spent(self._cpu_at, cpu)
        self._phase = name if name in _PHASES else ""
        self._accelerator_at = state.energy_joules if state else None
        self._cpu_at = cpu

    def glance(self, pid: int) -> None:
        """Read the accelerator and the memory of process *pid* there, if it is time."""
        if self._device is not None and monotonic() > self._next_reading:
            self._read(pid)
            self._next_reading = monotonic() + _INTERVAL_SECONDS

    def _read(self, pid: int | None = None) -> DeviceState | None:
        if self._device is None:
            return None
        state = self._device.state(pid)
        self._states.append(state)
        return state

    def record(self, also_missing: Mapping[str, str] | None = None) -> GaugeRecord:
        """Return the readings of the trial.

        Args:
            also_missing: Why the trial itself could not measure a figure, by its name.
        """
        states = self._states
        clocks = [s.clock_mhz for s in states if s.clock_mhz is not None]
        heat = [s.temperature_celsius for s in states if s.temperature_celsius]
        held = [s.process_bytes for s in states if s.process_bytes]
        if states and not held:
            self._missing["device memory"] = "the driver does not report it by process"
        if states and not self._accelerator_joules:
            self._missing["accelerator energy"] = "the device has no energy counter"
        return GaugeRecord(
            accelerator_joules=self._accelerator_joules or None,
            cpu_joules=self._cpu_joules or None,
            clock_mhz=median(clocks) if clocks else None,
            temperature_celsius=max(heat, default=None),
            device_bytes=max(held, default=None),
            throttled=sorted({reason for s in states for reason in s.throttled}),
            missing=self._missing | dict(also_missing or {}),
        )

    def _open(self, device: str) -> Device | None:
        found = device_named(device).sensors()
        if isinstance(found, Device):
            return found
        self._missing["accelerator"] = found
        return None

    def _cpu_energy(self) -> dict[str, tuple[int, int]] | None:
        """Return counter and range of each processor package, in microjoules."""
        if "processor energy" in self._missing:
            return None
        why = "this machine has no RAPL counters"
        try:
            packages = sorted(self._rapl.glob("intel-rapl:?"))
            if packages:
                return {package.name: _counter(package) for package in packages}
        except PermissionError:
            why = "only root may read RAPL counters"
        except (OSError, ValueError) as error:
            why = f"RAPL counters cannot be read: {error}"
        self._missing["processor energy"] = why
        return None


def _counter(package: Path) -> tuple[int, int]:
    files = (package / "energy_uj", package / "max_energy_range_uj")
    energy, span = (int(file.read_text()) for file in files)
    return energy, span


def _spent(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> float:
    """Return joules between two readings; a counter wraps around at its range."""
    total = 0
    for name, (end, span) in after.items():
        with suppress(KeyError):
            total += (end - before[name][0]) % span
    return total / 1e6

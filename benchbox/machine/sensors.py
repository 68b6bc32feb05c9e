"""Gauges: energy, clocks and heat of a trial, as far as the machine has sensors."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import monotonic

import msgspec

from benchbox.machine.devices import device_named
from benchbox.machine.nvml import Device, DeviceState

_LOOK_SECONDS = 0.2
"""A look at a device takes a millisecond, and its sensors are no faster than this."""

_PHASES = ("load", "fit", "predict")

_RAPL = Path("/sys/class/powercap")


class GaugeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the sensors said of a trial. A missing sensor is `None`, never zero.

    Attributes:
        accelerator_joules: Energy of the accelerator by phase.
        cpu_joules: Energy of all processors of the machine by phase.
        clock_mhz: Median clock of the accelerator.
        temperature_celsius: Highest temperature of the accelerator.
        device_bytes: Most memory the driver held for the trial, context and all.
        throttled: Why the accelerator ran slower than asked for, if it did.
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
        self._looks: list[DeviceState] = []
        self._next_look = 0.0
        self._accelerator_joules: dict[str, float] = {}
        self._cpu_joules: dict[str, float] = {}
        self._accelerator_at: float | None = None
        self._cpu_at = self._cpu_energy()

    def phase(self, name: str) -> None:
        """Note that phase *name* begins, and the one before ends."""
        look = self._look()
        cpu = self._cpu_energy()
        if self._phase and look and look.energy_joules is not None:
            spent = look.energy_joules - (self._accelerator_at or 0.0)
            self._accelerator_joules[self._phase] = spent
        if self._phase and cpu is not None and self._cpu_at is not None:
            self._cpu_joules[self._phase] = _spent(self._cpu_at, cpu)
        self._phase = name if name in _PHASES else ""
        self._accelerator_at = look.energy_joules if look else None
        self._cpu_at = cpu

    def glance(self, pid: int) -> None:
        """Look at the accelerator and at what *pid* holds there, if it is time to."""
        if self._device is not None and monotonic() > self._next_look:
            self._look(pid)
            self._next_look = monotonic() + _LOOK_SECONDS

    def _look(self, pid: int | None = None) -> DeviceState | None:
        if self._device is None:
            return None
        state = self._device.state(pid)
        self._looks.append(state)
        return state

    def record(self, also_missing: Mapping[str, str] | None = None) -> GaugeRecord:
        """Return what was read.

        Args:
            also_missing: What the trial itself could not measure, and why.
        """
        looks = self._looks
        clocks = [s.clock_mhz for s in looks if s.clock_mhz is not None]
        heat = [s.temperature_celsius for s in looks if s.temperature_celsius]
        held = [s.process_bytes for s in looks if s.process_bytes]
        if looks and not held:
            self._missing["device memory"] = "the driver does not tell it by process"
        if looks and not self._accelerator_joules:
            self._missing["accelerator energy"] = "the device has no energy counter"
        return GaugeRecord(
            accelerator_joules=self._accelerator_joules or None,
            cpu_joules=self._cpu_joules or None,
            clock_mhz=median(clocks) if clocks else None,
            temperature_celsius=max(heat, default=None),
            device_bytes=max(held, default=None),
            throttled=sorted({reason for s in looks for reason in s.throttled}),
            missing=self._missing | dict(also_missing or {}),
        )

    def _open(self, device: str) -> Device | None:
        found = device_named(device).sensors()
        if isinstance(found, Device):
            return found
        self._missing["accelerator"] = found
        return None

    def _cpu_energy(self) -> dict[str, tuple[int, int]] | None:
        """Return the counter and the range of each package, in microjoules."""
        if "processor energy" in self._missing:
            return None
        why = "this machine shows no RAPL counters"
        try:
            packages = sorted(self._rapl.glob("intel-rapl:?"))
            if packages:
                return {package.name: _counter(package) for package in packages}
        except PermissionError:
            why = "RAPL counters may be read by root alone"
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
    """Return joules between two readings; a counter begins anew at its range."""
    total = 0
    for name, (end, span) in after.items():
        with suppress(KeyError):
            total += (end - before[name][0]) % span
    return total / 1e6

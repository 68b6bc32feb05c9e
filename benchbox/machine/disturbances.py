"""Finds causes of noisy timings on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import psutil

from benchbox.machine.contention import LoadMeter, disturbance, tree_cpu_seconds
from benchbox.machine.devices import device_named
from benchbox.machine.environment import Environment
from benchbox.machine.nvml import Device
from benchbox.machine.presence import Presence
from benchbox.machine.sensors import Gauges

_WINDOW_SECONDS = 1.1
_BUSIEST = 3
_BUSY_PERCENT = 10.0

_SYSTEM = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        what: Subject of the check, such as ``"clock governor"``.
        found: What was found, and how it affects timings.
        disturbs: Whether it disturbs timings.
    """

    what: str
    found: str
    disturbs: bool = False


def find_disturbances(
    here: Environment, accelerator: str = "", system: Path = _SYSTEM
) -> Iterator[Finding]:
    """Check for about a second what disturbs timings on this machine.

    Args:
        here: Description of the machine.
        accelerator: Name of a device to check as well; empty for none.
        system: Folder in which Linux describes its processors.
    """
    yield _load()
    yield from _other_runs()
    yield from _clocks(here, system)
    yield from _sharing(here, system)
    yield from _power_and_memory()
    yield from _variables(here)
    yield from _sensors()
    if accelerator:
        yield from _accelerator(accelerator)


def _load() -> Finding:
    before = {p: p.cpu_times() for p in _processes()}
    meter = LoadMeter(lambda: tree_cpu_seconds(psutil.Process().pid))
    began = meter.start()
    sleep(_WINDOW_SECONDS)
    used = meter.foreign_cpus(began)
    trouble = disturbance(used)
    if not trouble:
        return Finding("other work", f"{used or 0.0:.2f} processors busy with it")
    names = ", ".join(_busiest(before))
    by = f" (most by {names})" if names else ""
    return Finding("other work", f"{trouble}{by}: trials will be marked", True)


def _other_runs() -> Iterator[Finding]:
    try:
        presence = Presence()
    except OSError as error:
        found = f"cannot be detected, and count as other work: {error}"
        yield Finding("other runs", found)
        return
    runs = presence.runs_now()
    presence.close()
    if runs:
        pids = ", ".join(map(str, runs))
        found = f"benchbox itself runs in process {pids}: wait for it to end"
        yield Finding("other runs", found, True)


def _clocks(here: Environment, system: Path) -> Iterator[Finding]:
    if here.governor:
        steady = here.governor == "performance"
        advice = "" if steady else ": clocks vary with load; 'performance' fixes them"
        yield Finding("clock governor", f"{here.governor}{advice}", not steady)
    boost = _text(system / "cpufreq/boost") == "1"
    no_turbo = _text(system / "intel_pstate/no_turbo")
    if boost or no_turbo == "0":
        found = "on: clocks depend on temperature and the number of busy cores"
        yield Finding("clock boost", found, True)


def _sharing(here: Environment, system: Path) -> Iterator[Finding]:
    if _text(system / "smt/active") == "1":
        found = "on: two threads on a core slow each other down"
        yield Finding("hyper-threading", found, True)
    if here.cpu_quota is not None and here.cpu_quota < here.n_cpus:
        found = (
            f"{here.cpu_quota:g} of {here.n_cpus} processors: more threads than that "
            f"are paused (use --threads {max(1, int(here.cpu_quota))})"
        )
        yield Finding("control group", found, True)
    if "virtual machine" in here.container:
        found = "others on the same hardware may disturb; repeat runs and compare"
        yield Finding("virtual machine", found, True)
    stolen = getattr(psutil.cpu_times_percent(interval=None), "steal", 0.0)
    if stolen >= 1:
        yield Finding("stolen time", f"{stolen:.0f} % taken by the host", True)


def _power_and_memory() -> Iterator[Finding]:
    battery = getattr(psutil, "sensors_battery", lambda: None)()
    if battery is not None and not battery.power_plugged:
        yield Finding("power", "on battery: clocks are reduced", True)
    free = psutil.virtual_memory().available / psutil.virtual_memory().total
    if free < 0.1:
        found = f"{free:.0%} free: trials may wait for the disk"
        yield Finding("memory", found, True)


def _variables(here: Environment) -> Iterator[Finding]:
    if here.variables:
        listed = " ".join(f"{k}={v}" for k, v in here.variables.items())
        yield Finding("variables", f"{listed}: recorded with each run")


def _sensors() -> Iterator[Finding]:
    missing = Gauges("cpu").record().missing.get("processor energy")
    yield Finding("energy", missing or "RAPL counters of the processors can be read")


def _accelerator(name: str) -> Iterator[Finding]:
    device = device_named(name).sensors()
    if not isinstance(device, Device):
        yield Finding("accelerator", device)
        return
    state = device.state()
    if state.throttled:
        found = f"throttled now: {', '.join(state.throttled)}"
        yield Finding("accelerator", found, True)
    parts = (
        ("clock", state.clock_mhz, "MHz"),
        ("temperature", state.temperature_celsius, "°C"),
    )
    known = ", ".join(f"{name} {value} {unit}" for name, value, unit in parts if value)
    yield Finding("accelerator", known or "reports neither clock nor temperature")


def _processes() -> Iterator[psutil.Process]:
    own = psutil.Process()
    ours = {own.pid, *(child.pid for child in own.children(recursive=True))}
    for process in psutil.process_iter():
        try:
            process.cpu_times()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid not in ours:
            yield process


def _busiest(before: dict[psutil.Process, Any]) -> list[str]:
    used = []
    for process, then in before.items():
        try:
            now = process.cpu_times()
            share = (now.user + now.system - then.user - then.system) / _WINDOW_SECONDS
            used.append((100 * share, f"{process.name()} {process.pid}"))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    busy = sorted(used, reverse=True)[:_BUSIEST]
    return [name for percent, name in busy if percent >= _BUSY_PERCENT]


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""

"""`benchbox doctor`: check that this machine is ready to run benchmarks."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Literal

import click
from tabulate import tabulate

from benchbox.cli.common import hand_out, json_option, say, to_json
from benchbox.cli.installed import installed
from benchbox.data import cache_folder
from benchbox.errors import BenchboxError, counted
from benchbox.machine import (
    COMPUTATION,
    FoundDevices,
    describe_environment,
    find_disturbances,
)
from benchbox.records import NOT_ENFORCED, SILENCE_SECONDS, Devices
from benchbox.runs import make_accelerators_known
from benchbox.trials import LocalExecutor, offered

_NEEDED_DISK_GIB = 1.0
_LIMITS = (
    f"a trial that says, prints and computes nothing for {SILENCE_SECONDS / 60:g} min "
    f"is stopped (--silence-limit); --time-limit and --memory-limit set others"
)
_MARGIN = 8
"""Width of the verdict and of the gaps between columns."""


@dataclass(frozen=True, slots=True)
class _Check:
    verdict: Literal["ok", "note", "bad"]
    what: str
    found: str


@click.command("doctor")
@json_option
def command(as_json: bool) -> int:
    """Check that this machine is ready to run benchmarks.

    A "note" is something that may disturb timings, or weakens what guards a run. The
    exit code is 1 if anything is "bad": missing or broken.
    """
    checks = list(_checks())
    if as_json:
        hand_out(to_json([asdict(check) for check in checks]))
    else:
        _print(checks)
    return int(any(c.verdict == "bad" for c in checks))


def _print(checks: list[_Check]) -> None:
    width = shutil.get_terminal_size((100, 24)).columns
    room = max(40, width - max(len(c.what) for c in checks) - _MARGIN)
    rows = [
        (c.verdict, c.what, fill(c.found, room, break_on_hyphens=False)) for c in checks
    ]
    say(tabulate(rows, tablefmt="plain"))
    if any(c.verdict == "note" for c in checks):
        say("\ndocs/timing.md explains the notes about timings.")


def _checks() -> Iterator[_Check]:
    devices, trouble = _devices()
    accelerators = devices.accelerators
    here = describe_environment(accelerators.names)
    yield _Check("ok", "machine", f"{here.machine()}; {here.system}")
    yield _Check("ok", "python", here.python)
    packages = " ".join(f"{name} {number}" for name, number in here.packages.items())
    yield _Check("ok", "packages", packages)
    if trouble:
        yield _Check("bad", "trial process", trouble)
    else:
        yield _Check("ok", "trial process", "starts and responds")
        yield _Check("ok", "trial limits", _LIMITS)
        yield from _accelerator_checks(devices)
    yield _confinement_check()
    yield from _plugin_checks()
    yield _folder_check("download cache", cache_folder())
    yield _folder_check("results", Path("results"))
    for finding in find_disturbances(here, accelerators.first):
        yield _Check("note" if finding.disturbs else "ok", finding.what, finding.found)


def _accelerator_checks(devices: Devices) -> Iterator[_Check]:
    accelerators = devices.accelerators
    found = str(accelerators) if accelerators.names else "none: CPU only"
    yield _Check("ok", "accelerators", found)
    for device, lacks in devices.lacks.items():
        if not lacks:
            yield _Check("ok", device, "all figures can be measured")
        for what, why in lacks.items():
            works = what != COMPUTATION
            yield _Check("note" if works else "bad", device, f"no {what}: {why}")


def _devices() -> tuple[Devices, str]:
    make_accelerators_known(installed())
    with tempfile.TemporaryDirectory(prefix="benchbox-") as name:
        log = Path(name) / "log"
        try:
            with LocalExecutor(1, log) as executor:
                found = executor.try_accelerators()
        except BenchboxError as error:
            return Devices(accelerators=FoundDevices()), str(error)
    return found, ""


def _confinement_check() -> _Check:
    found = offered()
    if found.startswith(NOT_ENFORCED):
        return _Check("note", "confinement", f"{found}; see docs/trust.md")
    return _Check("ok", "confinement", f"trials read only their own files ({found})")


def _plugin_checks() -> Iterator[_Check]:
    registry = installed()
    models, datasets = registry.all("models"), registry.all("datasets")
    found = f"{counted(len(models), 'model')} and {counted(len(datasets), 'data set')}"
    yield _Check("ok" if models and datasets else "bad", "plugins", found)
    for broken in registry.broken:
        yield _Check("bad", "plugin", f"{broken.origin} {broken.reason}")
    for flaw in registry.flaws:
        yield _Check("bad" if flaw.is_plugin else "note", "metadata", str(flaw))


def _folder_check(what: str, folder: Path) -> _Check:
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK):
        return _Check("bad", what, f"{there} is not writable")
    free = shutil.disk_usage(there).free / 2**30
    verdict: Literal["ok", "note"] = "ok" if free >= _NEEDED_DISK_GIB else "note"
    return _Check(verdict, what, f"{folder}, {free:.1f} GiB free")

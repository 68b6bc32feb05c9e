"""Chooses the device of a model from the request, its spec and the machine."""

from collections.abc import Collection, Sequence

import msgspec

from benchbox.errors import UsageError, error_line
from benchbox.machine.accelerator import Accelerator
from benchbox.machine.devices import (
    KINDS,
    SECOND_DEVICE,
    accelerator_targets,
    accelerators_here,
    device_named,
)

AUTO = "auto"
"""An accelerator if there is one and the model supports it, else the processor."""

ANY_ACCELERATOR = "accelerator"
"""In a spec: any kind of accelerator that torch supports."""

COMPUTATION = "computation"
"""Name of what a device lacks that is there but fails."""

_PROCESSOR = KINDS[0]


def _device_choices(kinds: Sequence[str]) -> str:
    named = f"{', '.join([AUTO, *kinds[:-1]])} or {kinds[-1]}"
    return f"{named}; or by number: {SECOND_DEVICE}."


DEVICE_HELP = _device_choices(KINDS)
"""Values of ``--device``, without the kinds of accelerator that plugins add."""


class FoundDevices(msgspec.Struct, frozen=True):
    """The accelerators of a machine.

    Attributes:
        kind: Name of their kind in torch; empty if there are none.
        names: Product name of each.
    """

    kind: str = ""
    names: list[str] = []

    @property
    def first(self) -> str:
        """The first accelerator, such as ``"mps:0"``; empty if there is none."""
        return f"{self.kind}:0" if self.names else ""

    def __str__(self) -> str:
        listed = [f"{self.kind}:{n} ({name})" for n, name in enumerate(self.names)]
        return ", ".join([_PROCESSOR, *listed]) if listed else f"{_PROCESSOR} alone"


def find_devices() -> FoundDevices:
    """Return the accelerators of this machine; must not be called before a fork."""
    return FoundDevices(*accelerators_here())


def what_devices_lack(found: FoundDevices) -> dict[str, dict[str, str]]:
    """Use each accelerator once; return what it lacks, and why, by its name.

    Must not be called before a fork.
    """
    names = [f"{found.kind}:{index}" for index in range(len(found.names))]
    return {name: _lacks(device_named(name)) for name in names}


def _lacks(device: Accelerator) -> dict[str, str]:
    try:
        device.warm_up()
        lacking = device.missing()
    except RuntimeError as error:
        return {COMPUTATION: error_line(error)}
    sensors = device.sensors()
    return lacking | ({"sensors": sensors} if isinstance(sensors, str) else {})


def runs_on(kinds: Collection[str], kind: str) -> bool:
    """Return whether a model whose spec names *kinds* runs on devices of *kind*."""
    return kind in kinds or (kind not in ("", _PROCESSOR) and ANY_ACCELERATOR in kinds)


def device_for(asked: str, kinds: Collection[str], here: FoundDevices) -> str:
    """Return the requested device if the model supports it, else the processor.

    Args:
        asked: Requested device, which is on this machine; or ``auto``.
        kinds: Kinds of device that the model's spec names.
        here: The accelerators of this machine.
    """
    device = here.first if asked == AUTO else asked
    runs = device and runs_on(kinds, device_named(device).kind)
    return device if runs else _PROCESSOR


def check_device(asked: str, here: FoundDevices) -> None:
    """Refuse a device that this machine does not have.

    Raises:
        UsageError: There is no such device.
    """
    if asked in (AUTO, _PROCESSOR):
        return
    try:
        device = device_named(asked)
    except UsageError as error:
        words = _device_choices((_PROCESSOR, *accelerator_targets()))
        raise UsageError(f"{error} Use {words} This machine has {here}.") from None
    if device.kind == here.kind and device.index < len(here.names):
        return
    advice = "" if here.names else ", or install a torch build for your GPU"
    raise UsageError(
        f"Device {asked!r} is not on this machine, which has {here}. "
        f"Use --device {here.first or _PROCESSOR}{advice}."
    )

"""Devices: from a name such as ``"cuda:1"`` to the object that is asked about it.

What differs between the kinds of accelerator is here, and in `nvml` for NVIDIA's
driver. Only methods import torch, and naming a device touches none: a process that has
used an accelerator cannot be forked.
"""

import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from benchbox.errors import UsageError
from benchbox.machine.accelerator import (
    Accelerator,
    AcceleratorSpec,
    Events,
    MemoryPeaks,
    TimedEvent,
)
from benchbox.machine.nvml import Device, open_device
from benchbox.machine.processor import Processor
from benchbox.targets import resolve

VARIABLES = (
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEAPI_DEVICE_SELECTOR",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "PYTORCH_HIP_ALLOC_CONF",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)
"""Environment variables that decide which accelerators there are and how they work."""

PACKAGES = ("nvidia-", "pytorch-triton", "triton")
"""How names of packages begin that hold libraries of accelerators."""

_WARM_UP_SIZE = 256
_NAME = re.compile(r"(?P<kind>[a-z]+)(:(?P<index>0|[1-9][0-9]*))?")


class _TorchEvents:
    """Events of torch on one accelerator."""

    def __init__(self, kind: str, index: int) -> None:
        self._name, self._index = f"{kind}:{index}", index

    def new(self) -> TimedEvent:
        import torch

        return torch.Event(torch.device(self._name), enable_timing=True)

    def record(self, event: Any) -> None:
        import torch

        # Unless it is told the stream, it takes that of the current device.
        event.record(torch.accelerator.current_stream(self._index))


class TorchAccelerator:
    """What torch offers alike for accelerators of every kind."""

    kind: str
    is_accelerator = True
    _cache_property = ""
    """What torch calls the size of the largest cache; empty if it does not tell it."""

    def __init__(self, index: int) -> None:
        self.index = index

    def synchronize(self) -> None:
        """Wait for all work on the device."""
        import torch

        torch.accelerator.synchronize(self.index)

    def warm_up(self) -> None:
        """Create its context and library handles."""
        import torch

        square = torch.zeros(_WARM_UP_SIZE, _WARM_UP_SIZE, device=self._name)
        (square @ square).sum().item()

    def events(self) -> Events | None:
        """Return what times work in its own queue, if that works."""
        events = _TorchEvents(self.kind, self.index)
        try:
            started, ended = events.new(), events.new()
            events.record(started)
            events.record(ended)
            self.synchronize()
            started.elapsed_time(ended)
        except RuntimeError:
            # Drivers differ, and no trial shall fail for the sake of a clock.
            return None
        return events

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return the most memory taken so far, if torch tells it."""
        module = _module(self.kind)
        if not hasattr(module, "max_memory_allocated"):
            return None
        return MemoryPeaks(
            allocated_bytes=module.max_memory_allocated(self.index),
            reserved_bytes=module.max_memory_reserved(self.index),
        )

    def cache_bytes(self) -> int | None:
        """Return the size of its largest cache, if torch tells it."""
        if not self._cache_property:
            return None
        properties = _module(self.kind).get_device_properties(self.index)
        # A driver that does not know the size says 0.
        return getattr(properties, self._cache_property, 0) or None

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return what overwrites so many bytes of its memory."""
        import torch

        block = torch.empty(n_bytes, dtype=torch.int8, device=self._name)

        def overwrite() -> None:
            block.zero_()
            self.synchronize()

        return overwrite

    def settings(self) -> dict[str, str]:
        """Return what decides the arithmetic of its matrix products."""
        return {}

    def sensors(self) -> Device | str:
        """Return what reads its sensors, or why nothing does."""
        return f"benchbox reads no sensors of {self.kind} devices"

    def missing(self) -> dict[str, str]:
        """Return why figures are missing, by their names."""
        told = {
            "accelerator memory": self.memory_peaks(),
            "cache size": self.cache_bytes(),
            "step times": self.events(),
        }
        why = f"torch does not tell it of this {self.kind} device"
        return {what: why for what, figure in told.items() if figure is None}

    def names(self) -> list[str]:
        """Return the product name of each device of this kind."""
        module = _module(self.kind)
        return [module.get_device_name(n) for n in range(module.device_count())]

    @property
    def _name(self) -> str:
        return f"{self.kind}:{self.index}"


class Cuda(TorchAccelerator):
    """Devices of NVIDIA; and of AMD, if torch is built for ROCm."""

    kind = "cuda"
    _cache_property = "L2_cache_size"

    def settings(self) -> dict[str, str]:
        """Return what decides the arithmetic of its matrix products."""
        from torch import backends

        return {
            "cuda matmul tf32": _lower(backends.cuda.matmul.allow_tf32),
            "cudnn tf32": _lower(backends.cudnn.allow_tf32),
            "cudnn benchmark": _lower(backends.cudnn.benchmark),
        }

    def sensors(self) -> Device | str:
        """Return what reads its sensors, or why nothing does."""
        if "rocm" in version("torch"):
            return "benchbox reads no sensors of ROCm devices"
        return open_device(self.index)


class Xpu(TorchAccelerator):
    """Devices of Intel."""

    kind = "xpu"
    _cache_property = "last_level_cache_size"

    def settings(self) -> dict[str, str]:
        """Return what decides the arithmetic of its matrix products."""
        from torch import backends

        # This decides, not torch.set_float32_matmul_precision (pytorch/pytorch#144240).
        tf32 = getattr(backends.mkldnn, "allow_tf32", None)
        return {} if tf32 is None else {"onednn tf32": _lower(tf32)}


class Mps(TorchAccelerator):
    """The graphics processor of an Apple chip."""

    kind = "mps"

    def synchronize(self) -> None:
        """Wait for all work on the device."""
        # torch.accelerator.synchronize does not wait in 2.6 (pytorch/pytorch#143171).
        _module(self.kind).synchronize()

    def events(self) -> Events | None:
        """Return what times work in its own queue, if that works."""
        # An event notes when the host hears of it, and two may be heard of in the wrong
        # order (pytorch/pytorch#196395). No duration is better than a wrong one.
        return None

    def names(self) -> list[str]:
        """Return the product name of each device of this kind."""
        import torch

        name = getattr(torch.backends.mps, "get_name", lambda: "Apple GPU")
        return [name() for _ in range(_module(self.kind).device_count())]


OWN_ACCELERATORS = tuple(
    AcceleratorSpec(
        name=kind.kind, summary=summary, target=f"{__name__}:{kind.__name__}"
    )
    for kind, summary in (
        (Cuda, "NVIDIA; and AMD, if torch is built for ROCm"),
        (Mps, "the graphics processor of an Apple chip"),
        (Xpu, "Intel"),
    )
)
"""The kinds of accelerator that benchbox itself knows."""

KINDS = (Processor.kind, *(kind.name for kind in OWN_ACCELERATORS))
"""The kinds of device that benchbox itself knows, the processor first."""

_targets = {kind.name: kind.target for kind in OWN_ACCELERATORS}

SECOND_DEVICE = f"{Cuda.kind}:1"
"""An example of a device that is not the first of its kind."""


def device_named(name: str) -> Accelerator:
    """Return the device called *name*, such as ``"cpu"``, ``"mps"`` or ``"xpu:1"``.

    This touches no device, and does not ask whether it is on this machine.

    Raises:
        UsageError: No device has such a name.
    """
    found = _NAME.fullmatch(name)
    if name == Processor.kind:
        return Processor()
    if found and found["kind"] in _targets:
        device: Accelerator = resolve(_targets[found["kind"]])(int(found["index"] or 0))
        return device
    raise UsageError(f"No device is called {name!r}.")


def accelerator_targets() -> Mapping[str, str]:
    """Return the class of each kind of accelerator, as ``"package.module:Class"``."""
    return dict(_targets)


def set_accelerators(targets: Mapping[str, str]) -> None:
    """Say which kinds of accelerator this process knows, in place of those so far.

    Args:
        targets: The class of each kind, as ``"package.module:Class"``.
    """
    _targets.clear()
    _targets.update(targets)


def accelerators_here() -> tuple[str, list[str]]:
    """Return the kind of the accelerators that torch finds, and the name of each.

    A machine has one kind at most; it is empty where there is none. Asking can touch
    the accelerators, so the process must not be forked afterwards.
    """
    import torch

    # In this order: where there is none, torch 2.6 does not answer the second question.
    if not torch.accelerator.is_available():
        return "", []
    current = torch.accelerator.current_accelerator()
    if current is None or current.type not in _targets:
        return "", []
    return current.type, resolve(_targets[current.type])(0).names()


def accelerator_in_use() -> str:
    """Return the kind of accelerator that this process has used; empty if none.

    Such a process must not be forked. torch does not tell it of MPS.
    """
    for kind in _targets:
        try:
            module = _module(kind)
        except RuntimeError:
            # This torch does not know the kind; its package is not imported.
            continue
        if hasattr(module, "is_initialized") and module.is_initialized():
            return kind
    return ""


def _module(kind: str) -> Any:
    import torch

    return torch.get_device_module(kind)


def _lower(setting: bool) -> str:
    return str(setting).lower()

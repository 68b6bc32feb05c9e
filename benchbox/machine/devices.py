"""The built-in accelerators, and look-up of devices by name such as ``"cuda:1"``.

All differences between kinds of accelerator are here, except for NVIDIA's driver, which
is in `nvml`. Only methods import torch, and looking up a device does not initialise it,
because a process that has used an accelerator cannot be forked.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from benchbox.errors import UsageError, message_of
from benchbox.machine.accelerator import (
    Accelerator,
    AcceleratorSpec,
    Events,
    MemoryPeaks,
    TimedEvent,
)
from benchbox.machine.distributions import package_version
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
"""Environment variables that affect which accelerators are visible or how they work."""

_VISIBLE = {"cuda": ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")}
"""By kind, the variables that list which devices of the machine a process sees."""

PACKAGES = ("nvidia-", "pytorch-triton", "triton")

LIBRARY_FOLDERS = (
    "/run/opengl-driver",
    "/opt/cuda*",
    "/opt/rocm*",
    "/opt/amdgpu*",
    "/opt/intel",
    "/opt/nvidia",
)
"""Patterns of the folders with the libraries of accelerators, besides the system's."""

LIBRARY_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "ROCM_PATH")
"""Environment variables that name other such folders."""

CACHE_VARIABLES = {"CUDA_CACHE_PATH": "cuda", "CUPY_CACHE_DIR": "cupy"}
"""Variables that name caches of accelerators' code, and usual names of the folders."""
"""Prefixes of package names with libraries for accelerators."""

STEP_EVENTS = "step events"
"""Name of what a device lacks that cannot time steps itself."""

_WARM_UP_SIZE = 256
_NAME = re.compile(r"(?P<kind>[a-z]+)(:(?P<index>0|[1-9][0-9]*))?")


class _TorchEvents:
    """torch events on one accelerator."""

    def __init__(self, kind: str, index: int) -> None:
        self._name, self._index = f"{kind}:{index}", index

    def new(self) -> TimedEvent:
        import torch

        return torch.Event(torch.device(self._name), enable_timing=True)

    def record(self, event: Any) -> None:
        import torch

        # By default, it would use the stream of the current device.
        event.record(torch.accelerator.current_stream(self._index))


class TorchAccelerator:
    """The features that torch provides for every kind of accelerator."""

    kind: str
    is_accelerator = True
    _cache_property = ""
    """torch's property for the size of the largest cache; empty if there is none."""

    def __init__(self, index: int) -> None:
        self.index = index

    def synchronize(self) -> None:
        """Wait for all work on the device."""
        import torch

        torch.accelerator.synchronize(self.index)

    def warm_up(self) -> None:
        """Create the context and library handles."""
        import torch

        square = torch.zeros(_WARM_UP_SIZE, _WARM_UP_SIZE, device=self._name)
        (square @ square).sum().item()

    def events(self) -> Events | None:
        """Return events that time work in the device's queue, if they work."""
        events = _TorchEvents(self.kind, self.index)
        try:
            started, ended = events.new(), events.new()
            events.record(started)
            events.record(ended)
            self.synchronize()
            started.elapsed_time(ended)
        except RuntimeError:
            # Some drivers do not support this; a trial must not fail for lack of it.
            return None
        return events

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return the peak memory so far, if torch knows it."""
        module = _module(self.kind)
        if not hasattr(module, "max_memory_allocated"):
            return None
        return MemoryPeaks(
            allocated_bytes=module.max_memory_allocated(self.index),
            reserved_bytes=module.max_memory_reserved(self.index),
        )

    def cache_bytes(self) -> int | None:
        """Return the size of the largest cache in bytes, if torch knows it."""
        if not self._cache_property:
            return None
        properties = _module(self.kind).get_device_properties(self.index)
        # Drivers that do not know the size report 0.
        return getattr(properties, self._cache_property, 0) or None

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return a function that overwrites *n_bytes* of the device's memory."""
        import torch

        block = torch.empty(n_bytes, dtype=torch.int8, device=self._name)

        def overwrite() -> None:
            block.zero_()
            self.synchronize()

        return overwrite

    def settings(self) -> dict[str, str]:
        """Return the settings that affect matrix products."""
        return {}

    def sensors(self) -> Device | str:
        """Return a reader of the sensors, or why there is none."""
        return f"benchbox cannot read sensors of {self.kind} devices"

    def missing(self) -> dict[str, str]:
        """Return the reason for each missing figure, by its name."""
        figures = {
            "accelerator memory": self.memory_peaks(),
            "cache size": self.cache_bytes(),
        }
        why = f"torch does not report it for this {self.kind} device"
        found = {what: why for what, figure in figures.items() if figure is None}
        if self.events() is None:
            found[STEP_EVENTS] = (
                f"torch has none to rely on for this {self.kind} device, so the host "
                f"times some steps, and waits for the device before and after them"
            )
        return found

    def names(self) -> list[str]:
        """Return the product name of each device of this kind."""
        module = _module(self.kind)
        return [module.get_device_name(n) for n in range(module.device_count())]

    @property
    def _name(self) -> str:
        return f"{self.kind}:{self.index}"


class Cuda(TorchAccelerator):
    """NVIDIA devices; also AMD devices, if torch is built for ROCm."""

    kind = "cuda"
    _cache_property = "L2_cache_size"

    def settings(self) -> dict[str, str]:
        """Return the settings that affect matrix products."""
        from torch import backends

        return {
            "cuda matmul tf32": _lower(backends.cuda.matmul.allow_tf32),
            "cudnn tf32": _lower(backends.cudnn.allow_tf32),
            "cudnn benchmark": _lower(backends.cudnn.benchmark),
        }

    def sensors(self) -> Device | str:
        """Return a reader of the sensors, or why there is none."""
        if "rocm" in package_version("torch"):
            return "benchbox cannot read sensors of ROCm devices"
        return open_device(self.index)


class Xpu(TorchAccelerator):
    """Intel devices."""

    kind = "xpu"
    _cache_property = "last_level_cache_size"

    def settings(self) -> dict[str, str]:
        """Return the settings that affect matrix products."""
        from torch import backends

        # set_float32_matmul_precision has no effect here (pytorch/pytorch#144240).
        tf32 = getattr(backends.mkldnn, "allow_tf32", None)
        return {} if tf32 is None else {"onednn tf32": _lower(tf32)}


class Mps(TorchAccelerator):
    """The GPU of an Apple chip."""

    kind = "mps"

    def synchronize(self) -> None:
        """Wait for all work on the device."""
        # torch.accelerator.synchronize does not wait in 2.6 (pytorch/pytorch#143171).
        _module(self.kind).synchronize()

    def events(self) -> Events | None:
        """Return `None`: events on these devices are unreliable."""
        # An event records when the host is notified, and notifications can arrive in
        # the wrong order (pytorch/pytorch#196395). No duration is better than a wrong
        # one.
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
"""The built-in kinds of accelerator."""

KINDS = (Processor.kind, *(kind.name for kind in OWN_ACCELERATORS))
"""The built-in kinds of device, the processor first."""

_targets = {kind.name: kind.target for kind in OWN_ACCELERATORS}

SECOND_DEVICE = f"{Cuda.kind}:1"
"""An example of a device that is not the first of its kind."""


def place_of(device: Accelerator) -> str:
    """Return kind and number of a device among all of the machine, for a file's name.

    A process may see only some, and numbers those from 0.
    """
    number = str(device.index)
    for name in _VISIBLE.get(device.kind, ()):
        seen = [part.strip() for part in os.environ.get(name, "").split(",")]
        if device.index < len(seen) and seen[device.index]:
            number = re.sub(r"\W", "-", seen[device.index])
            break
    return f"{device.kind}-{number}"


def device_named(name: str) -> Accelerator:
    """Return the device called *name*, such as ``"cpu"``, ``"mps"`` or ``"xpu:1"``.

    It does not initialise the device or check that this machine has it.

    Raises:
        UsageError: The name is not a known kind of device, or has the wrong form.
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
    """Replace the kinds of accelerator that this process knows.

    Args:
        targets: Class of each kind, as ``"package.module:Class"``.
    """
    _targets.clear()
    _targets.update(targets)


def accelerators_here() -> tuple[str, list[str]]:
    """Return the kind of the accelerators that torch finds, and their names.

    A machine has at most one kind; it is empty if there is none. This can initialise
    the accelerators, so the process must not be forked afterwards.
    """
    import torch

    # Without an accelerator, current_accelerator() fails in torch 2.6.
    if not torch.accelerator.is_available():
        return "", []
    current = torch.accelerator.current_accelerator()
    if current is None or current.type not in _targets:
        return "", []
    return current.type, resolve(_targets[current.type])(0).names()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether *error* says that an accelerator has too little memory."""
    if type(error).__name__ == "OutOfMemoryError":
        return True
    # MPS and cuBLAS have no class of their own for it.
    text = message_of(error)
    return isinstance(error, RuntimeError) and (
        "backend out of memory" in text or "STATUS_ALLOC_FAILED" in text
    )


def accelerator_in_use() -> str:
    """Return the kind of accelerator that this process has used; empty if none.

    Such a process must not be forked. torch does not report the use of MPS.
    """
    for kind in _targets:
        try:
            module = _module(kind)
        except RuntimeError:
            # The package that adds this kind to torch is not imported.
            continue
        if hasattr(module, "is_initialized") and module.is_initialized():
            return kind
    return ""


def _module(kind: str) -> Any:
    import torch

    return torch.get_device_module(kind)


def _lower(setting: bool) -> str:
    return str(setting).lower()

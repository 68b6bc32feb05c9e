"""NVML: what the NVIDIA driver measures, where it and its Python binding are there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

# Bits of nvmlClocksEventReasons that mean slower than asked for (nvml.h).
_THROTTLES = {
    0x0000000000000004: "power cap",
    0x0000000000000008: "hardware slowdown",
    0x0000000000000020: "software thermal slowdown",
    0x0000000000000040: "hardware thermal slowdown",
    0x0000000000000080: "power brake",
}


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An NVIDIA device.

    Attributes:
        name: Its product name.
        uuid: Its identity.
        memory_bytes: Its memory.
        driver: Version of the driver.
        cuda: Newest CUDA the driver can serve.
    """

    name: str
    uuid: str
    memory_bytes: int
    driver: str
    cuda: str


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a device; what it cannot tell is `None`.

    Attributes:
        energy_joules: Since the driver was loaded.
        clock_mhz: Clock of its multiprocessors.
        temperature_celsius: Of the chip.
        process_bytes: Memory it holds for one process.
        throttled: Why it runs slower than asked for.
    """

    energy_joules: float | None = None
    clock_mhz: int | None = None
    temperature_celsius: int | None = None
    process_bytes: int | None = None
    throttled: tuple[str, ...] = ()


class Device:
    """A device that can be looked at again and again.

    Args:
        handle: NVML's handle of it.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def state(self, pid: int | None = None) -> DeviceState:
        """Look at the device, and at what process *pid* holds of it."""
        nvml = _library()
        energy = _ask(nvml.nvmlDeviceGetTotalEnergyConsumption, self._handle)
        return DeviceState(
            energy_joules=None if energy is None else energy / 1000,
            clock_mhz=_ask(
                nvml.nvmlDeviceGetClockInfo, self._handle, nvml.NVML_CLOCK_SM
            ),
            temperature_celsius=_ask(
                nvml.nvmlDeviceGetTemperature, self._handle, nvml.NVML_TEMPERATURE_GPU
            ),
            process_bytes=self._held_by(pid),
            throttled=self._throttled(),
        )

    def _held_by(self, pid: int | None) -> int | None:
        nvml = _library()
        running = _ask(nvml.nvmlDeviceGetComputeRunningProcesses, self._handle)
        for process in running or ():
            if process.pid == pid:
                held: int | None = process.usedGpuMemory
                return held
        return None

    def _throttled(self) -> tuple[str, ...]:
        nvml = _library()
        bits = _ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, self._handle) or 0
        return tuple(name for bit, name in _THROTTLES.items() if bits & bit)


def open_device(number: int) -> Device | str:
    """Return the device that torch calls ``cuda:number``, or why it cannot be seen.

    ``CUDA_VISIBLE_DEVICES`` is followed where it holds numbers or UUIDs.
    """
    nvml = _library()
    if nvml is None:
        return "nvidia-ml-py is not installed (pip install benchbox-recsys[gpu])"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    chosen = [part.strip() for part in visible.split(",") if part.strip()]
    try:
        nvml.nvmlInit()
        place = chosen[number] if chosen else str(number)
        if place.isdecimal():
            return Device(nvml.nvmlDeviceGetHandleByIndex(int(place)))
        return Device(nvml.nvmlDeviceGetHandleByUUID(place))
    except (nvml.NVMLError, IndexError) as error:
        return f"NVML cannot see cuda:{number}: {error}"


def describe_devices() -> list[DeviceRecord]:
    """Return a record of each NVIDIA device; none where NVML cannot be asked."""
    nvml = _library()
    if nvml is None:
        return []
    with suppress(nvml.NVMLError), _opened(nvml):
        return [
            _describe(nvml, nvml.nvmlDeviceGetHandleByIndex(number))
            for number in range(nvml.nvmlDeviceGetCount())
        ]
    return []


def _describe(nvml: Any, handle: Any) -> DeviceRecord:
    cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
    return DeviceRecord(
        name=nvml.nvmlDeviceGetName(handle),
        uuid=nvml.nvmlDeviceGetUUID(handle),
        memory_bytes=nvml.nvmlDeviceGetMemoryInfo(handle).total,
        driver=nvml.nvmlSystemGetDriverVersion(),
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",
    )


@contextmanager
def _opened(nvml: Any) -> Iterator[None]:
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _ask(question: Any, *arguments: Any) -> Any:
    """Return the answer; `None` for what this device cannot tell."""
    nvml = _library()
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def _library() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml

"""Reads the sensors of NVIDIA devices through NVML, if it is installed."""

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
        name: Product name.
        uuid: Unique identifier of the device.
        memory_bytes: Size of its memory in bytes.
        driver: Version of the driver.
        cuda: Newest CUDA version that the driver supports.
    """

    name: str
    uuid: str
    memory_bytes: int
    driver: str
    cuda: str


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a device at one moment; figures it does not provide are `None`.

    Attributes:
        energy_joules: Energy used since the driver was loaded.
        clock_mhz: Clock of the multiprocessors.
        temperature_celsius: Temperature of the chip.
        process_bytes: Memory in use by one process, in bytes.
        throttled: Reasons why the device is throttled; empty if it is not.
    """

    energy_joules: float | None = None
    clock_mhz: int | None = None
    temperature_celsius: int | None = None
    process_bytes: int | None = None
    throttled: tuple[str, ...] = ()


class Device:
    """Reads the state of a device.

    Args:
        handle: NVML's handle of the device.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def state(self, pid: int | None = None) -> DeviceState:
        """Return the state of the device, with the memory of process *pid*."""
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
    """Return the device that torch calls ``cuda:number``, or why NVML does not see it.

    Numbers and UUIDs in ``CUDA_VISIBLE_DEVICES`` are respected.
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
    """Return a record of each NVIDIA device; empty if NVML is not available."""
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
    """Return the answer, or `None` if the device does not support the question."""
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

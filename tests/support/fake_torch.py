"""A torch with accelerators of any kind, on a machine that has none."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest


class FakeEvent:
    """Notes when, and in which stream, it was recorded."""

    def __init__(self, torch: "FakeTorch", device: str, *, enable_timing: bool) -> None:
        if not torch.has_events:
            raise NotImplementedError("Event is not supported on this device")
        assert enable_timing
        self.device, self.stream = device, ""
        self.torch, self.at = torch, 0.0
        torch.events.append(self)

    def record(self, stream: str = "stream of device 0") -> None:
        # Like torch, it takes the stream of the current device if it is told none.
        self.stream, self.at = stream, self.torch.now

    def elapsed_time(self, end_event: "FakeEvent") -> float:
        return end_event.at - self.at


class FakeTensor:
    """Knows its size and device, and counts how often it is overwritten."""

    def __init__(self, size: tuple[int, ...], device: str) -> None:
        self.size, self.device, self.n_writes = size, device, 0

    def zero_(self) -> None:
        self.n_writes += 1

    def __matmul__(self, other: "FakeTensor") -> "FakeTensor":
        return self

    def sum(self) -> "FakeTensor":
        return self

    def item(self) -> float:
        return 0.0


class FakeTorch(SimpleNamespace):
    """Stands in for the module ``torch``, which `benchbox.machine` imports when asked.

    Args:
        monkeypatch: Puts it in torch's place.
        kind: Kind of accelerator it is built for; empty for none.
        n_devices: How many of them there are.
        properties: What ``get_device_properties`` tells.

    Attributes:
        has_events: Whether events can be made.
        now: Milliseconds on the clock of the accelerator.
        events: Every event made.
        tensors: Every tensor made.
        waits: Index of each device waited for; `None` for MPS's own function.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        n_devices: int = 1,
        **properties: int,
    ) -> None:
        super().__init__()
        self.kind, self.n_devices = kind, n_devices
        self.has_events, self.now = True, 0.0
        self.events: list[FakeEvent] = []
        self.tensors: list[FakeTensor] = []
        self.waits: list[int | None] = []
        self.int8 = "int8"
        self.accelerator = SimpleNamespace(
            current_accelerator=self._current,
            is_available=lambda: bool(self.n_devices),
            synchronize=self.waits.append,
            current_stream="stream of device {}".format,
        )
        precise = SimpleNamespace(allow_tf32=False)
        self.backends = SimpleNamespace(
            cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)),
            cudnn=SimpleNamespace(allow_tf32=True, benchmark=False),
            mkldnn=precise,
            mps=SimpleNamespace(get_name=lambda: "Apple M9"),
        )
        self.modules = {
            name: SimpleNamespace(
                device_count=lambda: self.n_devices,
                get_device_name=f"{name} number {{}}".format,
                get_device_properties=lambda index: SimpleNamespace(**properties),
                max_memory_allocated=lambda index: 300 + index,
                max_memory_reserved=lambda index: 500 + index,
                is_initialized=lambda: False,
            )
            for name in ("cuda", "xpu", kind)
        }
        # torch has fewer functions for it.
        self.modules["mps"] = SimpleNamespace(
            device_count=lambda: self.n_devices,
            synchronize=lambda: self.waits.append(None),
        )
        monkeypatch.setitem(sys.modules, "torch", self)  # type: ignore[arg-type]

    def _current(self) -> Any:
        if not self.n_devices:
            raise RuntimeError("Cannot access accelerator device when none is there")
        return SimpleNamespace(type=self.kind)

    def device(self, name: str) -> str:
        return name

    def get_device_module(self, kind: str) -> Any:
        return self.modules[kind]

    def Event(self, device: str, *, enable_timing: bool) -> FakeEvent:
        return FakeEvent(self, device, enable_timing=enable_timing)

    def zeros(self, *size: int, device: str) -> FakeTensor:
        return self.empty(*size, dtype="float32", device=device)

    def empty(self, *size: int, dtype: str, device: str) -> FakeTensor:
        self.tensors.append(FakeTensor(size, device))
        return self.tensors[-1]

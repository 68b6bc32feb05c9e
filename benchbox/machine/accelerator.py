"""The interface of devices, and the record with which plugins add accelerators."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from benchbox.machine.nvml import Device


class MemoryPeaks(NamedTuple):
    """Peak memory of this process on an accelerator.

    Attributes:
        allocated_bytes: Peak memory of tensors, in bytes.
        reserved_bytes: Peak memory reserved by the allocator, in bytes.
    """

    allocated_bytes: int
    reserved_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorSpec:
    """A kind of accelerator; making or listing one imports nothing.

    Attributes:
        name: Name of the kind in torch.
        summary: One-line description.
        target: Class of its devices, as ``"package.module:Class"``, which implements
            `Accelerator` and is called with the number of the device. Its module must
            import torch inside methods only.
    """

    name: str
    summary: str
    target: str


class TimedEvent(Protocol):
    """An event in the queue of an accelerator, which records when it was reached."""

    def elapsed_time(self, end_event: Any, /) -> float:
        """Return the milliseconds from this event to *end_event*."""


class Events(Protocol):
    """Times work in the accelerator's own queue."""

    def new(self) -> TimedEvent:
        """Return an event, which may be recorded several times."""

    def record(self, event: TimedEvent) -> None:
        """Put *event* into the queue after all work so far."""


class Accelerator(Protocol):
    """The interface of a device, including the processor.

    Figures that a device does not provide are `None`, and `missing` says why.

    Attributes:
        kind: Name of the kind of device in torch.
        index: Number among the devices of that kind, from 0.
        is_accelerator: Whether the device works asynchronously, so that calls return
            before their work is done. A process that has used it cannot be forked.
    """

    kind: str
    index: int
    is_accelerator: bool

    def synchronize(self) -> None:
        """Wait for all work on the device."""

    def warm_up(self) -> None:
        """Create the context and library handles, which takes about a second.

        This happens before timing starts, so that no model pays for it.
        """

    def events(self) -> Events | None:
        """Return events that time work in the device's queue, or `None`."""

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return the peak memory of this process on the device so far."""

    def cache_bytes(self) -> int | None:
        """Return the size of the largest cache in bytes."""

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return a function that overwrites *n_bytes* of memory and waits for the end.

        On a processor with several last-level caches, this empties the cache of the
        core that runs the calling thread.
        """

    def settings(self) -> dict[str, str]:
        """Return the current settings that affect matrix products, by name."""

    def sensors(self) -> Device | str:
        """Return a reader of energy, clock and temperature, or why there is none."""

    def missing(self) -> dict[str, str]:
        """Return the reason for each missing figure of a trial, by its name."""

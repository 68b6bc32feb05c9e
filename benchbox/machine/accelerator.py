"""Accelerator: what the code asks of the device of a trial, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from benchbox.machine.nvml import Device


class MemoryPeaks(NamedTuple):
    """The most memory of an accelerator that this process has taken.

    Attributes:
        allocated_bytes: For tensors.
        reserved_bytes: By the allocator, for them.
    """

    allocated_bytes: int
    reserved_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorSpec:
    """A kind of accelerator; making or listing one imports nothing.

    Attributes:
        name: What torch calls such devices.
        summary: One line for people.
        target: The class of its devices, as ``"package.module:Class"``. It is called
            with the number of the device, and is an `Accelerator`; its module imports
            torch in methods only.
    """

    name: str
    summary: str
    target: str


class TimedEvent(Protocol):
    """A mark in the queue of an accelerator, which notes when it was reached."""

    def elapsed_time(self, end_event: Any, /) -> float:
        """Return the milliseconds from this event to *end_event*."""


class Events(Protocol):
    """Times work in the accelerator's own queue."""

    def new(self) -> TimedEvent:
        """Return an event; it may be recorded again and again."""

    def record(self, event: TimedEvent) -> None:
        """Put *event* into the queue, behind all work so far."""


class Accelerator(Protocol):
    """What is asked of a device, be it only the processor.

    What a device cannot tell is `None`, and `missing` says so.

    Attributes:
        kind: What torch calls such devices.
        index: Number among the devices of that kind, from 0.
        is_accelerator: Whether work goes on there after a call has returned. A process
            that has used such a device cannot be forked.
    """

    kind: str
    index: int
    is_accelerator: bool

    def synchronize(self) -> None:
        """Wait for all work on the device."""

    def warm_up(self) -> None:
        """Create its context and library handles, which takes a second once.

        No model asked for them, so no model pays for them.
        """

    def events(self) -> Events | None:
        """Return what times work in the device's own queue."""

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return the most memory of the device that this process has taken so far."""

    def cache_bytes(self) -> int | None:
        """Return the size of its largest cache."""

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return what overwrites *n_bytes* of its memory, and waits until it is done.

        A processor with several last-level caches has the one emptied that the calling
        thread runs beside.
        """

    def settings(self) -> dict[str, str]:
        """Return what decides the arithmetic of its matrix products, as it is now."""

    def sensors(self) -> Device | str:
        """Return what reads its energy, clock and temperature, or why nothing does."""

    def missing(self) -> dict[str, str]:
        """Return why a figure of a trial on the device is missing, by its name."""

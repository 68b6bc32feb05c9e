"""Processor: the device that every machine has, whose calls end with their work."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchbox.machine.accelerator import Events, MemoryPeaks
from benchbox.machine.nvml import Device

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


class Processor:
    """The processor; see `Accelerator`."""

    kind = "cpu"
    index = 0
    is_accelerator = False

    def synchronize(self) -> None:
        """Return at once: no work is left."""

    def warm_up(self) -> None:
        """Return at once: there is no context to create."""

    def events(self) -> Events | None:
        """Return nothing: the host's clock times a processor."""
        return None

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return nothing: its memory is that of the process."""
        return None

    def cache_bytes(self, folder: Path = _CACHES) -> int | None:
        """Return the size of its largest cache, where Linux tells it in *folder*."""
        sizes = []
        for file in folder.glob("index*/size"):
            text = file.read_text().strip()
            if text.endswith(("K", "M")) and text[:-1].isdecimal():
                sizes.append(int(text[:-1]) << (10 if text.endswith("K") else 20))
        return max(sizes, default=None)

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return what adds 1 to each of *n_bytes*."""
        buffer = np.zeros(n_bytes, dtype=np.uint8)

        def overwrite() -> None:
            np.add(buffer, 1, out=buffer)

        return overwrite

    def settings(self) -> dict[str, str]:
        """Return nothing: it has no settings of its own."""
        return {}

    def sensors(self) -> Device | str:
        """Return why no sensors of an accelerator are read."""
        return "the trial used no accelerator"

    def missing(self) -> dict[str, str]:
        """Return nothing: no figure of an accelerator is expected."""
        return {}

"""The processor as a device; its calls return when their work is done."""

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
        """Do nothing: there is no pending work."""

    def warm_up(self) -> None:
        """Do nothing: there is no context to create."""

    def events(self) -> Events | None:
        """Return `None`: the host's clock times a processor."""
        return None

    def memory_peaks(self) -> MemoryPeaks | None:
        """Return `None`: its memory is that of the process."""
        return None

    def cache_bytes(self, folder: Path = _CACHES) -> int | None:
        """Return the size of the largest cache in bytes, if *folder* contains it."""
        sizes = []
        for file in folder.glob("index*/size"):
            text = file.read_text().strip()
            if text.endswith(("K", "M")) and text[:-1].isdecimal():
                sizes.append(int(text[:-1]) << (10 if text.endswith("K") else 20))
        return max(sizes, default=None)

    def overwriter(self, n_bytes: int) -> Callable[[], None]:
        """Return a function that adds 1 to each of *n_bytes*."""
        buffer = np.zeros(n_bytes, dtype=np.uint8)

        def overwrite() -> None:
            np.add(buffer, 1, out=buffer)

        return overwrite

    def settings(self) -> dict[str, str]:
        """Return an empty dictionary: there are no settings specific to it."""
        return {}

    def sensors(self) -> Device | str:
        """Return why there are no accelerator sensors."""
        return "the trial used no accelerator"

    def missing(self) -> dict[str, str]:
        """Return an empty dictionary: no accelerator figures are expected."""
        return {}

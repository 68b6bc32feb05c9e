"""Peak memory of a process, and resetting it."""

import resource
import sys
from contextlib import suppress
from typing import BinaryIO

_CLEAR_REFS = "/proc/self/clear_refs"

_kept: list[BinaryIO] = []
"""The file above, open from before this process was confined."""


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak resident set size in *usage*, in bytes."""
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def keep_peak_memory_resettable() -> None:
    """Let `reset_peak_memory` work once more after this process is confined."""
    with suppress(OSError):
        _kept.append(open(_CLEAR_REFS, "wb", buffering=0))


def reset_peak_memory() -> bool:
    """Reset the peak memory of this process; return whether the system supports it.

    Without this, a forked process starts with the peak of its parent.
    """
    with suppress(OSError):
        with _kept.pop() if _kept else open(_CLEAR_REFS, "wb", buffering=0) as file:
            # "5" resets the high-water mark (proc(5)).
            file.write(b"5")
        return True
    return False

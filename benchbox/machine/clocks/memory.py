"""Peak memory of a process, and resetting it."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak resident set size in *usage*, in bytes."""
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reset_peak_memory() -> bool:
    """Reset the peak memory of this process; return whether the system supports it.

    Without this, a forked process starts with the peak of its parent.
    """
    with suppress(OSError):
        # "5" resets the high-water mark (proc(5)).
        _CLEAR_REFS.write_text("5")
        return True
    return False

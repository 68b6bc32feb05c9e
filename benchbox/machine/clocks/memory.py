"""Memory: the most a process has held, counted from a moment of our choice."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the largest resident set *usage* tells of."""
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def reset_peak_memory() -> bool:
    """Count this process's peak from now on; return whether the system can do that.

    A forked process otherwise starts with the peak of the one it was forked from.
    """
    with suppress(OSError):
        # "5" resets the high-water mark (proc(5)).
        _CLEAR_REFS.write_text("5")
        return True
    return False

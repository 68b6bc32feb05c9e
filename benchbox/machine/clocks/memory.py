"""Peak memory of a process, and resetting it."""

import resource
import sys
from contextlib import suppress
from io import FileIO

_CLEAR_REFS = "/proc/self/clear_refs"

_kept: list[FileIO] = []
"""The file above, open from before this process was confined."""


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak resident set size in *usage*, in bytes."""
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def keep_peak_memory_resettable() -> None:
    """Let `reset_peak_memory` work once more after this process is confined."""
    with suppress(OSError):
        _kept.append(_opened())


def reset_peak_memory() -> bool:
    """Reset the peak memory of this process; return whether the system supports it.

    Without this, a forked process starts with the peak of its parent.
    """
    with suppress(OSError):
        with _kept.pop() if _kept else _opened() as file:
            # "5" resets the high-water mark (proc(5)).
            file.write(b"5")
        return True
    return False


def _opened() -> FileIO:
    return FileIO(_CLEAR_REFS, "w")

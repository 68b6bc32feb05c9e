"""What compilers made of a model's code, kept from one process to the next.

A trial's caches are its own, so that none can remember another. But compilation takes
seconds. So trials get copies of what was compiled in a process that saw no ratings.
"""

import os
from contextlib import suppress
from pathlib import Path

from benchbox.records import read_regular

_MOST_BYTES = 64 << 20
_MOST_FILES = 4_000
"""Of all files that are kept for a model."""


def copy_compiled(source: Path, target: Path) -> None:
    """Copy the regular files below *source* that *target* lacks, up to a limit.

    Links are not followed. What cannot be read or written is left out.

    Args:
        source: Folder that a trial may have written to.
        target: Folder to copy to; it is created if there is anything.
    """
    left, n_files = _MOST_BYTES, 0
    write = _write if target.exists() else _write_unseen
    for folder, _, names in os.walk(source):
        into = target / os.path.relpath(folder, source)
        for name in names:
            n_files += 1
            if n_files > _MOST_FILES:
                return
            with suppress(OSError):
                content = read_regular(Path(folder, name), left)
                left -= len(content)
                write(into, name, content)


def _write_unseen(into: Path, name: str, content: bytes) -> None:
    """Write a file that nobody reads yet."""
    into.mkdir(parents=True, exist_ok=True)
    (into / name).write_bytes(content)


def _write(folder: Path, name: str, content: bytes) -> None:
    file = folder / name
    if file.is_file() and file.read_bytes() == content:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # In one piece: another run may read it at this moment.
    partial = folder / f".{name}.{os.getpid()}"
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)

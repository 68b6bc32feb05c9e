"""Sweeper: removes the files of a worker that was killed before it could do so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """\
import os, shutil, sys, time
# Ray ends the children of its workers; an orphan stays.
if os.fork():
    os._exit(0)
os.setsid()
os.read(0, 1)
folder = sys.argv[1]
# What the worker has started ends at the same time, and may still write.
for _ in range(50):
    for at, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            try:
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
            except OSError:
                pass
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        break
    time.sleep(0.2)
"""
"""It has the standard library alone: where benchbox is, only import hooks may know."""


@contextmanager
def swept(folder: Path) -> Iterator[None]:
    """Have *folder* removed if this process ends within the block, however it ends.

    A process of its own waits for that.
    """
    end, ours = os.pipe()
    try:
        with open(end, "rb") as stdin:
            command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(folder)]
            subprocess.run(command, stdin=stdin, check=True)
        yield
    finally:
        os.close(ours)

"""Announces a run to other runs of the same user on this machine.

The files lie where others may write as well. Nothing here follows a link, and no file
is touched but those that runs have made for this purpose.
"""

import fcntl
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = re.compile(r"([0-9]{1,9})-[0-9a-f]{8}\.run")
"""Name of the file of a run; it begins with its process id."""

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_MOST_BYTES = 1 << 16
"""Of the file of a run; thousands of process ids."""


class Presence:
    """Announces this run to other runs of this user, and detects them.

    Each run holds a lock on its own file, which the system releases however the run
    ends. It also writes its process id into the files of all other runs, so that they
    detect it even if it ends before they check.

    Args:
        folder: Folder of the files; by default a folder of the user.

    Raises:
        OSError: The files cannot be created, or others may write to the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = opened_folder(folder or runtime_folder())
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._name = f"{name}.run"
        try:
            self._file = self._open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except OSError:
            os.close(self._folder)
            raise
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # Only now may others see it: unlocked it would be taken for a leftover.
        where = self._folder
        os.rename(name, self._name, src_dir_fd=where, dst_dir_fd=where)
        for other in self._others():
            with suppress(OSError), self._opened(other, os.O_WRONLY | os.O_APPEND) as f:
                os.write(f, f"{os.getpid()}\n".encode())

    def is_announced(self) -> bool:
        """Return whether others can still see this run; a cleaner may have come."""
        return self._is_at(self._name, self._file)

    def runs_met(self) -> list[int]:
        """Return process ids of runs that began after this one, in order."""
        lines = os.pread(self._file, _MOST_BYTES, 0).split()
        return [int(line) for line in lines if line.isdigit()]

    def runs_now(self) -> list[int]:
        """Return process ids of the other runs that exist now, each once, in order."""
        return sorted({int(name.partition("-")[0]) for name in self._others()})

    def close(self) -> None:
        """Leave."""
        with suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._file)
        os.close(self._folder)

    def _others(self) -> list[str]:
        names: list[str] = []
        # A cleaner may have removed the folder.
        with suppress(OSError):
            names = os.listdir(self._folder)
        runs = (n for n in names if n != self._name and _NAME.fullmatch(n))
        return sorted(name for name in runs if self._is_held(name))

    def _is_held(self, name: str) -> bool:
        """Return whether a run holds its file; remove what one has left."""
        try:
            with self._opened(name, os.O_RDONLY) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if self._is_at(name, file):
                    os.unlink(name, dir_fd=self._folder)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _is_at(self, name: str, file: int) -> bool:
        with suppress(OSError):
            there = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            return os.path.samestat(there, os.fstat(file))
        return False

    @contextmanager
    def _opened(self, name: str, flags: int) -> Iterator[int]:
        """Open the file of a run.

        Raises:
            OSError: It cannot be opened, or is not a regular file of this user.
        """
        file = self._open(name, flags)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                raise PermissionError(f"{name} is not a file of this user")
            yield file
        finally:
            os.close(file)

    def _open(self, name: str, flags: int) -> int:
        return opened_file(name, flags, self._folder)


def opened_file(name: str, flags: int, folder: int) -> int:
    """Return a descriptor of the file *name*, not following a link.

    Args:
        name: Name of the file.
        flags: As of `os.open`.
        folder: Descriptor of its folder.
    """
    return os.open(name, flags | _SAFELY, 0o600, dir_fd=folder)


def opened_folder(folder: Path) -> int:
    """Return a descriptor of *folder*, which is made if it is missing.

    Raises:
        OSError: It cannot be made, or it is a link, or somebody else's, or others may
            write to it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _SAFELY)
    found = os.fstat(opened)
    if found.st_uid != os.getuid() or found.st_mode & _OF_OTHERS:
        os.close(opened)
        raise PermissionError(f"others may write to {folder}")
    return opened


def runtime_folder() -> Path:
    """Return the folder in which runs of this user find each other."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    if own and os.access(own, os.W_OK):
        return Path(own) / "benchbox"
    return Path(tempfile.gettempdir()) / f"benchbox-{os.getuid()}"

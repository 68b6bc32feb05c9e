"""A process's family: all it has started, the memory they use, and their end."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchbox.machine.crowd import count_descendants, end_descendants, n_tasks

_PROC = Path("/proc")
_SHARED_FILES = Path("/dev/shm")

_PATIENCE_SECONDS = 2.0
"""In which the system ends a process that was killed; one that waits for a disk may
take longer, and is left."""

_FEW = 10
"""Members that may start while the memory of all is measured."""

_MANY = 20
"""Members that cannot be ended one by one before they start others."""

_EXACT_SECONDS = 1.0
"""How often memory is measured exactly, which takes milliseconds for each GiB."""


class Family:
    """All processes that *head* starts, without itself, and what they share.

    Whoever was seen once is remembered, also when it has broken away from its parents.

    Args:
        head: Process id of the one that starts them; `None` for an empty family.
    """

    def __init__(self, head: int | None) -> None:
        self._head = head
        self._seen: dict[int, psutil.Process] = {}
        self._strangers = {number for number, _ in _shared_files()}
        self._newest, self._n_tasks = "", n_tasks()
        self._exact_at = 0.0
        self._exact_bytes = 0

    def memory_bytes(self, enough: int) -> int:
        """Return how much memory the family uses, at least if that is over *enough*.

        Memory that several map counts once. Shared memory counts that they made since
        this family was created: files in ``/dev/shm``, also those that only a
        descriptor holds, and segments of System V.

        Args:
            enough: The number of bytes above which the answer must be exact; below it
                the answer may be too high, and is cheap.
        """
        members = self._look()
        used = [_resident(member) for member in members]
        made = self._made_bytes(members)
        rough = _sum(used, made)
        if rough <= enough or len(used) == 1:
            return rough
        if monotonic() >= self._exact_at:
            before, shares = n_tasks(), list[_Used]()
            for member in members:
                shares.append(_share(member))
                if n_tasks() - before > _FEW:
                    # They multiply faster than they can be measured: see `n_beyond`.
                    return self._exact_bytes
            self._exact_bytes = _sum(shares, made)
            self._exact_at = monotonic() + _EXACT_SECONDS
        return self._exact_bytes

    def n_beyond(self, most: int) -> int:
        """Return how many members there are if they are more than *most*; else 0."""
        if self._head is None or n_tasks() - self._n_tasks <= most:
            return 0
        n = count_descendants(self._head)
        return n if n > most else 0

    def end(self) -> list[psutil.Process]:
        """End all members, and return those that the system has not ended yet."""
        if self._head is not None and self.n_beyond(_MANY):
            end_descendants(self._head)
        deadline = monotonic() + _PATIENCE_SECONDS
        while left := self._look():
            for member in left:
                with suppress(psutil.Error):
                    member.kill()
            if monotonic() > deadline:
                break
            sleep(0.001)
        return left

    def _look(self) -> list[psutil.Process]:
        """Return the members that are alive."""
        newest = _newest_process()
        # Listing all processes takes milliseconds: not while nobody starts any.
        if self._head is not None and (not newest or newest != self._newest):
            self._newest = newest
            with suppress(psutil.Error):
                found = psutil.Process(self._head).children(recursive=True)
                self._seen |= {member.pid: member for member in found}
        return [member for member in self._seen.values() if is_alive(member)]

    def _made_bytes(self, members: list[psutil.Process]) -> int:
        """Return the bytes of shared memory that was made since the beginning."""
        found = dict(_shared_files())
        for member in members:
            # One that is confined may have shared memory of its own.
            own = _PROC / str(member.pid) / "root" / "dev" / "shm"
            found |= dict(_shared_files(own)) | dict(_shared_descriptors(member.pid))
        segments = sum(size for maker, size in _segments() if maker in self._seen)
        return segments + sum(
            size for number, size in found.items() if number not in self._strangers
        )


def end_orphans() -> None:
    """End all children of this process, with all that those leave to it.

    The process must be the one that adopts orphans.
    """
    deadline = monotonic() + _PATIENCE_SECONDS
    while has_children() and monotonic() < deadline:
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                child.kill()
            with suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)
        sleep(0.001)


def has_children() -> bool:
    """Return whether this process has children, if only ended ones."""
    if not hasattr(os, "waitid"):
        return bool(psutil.Process().children())
    try:
        # Faster than listing processes, which takes milliseconds.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def is_alive(process: psutil.Process) -> bool:
    """Return whether *process* still runs, or could go on to."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _newest_process() -> str:
    """Return what changes with each process or thread that starts; empty if unknown."""
    with suppress(OSError):
        return (_PROC / "loadavg").read_text().split()[-1]
    return ""


@dataclass(frozen=True, slots=True)
class _Used:
    """Bytes that a process uses, and those of them that others can map too."""

    private: int = 0
    shared: int = 0


def _sum(used: list[_Used], made: int) -> int:
    # What was made is mapped by some of them as a rule: it must not count twice.
    shared = max(made, sum(one.shared for one in used))
    return shared + sum(one.private for one in used)


def _resident(process: psutil.Process) -> _Used:
    """Return the resident set, in which pages count that are others' too."""
    if sys.platform == "linux":
        told = _sizes(_PROC / str(process.pid) / "status")
        private = told.get("RssAnon", 0) + told.get("RssFile", 0)
        return _Used(private, told.get("RssShmem", 0))
    with suppress(psutil.Error):
        return _Used(process.memory_info().rss)
    return _Used()


def _share(process: psutil.Process) -> _Used:
    """Return the resident set, with each page divided by the number that map it."""
    told = _sizes(_PROC / str(process.pid) / "smaps_rollup")
    if "Pss" not in told:
        return _resident(process)
    shared = told.get("Pss_Shmem", 0)
    return _Used(told["Pss"] - shared, shared)


def _sizes(file: Path) -> dict[str, int]:
    """Return the sizes in a file of the system, in bytes; empty if it is gone."""
    sizes: dict[str, int] = {}
    with suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, rest = line.partition(":")
            words = rest.split()
            if words[1:] == ["kB"]:
                sizes[name] = int(words[0]) * 1024
    return sizes


def _shared_files(
    place: Path = _SHARED_FILES,
) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield this user's files in shared memory, as their number and their bytes."""
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                found = os.lstat(os.path.join(folder, name))
                if found.st_uid == os.getuid():
                    yield _numbered(found)


def _shared_descriptors(pid: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield what the descriptors of *pid* hold of shared memory."""
    with suppress(OSError):
        for descriptor in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if os.readlink(descriptor).startswith(("/memfd:", "/dev/shm/")):
                    yield _numbered(descriptor.stat())


def _numbered(found: os.stat_result) -> tuple[tuple[int, int], int]:
    return (found.st_dev, found.st_ino), found.st_blocks * 512


def _segments() -> Iterator[tuple[int, int]]:
    """Yield the segments of System V: who made them, and their resident bytes."""
    with suppress(OSError):
        lines = (_PROC / "sysvipc/shm").read_text().splitlines()
        names = lines[0].split()
        for line in lines[1:]:
            row = dict(zip(names, map(int, line.split()), strict=False))
            yield row["cpid"], row["rss"]

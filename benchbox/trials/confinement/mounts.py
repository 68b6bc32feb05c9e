"""Own mounts: a view of the disk for one process and all it starts.

Landlock keeps a process from files, but neither from their times and modes, which could
remember a trial, nor from sockets with a path. Its own view is read-only, hides such
sockets, and has shared memory of its own, which worker processes need. Many systems let
a process have one, some do not.

Source: https://man7.org/linux/man-pages/man7/mount_namespaces.7.html.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from benchbox.trials.confinement.kernel import EVERYWHERE, call, numbers
from benchbox.trials.confinement.rules import is_in

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_BIND, _ALL, _PRIVATE = 1 << 12, 1 << 14, 1 << 18
_NO_DEVICES = 1 << 1 | 1 << 2
"""From linux/sched.h and linux/mount.h; the last also ignores privileges of files."""

SHARED_MEMORY = "/dev/shm"

_RUN = "/run"
"""Where most services have their sockets."""

_AT_HERE, _AT_RECURSIVE = -100, 0x8000
_READ_ONLY = 1
"""``MOUNT_ATTR_RDONLY``."""


class _Attributes(ctypes.Structure):
    """``struct mount_attr``."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("cleared", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


@cache
def are_possible() -> bool:
    """Return whether this system lets a process have mounts of its own.

    Cached: a child finds it out, so that nothing is left half done.
    """
    if sys.platform != "linux" or not numbers():
        return False
    pid = os.fork()
    if not pid:
        code = 1
        with suppress(BaseException):
            make_own_view([], [])
            code = 0
        os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def make_own_view(own: Sequence[str], needed: Sequence[str]) -> None:
    """Give this process a view of its own; it must have one thread.

    Args:
        own: Folders it may still change.
        needed: Files and folders that must stay.

    Raises:
        OSError: The system does not let it.
    """
    _leave_the_common_view()
    _mount("none", "/", _ALL | _PRIVATE)
    for folder in own:
        _mount(folder, folder, _BIND)
    hides_run = not any(is_in(path, _RUN) for path in (*own, *needed))
    for path in _sockets():
        if not (hides_run and is_in(path, _RUN)):
            with suppress(OSError):
                _mount(os.devnull, path, _BIND)
    if hides_run and os.path.isdir(_RUN):
        _mount_empty(_RUN)
    _change("/", _AT_RECURSIVE, _Attributes(set=_READ_ONLY))
    for folder in own:
        _change(folder, 0, _Attributes(cleared=_READ_ONLY))
    if os.path.isdir(SHARED_MEMORY):
        _mount_empty(SHARED_MEMORY)


def _sockets() -> list[str]:
    """Return the paths of all sockets that have one."""
    with open("/proc/net/unix", errors="surrogateescape") as file:
        ends = [line.rstrip("\n").split(None, 7)[-1] for line in file]
    return [path for path in ends if path.startswith("/") and os.path.exists(path)]


def _leave_the_common_view() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        # The superuser of a container: it stays who it is, if it may.
        with suppress(OSError):
            call(numbers()["unshare"], _NEW_MOUNTS)
            return
    call(numbers()["unshare"], _NEW_MOUNTS | _NEW_USER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _mount(source: str, target: str, flags: int) -> None:
    where = os.fsencode(source), os.fsencode(target)
    call(numbers()["mount"], *where, None, flags, None)


def _mount_empty(folder: str) -> None:
    kind, where = b"tmpfs", folder.encode()
    call(numbers()["mount"], kind, where, kind, _NO_DEVICES, b"mode=1777")


def _change(place: str, flags: int, attributes: _Attributes) -> None:
    size = ctypes.sizeof(attributes)
    number, how = EVERYWHERE["mount_setattr"], ctypes.byref(attributes)
    call(number, _AT_HERE, os.fsencode(place), flags, how, size)

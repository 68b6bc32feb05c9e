"""Read-only mounts: a view of the disk, of one process alone, that cannot be changed.

Landlock keeps a process from files, but not from their times and modes. Those could
remember a trial. Many systems let a process have a view of its own, some do not.

Source: https://man7.org/linux/man-pages/man7/mount_namespaces.7.html.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from benchbox.trials.confinement.kernel import EVERYWHERE, call, numbers

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_BIND, _ALL, _PRIVATE = 1 << 12, 1 << 14, 1 << 18
"""From linux/sched.h and linux/mount.h."""

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
            make_read_only([])
            code = 0
        os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def make_read_only(own: Sequence[str]) -> None:
    """Make all that this process sees read-only, for it alone, but for some folders.

    It must have one thread.

    Args:
        own: Folders it may still change.

    Raises:
        OSError: The system does not let it.
    """
    _leave_the_common_view()
    _mount("none", "/", _ALL | _PRIVATE)
    for folder in own:
        _mount(folder, folder, _BIND)
    _change("/", _AT_RECURSIVE, _Attributes(set=_READ_ONLY))
    for folder in own:
        _change(folder, 0, _Attributes(cleared=_READ_ONLY))


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
    call(numbers()["mount"], source.encode(), target.encode(), None, flags, None)


def _change(place: str, flags: int, attributes: _Attributes) -> None:
    size = ctypes.sizeof(attributes)
    number, how = EVERYWHERE["mount_setattr"], ctypes.byref(attributes)
    call(number, _AT_HERE, place.encode(), flags, how, size)

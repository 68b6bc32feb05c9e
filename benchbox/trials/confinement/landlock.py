"""Landlock: the kernel's way for a process to give up access, without privileges.

Source: https://docs.kernel.org/userspace-api/landlock.html and linux/landlock.h. The
rules hold for this process and all that it starts, and can never be lifted. They also
keep it from tracing processes outside, and so from their memory and files in ``/proc``.
"""

import ctypes
import os
import stat
from contextlib import suppress
from enum import IntFlag

from benchbox.trials.confinement.kernel import EVERYWHERE, call

_CREATE = EVERYWHERE["landlock_create_ruleset"]
_ADD_RULE = EVERYWHERE["landlock_add_rule"]
_RESTRICT = EVERYWHERE["landlock_restrict_self"]

_ASK_VERSION = 1
_BENEATH = 1


class Right(IntFlag):
    """What may be done with files, as in linux/landlock.h."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Right.READ_FILE | Right.READ_DIR | Right.EXECUTE
LIST = Right.READ_DIR
WRITE = (
    READ
    | Right.WRITE_FILE
    | Right.REMOVE_DIR
    | Right.REMOVE_FILE
    | Right.MAKE_DIR
    | Right.MAKE_REG
    | Right.MAKE_SOCK
    | Right.MAKE_FIFO
    | Right.MAKE_SYM
    | Right.REFER
    | Right.TRUNCATE
)
DEVICE = READ | Right.WRITE_FILE | Right.TRUNCATE | Right.IOCTL_DEV

_OF_FILES = (
    Right.EXECUTE
    | Right.WRITE_FILE
    | Right.READ_FILE
    | Right.TRUNCATE
    | Right.IOCTL_DEV
)
"""What can be allowed for something that is no folder."""

_TCP = 0b11
"""Binding to ports and connecting to them."""

_SCOPES = 0b11
"""Abstract sockets and signals of processes outside."""


SCOPED = 6
"""First version that keeps abstract sockets and signals within a process's own."""


class _Handled(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock that the kernel offers; 0 if it offers none."""
    try:
        return call(_CREATE, None, 0, _ASK_VERSION)
    except OSError:
        return 0


class Ruleset:
    """Rules that are being made, and then enforced.

    Args:
        abi: Version of Landlock, at least 1.
        network: Whether the network stays open.

    Raises:
        OSError: The kernel refuses.
    """

    def __init__(self, abi: int, *, network: bool) -> None:
        self._rights = _rights(abi)
        handled = _Handled(
            files=self._rights,
            network=_TCP if abi >= 4 and not network else 0,
            scoped=_SCOPES if abi >= SCOPED else 0,
        )
        # Older kernels know the first fields only.
        size = 8 if abi < 4 else 16 if abi < SCOPED else 24
        self._set = call(_CREATE, ctypes.byref(handled), size, 0)

    def allow(self, path: str, rights: Right) -> None:
        """Allow *rights* for a file, or for a folder and all beneath it.

        What is not there is passed over.
        """
        with suppress(OSError):
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                is_folder = stat.S_ISDIR(os.fstat(parent).st_mode)
                allowed = rights & self._rights & (~0 if is_folder else _OF_FILES)
                rule = _Beneath(allowed=allowed, parent=parent)
                call(_ADD_RULE, self._set, _BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(parent)

    def enforce(self) -> None:
        """Enforce the rules on this thread; the process must have no other.

        Raises:
            OSError: The kernel refuses; `refuse_new_privileges` must come first.
        """
        call(_RESTRICT, self._set, 0)
        os.close(self._set)


def _rights(abi: int) -> Right:
    """Return all rights that a version knows."""
    rights = Right((1 << 13) - 1)
    rights |= Right.REFER if abi >= 2 else Right(0)
    rights |= Right.TRUNCATE if abi >= 3 else Right(0)
    return rights | (Right.IOCTL_DEV if abi >= 5 else Right(0))

"""Seccomp: a filter of system calls, for what Landlock does not cover.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html. A refused call fails
with ``EPERM``, which Python raises as `PermissionError`.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Sequence
from functools import cache

from benchbox.trials.confinement.kernel import call, numbers

REFUSED = (
    # Memory and descriptors of other processes.
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "perf_event_open",
    "userfaultfd",
    # Ways around the rules on files and sockets.
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "open_by_handle_at",
    "bpf",
    "fanotify_init",
    # What outlives a process, and would let a trial remember earlier ones.
    "shmget",
    "shmat",
    "semget",
    "msgget",
    "mq_open",
    "add_key",
    "request_key",
    "keyctl",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    # Namespaces and mounts.
    "unshare",
    "setns",
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    # The machine and its clocks.
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "clock_adjtime",
    "sethostname",
    "setdomainname",
    "syslog",
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
)
"""Calls that are refused whatever their arguments."""

ON_PROCESSES = (
    "kill",
    "sched_setaffinity",
    "sched_setparam",
    "sched_setscheduler",
    "sched_setattr",
)
"""Calls whose first argument is a process, which must not be the runner's."""

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_DGRAM, _SOCK_TYPE = 2, 0xF

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
"""Bit of system calls of another kind, on x86-64 alone."""

_SET_FILTER = 1
_ASK_VERDICT = 2
_SPECULATION = 4
"""Leaves the processor as fast as it was."""

# From linux/bpf_common.h, and offsets in struct seccomp_data.
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_NUMBER, _ARCHITECTURE = 0, 4
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM

_STEP = struct.Struct("=HBBI")
_Step = tuple[int, int, int, int]
"""Code, jump if true, jump if false, value."""


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


@cache
def is_offered() -> bool:
    """Return whether the kernel takes filters, and there is one for this processor."""
    if platform.machine() not in _ARCHITECTURES or not numbers():
        return False
    verdict = ctypes.c_uint32(_REFUSE & 0xFFFF0000)
    try:
        call(numbers()["seccomp"], _ASK_VERDICT, 0, ctypes.byref(verdict))
    except OSError:
        return False
    return True


def families(*, network: bool, local: bool) -> tuple[int, ...]:
    """Return the kinds of sockets that a process may have.

    Args:
        network: Whether the network stays open.
        local: Whether it may have sockets on this machine, for the processes it starts.
    """
    found = (_AF_INET, _AF_INET6, _AF_NETLINK) if network else ()
    return (*found, _AF_UNIX) if local else found


def enforce(*, families: tuple[int, ...], processes: tuple[int, ...]) -> None:
    """Refuse system calls to this process and all that it starts.

    Args:
        families: Kinds of sockets it may have.
        processes: Processes that it must leave alone.

    Raises:
        OSError: The kernel refuses.
    """
    packed = packed_filter(families=families, processes=processes)
    kept = ctypes.create_string_buffer(packed, len(packed))
    program = _Program(len(packed) // _STEP.size, ctypes.addressof(kept))
    number = numbers()["seccomp"]
    try:
        call(number, _SET_FILTER, _SPECULATION, ctypes.byref(program))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        call(number, _SET_FILTER, 0, ctypes.byref(program))


@cache
def packed_filter(*, families: tuple[int, ...], processes: tuple[int, ...]) -> bytes:
    """Return the filter that `enforce` hands to the kernel.

    Cached: made before a fork, it costs the child nothing.
    """
    return b"".join(_STEP.pack(*step) for step in _steps(families, processes))


def _steps(families: Sequence[int], processes: Sequence[int]) -> list[_Step]:
    machine, known = platform.machine(), numbers()
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _end(_REFUSE),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_IF_AT_LEAST, 0, 1, _X32), _end(_REFUSE)]
    for name in REFUSED:
        steps += [(_IF_EQUAL, 0, 1, known[name]), _end(_REFUSE)]
    steps += _when(known["socket"], _unless(0, families))
    steps += _when(known["socketpair"], _if_datagram())
    steps += _when(known["prlimit64"], _unless(0, (0,)))
    # Which, then whom: oneself only.
    steps += _when(known["setpriority"], [*_must_be_zero(0), *_unless(1, (0,))])
    barred = [number for pid in processes for number in (pid, -pid)] + [-1]
    for name in ON_PROCESSES:
        steps += _when(known[name], _if_among(0, barred))
    return [*steps, _end(_ALLOW)]


def _when(number: int, body: list[_Step]) -> list[_Step]:
    """Return steps that take *body*, which ends in a verdict, for one system call."""
    return [(_IF_EQUAL, 0, len(body), number), *body]


def _unless(argument: int, values: Iterable[int]) -> list[_Step]:
    """Return steps that refuse all but some values of an argument."""
    steps = [_argument(argument)]
    for value in values:
        steps += [(_IF_EQUAL, 0, 1, value), _end(_ALLOW)]
    return [*steps, _end(_REFUSE)]


def _if_among(argument: int, values: Iterable[int]) -> list[_Step]:
    """Return steps that refuse some values of an argument."""
    steps = [_argument(argument)]
    for value in values:
        steps += [(_IF_EQUAL, 0, 1, value % 2**32), _end(_REFUSE)]
    return [*steps, _end(_ALLOW)]


def _must_be_zero(argument: int) -> list[_Step]:
    return [_argument(argument), (_IF_EQUAL, 1, 0, 0), _end(_REFUSE)]


def _if_datagram() -> list[_Step]:
    # One of a pair of datagram sockets can send to any socket that has a path.
    return [
        _argument(1),
        (_AND, 0, 0, _SOCK_TYPE),
        (_IF_EQUAL, 0, 1, _SOCK_DGRAM),
        _end(_REFUSE),
        _end(_ALLOW),
    ]


def _argument(position: int) -> _Step:
    # Arguments have 64 bits; those looked at here fit in the lower half.
    return _LOAD, 0, 0, 16 + 8 * position


def _end(verdict: int) -> _Step:
    return _RETURN, 0, 0, verdict

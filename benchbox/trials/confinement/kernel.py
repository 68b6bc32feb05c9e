"""Calls of the kernel that no library of Python offers, by their numbers."""

import ctypes
import os
import platform
import sys
from functools import cache

NUMBERS = {
    # From asm/unistd_64.h and asm-generic/unistd.h; they never change.
    "x86_64": {
        "shmget": 29,
        "shmat": 30,
        "socket": 41,
        "socketpair": 53,
        "kill": 62,
        "semget": 64,
        "msgget": 68,
        "ptrace": 101,
        "syslog": 103,
        "setpriority": 141,
        "sched_setparam": 142,
        "sched_setscheduler": 144,
        "pivot_root": 155,
        "adjtimex": 159,
        "setxattr": 188,
        "lsetxattr": 189,
        "fsetxattr": 190,
        "chroot": 161,
        "acct": 163,
        "settimeofday": 164,
        "mount": 165,
        "umount2": 166,
        "swapon": 167,
        "swapoff": 168,
        "reboot": 169,
        "sethostname": 170,
        "setdomainname": 171,
        "init_module": 175,
        "delete_module": 176,
        "sched_setaffinity": 203,
        "clock_settime": 227,
        "mq_open": 240,
        "kexec_load": 246,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "perf_event_open": 298,
        "fanotify_init": 300,
        "prlimit64": 302,
        "open_by_handle_at": 304,
        "clock_adjtime": 305,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "kcmp": 312,
        "finit_module": 313,
        "sched_setattr": 314,
        "kexec_file_load": 320,
        "bpf": 321,
        "userfaultfd": 323,
    },
    "aarch64": {
        "setxattr": 5,
        "lsetxattr": 6,
        "fsetxattr": 7,
        "umount2": 39,
        "mount": 40,
        "pivot_root": 41,
        "chroot": 51,
        "acct": 89,
        "unshare": 97,
        "kexec_load": 104,
        "init_module": 105,
        "delete_module": 106,
        "clock_settime": 112,
        "syslog": 116,
        "ptrace": 117,
        "sched_setparam": 118,
        "sched_setscheduler": 119,
        "sched_setaffinity": 122,
        "kill": 129,
        "setpriority": 140,
        "reboot": 142,
        "sethostname": 161,
        "setdomainname": 162,
        "settimeofday": 170,
        "adjtimex": 171,
        "mq_open": 180,
        "msgget": 186,
        "semget": 190,
        "shmget": 194,
        "shmat": 196,
        "socket": 198,
        "socketpair": 199,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "swapon": 224,
        "swapoff": 225,
        "perf_event_open": 241,
        "prlimit64": 261,
        "fanotify_init": 262,
        "open_by_handle_at": 265,
        "clock_adjtime": 266,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "kcmp": 272,
        "finit_module": 273,
        "sched_setattr": 274,
        "bpf": 280,
        "userfaultfd": 282,
        "kexec_file_load": 294,
    },
}
"""Number of each system call, by processor."""

EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "setxattrat": 463,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
"""Numbers of newer system calls, which all processors share."""

_SECCOMP = {"x86_64": 317, "aarch64": 277}

_CAPABILITIES = 0x20080522
"""``_LINUX_CAPABILITY_VERSION_3``, from linux/capability.h."""

_DAC_OVERRIDE = 1
"""Lets the superuser of a container read files of others, as it could before."""

_PR_SET_NO_NEW_PRIVS = 38


def numbers() -> dict[str, int]:
    """Return the numbers of system calls on this processor; empty if unknown."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in NUMBERS:
        return {}
    return NUMBERS[machine] | EVERYWHERE | {"seccomp": _SECCOMP[machine]}


def call(number: int, *arguments: object) -> int:
    """Make the system call *number*.

    Raises:
        OSError: The kernel refuses it.
    """
    return _checked(_libc().syscall(ctypes.c_long(number), *map(_word, arguments)))


def refuse_new_privileges() -> None:
    """Bar this process, for ever, from gaining privileges by running a program.

    Raises:
        OSError: The kernel refuses it.
    """
    words = map(_word, (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_libc().prctl(*words))


def drop_capabilities() -> None:
    """Give up what the superuser may do beyond others, but for reading their files.

    Raises:
        OSError: The kernel refuses it.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    held = (ctypes.c_uint32 * 6)()
    _checked(_libc().capget(header, held))
    kept = 0 if os.geteuid() else held[1] & (1 << _DAC_OVERRIDE)
    # Two parts of 32 bits, each as effective, permitted and inheritable.
    left = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    _checked(_libc().capset(header, left))


def _word(value: object) -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

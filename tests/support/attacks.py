"""Models that reach beyond their own files, each in one way.

Each is a function below that returns what it got; a trial that is confined fails for it
instead. `TARGETS`, in the environment, names what there is to get.
"""

import ctypes
import json
import os
import pwd
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchbox import FitContext, Ratings
from benchbox.ratings import IndexArray, Values

TARGETS = "ATTACKED"
"""Environment variable with the targets, as JSON."""

ATTACKS: dict[str, Callable[[], Any]] = {}

SEEN: dict[str, Ratings] = {}
"""The ratings of the trial that attacks."""

_LIBC = ctypes.CDLL(None, use_errno=True)


def attack(act: Callable[[], Any]) -> Callable[[], Any]:
    ATTACKS[act.__name__] = act
    return act


class Attacker:
    """Predicts the mean, after an attack."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def fit(self, train: Ratings, context: FitContext) -> None:
        self.mean = np.float32(train.values.mean())
        SEEN["ratings"] = train
        got = ATTACKS[self.name]()
        assert got, "there was nothing to get"
        context.note("got", str(got)[:200])

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return np.full(len(users), self.mean, dtype=np.float32)


def target(name: str) -> str:
    return str(json.loads(os.environ[TARGETS])[name])


def runner() -> int:
    return int(target("runner"))


def call(number: int, *arguments: Any) -> int:
    """Make a system call; numbers are those of x86-64 or shared by all processors."""
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(_LIBC.syscall(ctypes.c_long(number), *words))


def checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def write(path: Path) -> str:
    """Write a file, and leave nothing behind; return its name."""
    path.write_text("remember")
    path.unlink()
    return str(path)


# What is hidden.


@attack
def reads_the_data() -> Any:
    return Path(target("data")).read_text()


@attack
def reads_the_cache() -> Any:
    return Path(target("cache"), "secret").read_text()


@attack
def reads_stored_predictions() -> Any:
    return Path(target("predictions")).read_bytes()


@attack
def lists_the_results() -> Any:
    return os.listdir(target("results"))


@attack
def lists_the_folders_of_other_trials() -> Any:
    return os.listdir(target("temporary"))


@attack
def reads_a_file_beside_its_own() -> Any:
    return Path(__file__).with_name("ratings.csv").read_text()


@attack
def reads_git_objects() -> Any:
    return Path(__file__).with_name(".git").joinpath("objects", "ab").read_text()


@attack
def reads_the_home_of_its_user() -> Any:
    return os.listdir(pwd.getpwuid(os.getuid()).pw_dir)


@attack
def reads_by_a_link() -> Any:
    link = Path(tempfile.mkdtemp(), "link")
    link.symlink_to(target("data"))
    return link.read_text()


@attack
def reads_by_a_hard_link() -> Any:
    link = Path(tempfile.mkdtemp(), "link")
    os.link(target("data"), link)
    return link.read_text()


@attack
def moves_the_data_to_itself() -> Any:
    there = Path(tempfile.mkdtemp(), "moved")
    os.rename(target("movable"), there)
    text = there.read_text()
    os.rename(there, target("movable"))
    return text


@attack
def reads_with_another_program() -> Any:
    return run_program("cat", target("data"))


def run_program(*words: str, **settings: Any) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, **settings
    )
    if done.returncode:
        raise PermissionError(done.stderr.splitlines()[-1])
    return str(done.stdout)


@attack
def reads_with_a_preloaded_library() -> Any:
    # A library that runs before another program's own code is confined like it.
    environment = os.environ | {"LD_PRELOAD": target("data")}
    program = f"print(open({target('data')!r}).read())"
    return run_program(sys.executable, "-c", program, env=environment)


@attack
def reads_in_a_thread() -> Any:
    return in_a_thread(reads_the_data)


def in_a_thread(act: Callable[[], Any]) -> Any:
    got: list[Any] = []

    def work() -> None:
        try:
            got.append(act())
        except OSError as error:
            got.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(got[0], OSError):
        raise got[0]
    return got[0]


@attack
def reads_in_a_fork() -> Any:
    return in_a_fork(reads_the_data)


def in_a_fork(act: Callable[[], Any]) -> Any:
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(theirs, str(act()).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(theirs)
    if not (got := os.read(ours, 100)):
        raise PermissionError("a fork cannot either")
    return got


@attack
def reads_by_a_handle() -> Any:
    name = target("data").encode()
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    checked(_LIBC.name_to_handle_at(-100, name, handle, ctypes.byref(mount), 0))
    folder = os.open("/usr", os.O_RDONLY)
    return checked(_LIBC.open_by_handle_at(folder, handle, os.O_RDONLY)) and "opened"


@attack
def mounts_the_data() -> Any:
    folder = tempfile.mkdtemp()
    source = str(Path(target("data")).parent)
    checked(_LIBC.mount(source.encode(), folder.encode(), None, 4096, None))
    got = os.listdir(folder)
    checked(_LIBC.umount(folder.encode()))
    return got


@attack
def takes_a_namespace_of_its_own() -> Any:
    # A user namespace is for processes with one thread.
    return in_a_fork(lambda: f"unshared {call(272, 0x10000000 | 0x00020000)}")


@attack
def finds_a_path_in_the_environment() -> Any:
    texts = [v for v in os.environ.values() if os.path.isabs(v) and os.path.isdir(v)]
    mine = tempfile.gettempdir().rpartition("/")[0]
    named = [t for t in texts if not t.startswith((mine, sys.prefix, "/usr", "/proc"))]
    return [os.listdir(path) for path in [*named, target("cache")]]


# Other processes.


@attack
def finds_a_truth_in_the_memory_of_the_runner() -> Any:
    with open(f"/proc/{runner()}/mem", "rb", buffering=0) as memory:
        memory.seek(int(target("address")))
        return memory.read(8)


@attack
def finds_it_by_a_thread_of_the_runner() -> Any:
    with open(f"/proc/{runner()}/task/{runner()}/mem", "rb", buffering=0) as memory:
        memory.seek(int(target("address")))
        return memory.read(8)


@attack
def reads_the_map_of_the_runner() -> Any:
    return Path(f"/proc/{runner()}/maps").read_text()


@attack
def reads_the_descriptors_of_the_runner() -> Any:
    folder = f"/proc/{runner()}/fd"
    return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]


@attack
def opens_a_descriptor_of_the_runner() -> Any:
    return Path(f"/proc/{runner()}/fd/{target('descriptor')}").read_text()


@attack
def goes_by_the_root_of_the_runner() -> Any:
    return Path(f"/proc/{runner()}/root{target('data')}").read_text()


@attack
def goes_by_the_folder_of_the_runner() -> Any:
    return [f"/proc/{runner()}/cwd", *os.listdir(f"/proc/{runner()}/cwd")]


@attack
def reads_the_environment_of_the_runner() -> Any:
    return Path(f"/proc/{runner()}/environ").read_bytes()


@attack
def reads_the_memory_of_the_zygote() -> Any:
    return Path(f"/proc/{os.getppid()}/maps").read_text()


@attack
def traces_the_zygote() -> Any:
    attach, detach = 16, 17
    zygote = os.getppid()
    checked(_LIBC.ptrace(attach, ctypes.c_long(zygote), None, None))
    os.waitpid(zygote, 0x40000000)
    checked(_LIBC.ptrace(detach, ctypes.c_long(zygote), None, None))
    return "traced"


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


@attack
def copies_memory_of_the_runner() -> Any:
    got = ctypes.create_string_buffer(8)
    mine = _Vector(ctypes.addressof(got), 8)
    theirs = _Vector(int(target("address")), 8)
    arguments = (ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    checked(_LIBC.process_vm_readv(runner(), *arguments))
    return got.raw


@attack
def takes_a_descriptor_of_the_runner() -> Any:
    handle = os.pidfd_open(runner())
    return os.pread(call(438, handle, int(target("descriptor")), 0), 100, 0)


@attack
def inherits_descriptors() -> Any:
    """Get whatever is open beside the standard streams and the line to the runner.

    The arrays of its fold are open, too.
    """
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(int(name)).st_mode)
            place = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if int(name) > 2 and not is_socket and not place.endswith(".npy"):
            found.append(place)
    if not found:
        raise PermissionError("no descriptor is open but its own")
    return found


@attack
def signals_the_runner() -> Any:
    os.kill(runner(), 0)
    return "it could have been ended"


@attack
def signals_the_zygote() -> Any:
    os.kill(os.getppid(), signal.SIGCONT)
    return "signalled"


@attack
def signals_by_a_handle() -> Any:
    signal.pidfd_send_signal(os.pidfd_open(runner()), signal.SIGCONT)
    return "signalled"


@attack
def slows_the_zygote_down() -> Any:
    os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)
    os.setpriority(os.PRIO_PROCESS, os.getppid(), 0)
    return "slowed"


@attack
def pins_the_zygote() -> Any:
    os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid()))
    return "pinned"


@attack
def limits_the_runner() -> Any:
    import resource

    return resource.prlimit(runner(), resource.RLIMIT_CORE, (0, -1))


# The network.


@attack
def connects_to_the_network() -> Any:
    with socket.create_connection(("127.0.0.1", int(target("port"))), 5) as line:
        return line.getsockname()


@attack
def sends_a_datagram() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        return line.sendto(b"rmse", ("127.0.0.1", int(target("port"))))


@attack
def listens() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as line:
        return line.getsockname()


@attack
def connects_to_a_socket_with_a_path() -> Any:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(target("socket"))
        return "connected"


@attack
def connects_to_a_service_of_the_system() -> Any:
    services = [f"/run/{name}" for name in os.listdir("/run")]
    if not services:
        raise PermissionError("there is none")
    return services


@attack
def connects_to_an_abstract_socket() -> Any:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect("\0" + target("abstract"))
        return "connected"


@attack
def sends_by_one_of_a_pair() -> Any:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"rmse", target("datagrams"))


@attack
def talks_to_the_kernel() -> Any:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
        return line.fileno()


@attack
def sets_up_a_ring() -> Any:
    """Open a ring, whose calls no filter of system calls sees."""
    return call(425, 1, ctypes.create_string_buffer(120))


# What other trials read.


def ratings_file() -> Path:
    values: Any = SEEN["ratings"].values
    return Path(values.filename)


@attack
def opens_its_ratings_to_write() -> Any:
    file = ratings_file()
    file.chmod(0o644)
    with file.open("r+b") as opened:
        return opened.fileno()


@attack
def writes_to_its_mapped_ratings() -> Any:
    """Get a map to write to, by the descriptor that is open already."""
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if os.path.realpath(path) == os.path.realpath(ratings_file()):
            with open(path, "r+b") as opened:
                return opened.fileno()
    raise AssertionError("the ratings are not open")


@attack
def adds_a_file_beside_its_ratings() -> Any:
    folder = ratings_file().parent
    folder.chmod(0o755)
    return write(folder / "rows.npy")


@attack
def moves_its_ratings_away() -> Any:
    folder = ratings_file().parent
    folder.parent.chmod(0o755)
    moved = folder.with_name("moved")
    folder.rename(moved)
    moved.rename(folder)
    return "moved"


# What would remember a trial.


@attack
def remembers_in_shared_memory() -> Any:
    """Get what an earlier process of the same run has left there."""
    memo = Path("/dev/shm", f"attack-{runner()}")
    if memo.exists():
        got = memo.read_text()
        memo.unlink()
        return got
    memo.write_text("remember")
    raise PermissionError("nothing is remembered")


@attack
def reads_shared_memory_of_others() -> Any:
    return Path(target("shared")).read_text()


@attack
def remembers_in_a_segment() -> Any:
    segment = call(29, 0, 4096, 0o1600)
    checked(_LIBC.shmctl(segment, 0, None))
    return "a segment"


@attack
def remembers_in_a_queue() -> Any:
    name = f"/attack-{os.getpid()}".encode()
    handle = checked(_LIBC.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600, None))
    _LIBC.mq_unlink(name)
    return handle


@attack
def remembers_in_a_key() -> Any:
    return call(248, b"user", b"attack", b"rmse", 4, -4)


@attack
def remembers_in_the_folder_for_temporary_files() -> Any:
    return write(Path(target("temporary"), f"attack-{os.getpid()}"))


@attack
def remembers_in_slash_tmp() -> Any:
    return write(Path("/tmp", f"attack-{os.getpid()}"))


@attack
def remembers_in_the_home_of_its_user() -> Any:
    home = pwd.getpwuid(os.getuid()).pw_dir
    return write(Path(home, f".attack-{os.getpid()}"))


@attack
def remembers_in_the_folder_of_the_runner() -> Any:
    return write(Path(target("folder"), "attack"))


@attack
def remembers_in_the_results() -> Any:
    return write(Path(target("results"), "attack"))


@attack
def remembers_beside_its_code() -> Any:
    return write(Path(__file__).with_name("attack"))


@attack
def remembers_in_a_cache_of_bytecode() -> Any:
    folder = Path(__file__).with_name("__pycache__")
    folder.mkdir(exist_ok=True)
    return write(folder / "attack.nbi")


@attack
def remembers_in_the_cache_of_numba() -> Any:
    import numba

    folder = Path(numba.__file__).parent / "__pycache__"
    return write(folder / "attack.nbc")


@attack
def remembers_in_the_extensions_of_torch() -> Any:
    folder = Path(target("home"), ".cache", "torch_extensions")
    folder.mkdir(parents=True, exist_ok=True)
    return write(folder / "attack")


@attack
def remembers_in_what_was_compiled() -> Any:
    folder = Path(target("cache"), "compiled")
    folder.mkdir(exist_ok=True)
    return write(folder / "attack")


@attack
def rewrites_its_own_code() -> Any:
    with open(__file__, "r+b") as file:
        return file.fileno()


@attack
def plants_code_in_the_installation() -> Any:
    return write(Path(sys.prefix, "attack.pth"))


@attack
def cuts_the_data() -> Any:
    os.truncate(target("movable"), os.stat(target("movable")).st_size)
    return "cut"


@attack
def writes_by_a_link() -> Any:
    link = Path(tempfile.mkdtemp(), "link")
    link.symlink_to(target("folder"))
    return write(link / "attack")


@attack
def remembers_in_the_times_of_a_file() -> Any:
    os.utime(__file__)
    return "a time"


@attack
def remembers_in_the_mode_of_a_file() -> Any:
    os.chmod(__file__, os.stat(__file__).st_mode)
    return "a mode"


@attack
def remembers_in_an_attribute_of_a_file() -> Any:
    os.setxattr(__file__, "user.attack", b"rmse")
    os.removexattr(__file__, "user.attack")
    return "an attribute"


@attack
def makes_a_device() -> Any:
    path = Path(tempfile.mkdtemp(), "memory")
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    return str(path)


@attack
def sets_the_clock() -> Any:
    import time

    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "set"

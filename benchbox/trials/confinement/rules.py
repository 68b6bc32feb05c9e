"""Rules: what the process of a trial may read, and where the code it imports lies."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from benchbox.machine import LIBRARY_FOLDERS, LIBRARY_VARIABLES
from benchbox.targets import file_of, root_of

SYSTEM = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/nix/store",
    "/gnu/store",
    *LIBRARY_FOLDERS,
    "/proc",
    "/sys",
)
"""Libraries and programs, and what the kernel tells of the machine.

Of other processes, ``/proc`` shows their names and times, but no memory, files or
variables: the kernel counts these as tracing.
"""

SETTINGS = (
    "ld.so.*",
    "alternatives",
    "localtime",
    "timezone",
    "nsswitch.conf",
    "passwd",
    "group",
    "host.conf",
    "hosts",
    "resolv.conf",
    "gai.conf",
    "protocols",
    "services",
    "mime.types",
    "os-release",
    "ssl",
    "pki",
    "ca-certificates*",
    "crypto-policies",
    "fonts",
    "OpenCL",
    "vulkan",
    "nvidia*",
    "python3*",
)
"""Files and folders in ``/etc`` that libraries read."""

DEVICES = (
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/nvidia*",
    "/dev/dri",
    "/dev/kfd",
    "/dev/accel",
    "/dev/dxg",
)
"""Devices that hold nothing of others, and accelerators."""

_LIBRARY_PATHS = ("LD_LIBRARY_PATH", *LIBRARY_VARIABLES)

_CODE = (".py", ".pyc", ".so", ".pth")

_WHOLE = ("__pycache__", ".dist-info", ".egg-info")

_SITES = {"site-packages", "dist-packages", "lib-dynload"}

_MOST_DEEP = 2
"""Levels of folders that code is looked for in, where none is a package."""


def matching(patterns: Iterable[str]) -> list[str]:
    """Return the paths that exist and match one of *patterns*."""
    return [path for pattern in patterns for path in glob(pattern)]


@cache
def of_the_installation() -> tuple[str, ...]:
    """Return what every trial may read: the system, Python and all packages.

    Cached: called before a fork, it costs the child nothing.
    """
    found = matching((*SYSTEM, *(f"/etc/{name}" for name in SETTINGS)))
    found += [sys.prefix, sys.base_prefix, sys.exec_prefix]
    found += [path for name, path in sysconfig.get_paths().items() if "lib" in name]
    for variable in _LIBRARY_PATHS:
        found += filter(os.path.isabs, os.environ.get(variable, "").split(os.pathsep))
    for place in [*sys.path, *_redirected()]:
        found += _importable(os.path.abspath(place))
    return _outermost(found)


@cache
def devices() -> tuple[str, ...]:
    """Return the devices that every trial may use; cached as well."""
    return tuple(matching(DEVICES))


def of_code(target: str) -> Iterable[str]:
    """Return what importing *target* may read beside what is installed.

    Args:
        target: A class, as ``"package.module:Class"`` or ``"file.py:Class"``.
    """
    return map(os.path.realpath, _behind(target))


def _behind(target: str) -> Iterator[str]:
    module = target.rpartition(":")[0]
    if module.endswith(".py"):
        file = os.path.abspath(module)
        yield file
        # Modules beside it, and the file where a link leads.
        for path in dict.fromkeys((file, os.path.realpath(file))):
            yield from _code_in(str(root_of(Path(path))), _MOST_DEEP)
        return
    spec = find_spec(module.partition(".")[0])
    if spec is not None:
        yield from spec.submodule_search_locations or ()
        yield from filter(os.path.isabs, [spec.origin or ""])


def without(paths: Iterable[str], hidden: Sequence[str]) -> Iterator[str]:
    """Yield *paths* less all that is hidden.

    A folder that holds something hidden is given up for what else is in it. But code
    within a hidden folder stays readable: somebody put it there to be imported.

    Args:
        paths: Files and folders, without links.
        hidden: Files and folders that must not be read, without links.
    """
    for path in paths:
        if path in hidden:
            continue
        if not any(is_in(place, path) for place in hidden):
            yield path
            continue
        inner = [entry.path for entry in _entries(path) if not entry.is_symlink()]
        yield from without(inner, hidden)


def is_in(path: str, folder: str) -> bool:
    """Return whether *path* is *folder* or beneath it; both without links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@cache
def listed() -> tuple[str, ...]:
    """Return folders whose names may be listed, as an import does; cached as well."""
    return tuple(os.path.abspath(place) for place in sys.path)


def above(target: str) -> list[str]:
    """Return the folder that a file with *target* is imported from: see `listed`."""
    file = file_of(target)
    return [] if file is None else [str(root_of(file.resolve()))]


def _importable(place: str) -> list[str]:
    """Return the code in a folder of ``sys.path``, without what else lies there.

    A folder of installed packages is taken whole, and so is a package. From a folder of
    somebody's work only modules are taken: data and results may be beside them.
    """
    if os.path.basename(place) in _SITES or _is_package(place):
        return [place]
    if os.path.isfile(place):
        return [place]
    return list(_code_in(place, _MOST_DEEP))


def _code_in(folder: str, depth: int) -> Iterator[str]:
    for entry in _entries(folder):
        if entry.is_file() and entry.name.endswith(_CODE):
            yield entry.path
        elif not entry.is_dir(follow_symlinks=False) or entry.name[0] == ".":
            continue
        elif _is_package(entry.path) or entry.name.endswith(_WHOLE):
            yield entry.path
        elif depth and any(e.name.endswith(".py") for e in _entries(entry.path)):
            # A package without __init__.py, perhaps.
            yield from _code_in(entry.path, depth - 1)


def _is_package(folder: str) -> bool:
    return os.path.isfile(f"{folder}/__init__.py")


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _redirected() -> Iterator[str]:
    """Yield where packages lie that are installed to be edited."""
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        # Of the package editables, and of setuptools.
        for places in (
            getattr(kind, "_redirections", {}),
            getattr(sys.modules.get(kind.__module__), "MAPPING", {}),
        ):
            for place in places.values():
                yield str(place).removesuffix("/__init__.py")


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return *paths* without those that are beneath others, and without doubles."""
    kept: list[str] = []
    for path in sorted(set(map(os.path.realpath, paths))):
        if not kept or not is_in(path, kept[-1]):
            kept.append(path)
    return tuple(kept)

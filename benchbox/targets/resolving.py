"""Targets: names such as ``package.module:Class`` or ``file.py:Class``."""

import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchbox.errors import PluginError, message_of, nearest
from benchbox.targets.python_files import files_of, load_file


def resolve(target: str) -> Any:
    """Import and return what ``"package.module:name"`` or ``"file.py:name"`` refers to.

    Without a name, that is the module.

    Raises:
        PluginError: There is no such module, file or name.
    """
    module_name, _, name = target.rpartition(":")
    if (file := file_of(target)) is not None:
        module = load_file(file)
    else:
        from importlib import import_module

        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            raise PluginError(
                f"{target!r} cannot be imported: {message_of(error)}. "
                f"Is the package complete?"
            ) from error
    if not name:
        return module
    if not hasattr(module, name):
        classes = [n for n, v in vars(module).items() if isinstance(v, type)]
        raise PluginError(f"{module_name} defines no {name!r}.{nearest(name, classes)}")
    return getattr(module, name)


def file_of(target: str) -> Path | None:
    """Return the file of ``"file.py:name"``; `None` for a name in a module."""
    place = target.rpartition(":")[0]
    return Path(place) if place.endswith(".py") else None


def target_of(named: type[Any]) -> str:
    """Return the target that names a class, for `resolve` in another process."""
    module = sys.modules.get(named.__module__)
    file = getattr(module, "__benchbox_file__", named.__module__)
    return f"{file}:{named.__qualname__}"


EQUIVALENT = "equivalent_sources.txt"
"""File in which a package states that its source computes the same as an earlier one.

Each line holds the digest of a source and the digest of an earlier source that it is
equivalent to. Trials of both then count as the same: a resumed run does not repeat
them, and a comparison pairs them. Any further change gives the source a new digest, so
the statement no longer applies to it.
"""


def source_files(target: str) -> list[Path]:
    """Return the Python files behind *target*, without importing them.

    These are those of the whole top-level package, or a file with all beside it that it
    imports.
    """
    if (file := file_of(target)) is not None:
        return files_of(file)
    spec = _spec_of(target)
    if places := _places(spec):
        return sorted(file for place in places for file in place.rglob("*.py"))
    # A module built into Python has an origin too, but no file.
    files = [Path(spec.origin)] if spec is not None and spec.origin else []
    return [file for file in files if file.is_file()]


def source_digest(target: str) -> str:
    """Return a hash of `source_files`.

    A package may state that its source is equivalent to an earlier one; see
    `EQUIVALENT`.
    """
    files = source_files(target)
    digest = _digest_of(files) if files else ""
    for place in _places(_spec_of(target)):
        digest = _equivalents(place / EQUIVALENT).get(digest, digest)
    return digest


def _spec_of(target: str) -> ModuleSpec | None:
    """Return the spec of the top-level module, if there is one; `None` for a file."""
    name = target.rpartition(":")[0].partition(".")[0]
    return None if file_of(target) or not name else find_spec(name)


def _places(spec: ModuleSpec | None) -> list[Path]:
    """Return the folders of a package; none for a module that is no package."""
    found = () if spec is None else spec.submodule_search_locations or ()
    return [Path(place) for place in found]


def _digest_of(files: Iterable[Path]) -> str:
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _equivalents(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    lines = (
        line.partition("#")[0].split()
        for line in file.read_text(encoding="utf-8").splitlines()
    )
    return dict(line for line in lines if len(line) == 2)


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a lazily loaded package.

    A module is imported when one of its names is first used, so importing the package
    costs almost nothing (PEP 562).

    Args:
        package: Name of the package.
        homes: Module within the package, by public name.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{package}.{homes[name]}"), name)

    names = sorted(homes)
    return find, lambda: names, names

"""Python files named by their path: how they are imported, and what belongs to them.

A file finds the files beside it, as a script does; a file of a package finds its
package. Their folder is on ``sys.path`` only while the file is imported, unless it is
kept there for a model that is built and used.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from sysconfig import get_path
from types import CodeType
from typing import Any

from benchbox.errors import PluginError
from benchbox.targets.parsing import parsed

_STAND_IN = """\
# Imports a file named by its path, for processes that know its module's name only.
from pathlib import Path

from benchbox.targets.python_files import load_file

load_file(Path({file!r}))
"""


class _Fresh(SourceFileLoader):
    """Compiles the source each time.

    Kept bytecode counts as that of a file with the same size and the same second of
    change, so it could be that of an earlier text.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def load_file(path: Path) -> Any:
    """Import a file as a module; it runs again only if it has changed.

    A file of a package gets its name in the package, any other file a name that is
    unique to its path.

    Raises:
        PluginError: There is no such file.
    """
    place = path.resolve()
    if not place.is_file():
        raise PluginError(f"There is no Python file {str(path)!r}.")
    version = place.stat().st_mtime_ns, place.stat().st_size, place.stat().st_ino
    with _on_path(root_of(place)):
        name = _module_name(place)
        known = sys.modules.get(name)
        if getattr(known, "__benchbox_version__", None) == version:
            return known
        spec = spec_from_file_location(name, place, loader=_Fresh(name, str(place)))
        assert spec is not None
        return _executed(spec, place, version)


def keep_on_path(path: Path) -> None:
    """Let the file import the files beside it later too, as in a method it has."""
    _put_on_path(root_of(path.resolve()))


def keep_importable(path: Path, folder: Path) -> None:
    """Let this process, and Python processes it starts, import the file by name.

    They unpickle functions by the name of their module, as the workers of process
    pools and data loaders do where they are not forked. Multiprocessing hands them
    this process's ``sys.path``.

    Args:
        path: The file.
        folder: Existing folder of this process; it gets a module that stands in for
            the file, unless that is part of a package.
    """
    keep_on_path(path)
    place = path.resolve()
    name = _module_name(place)
    if "." not in name:
        (folder / f"{name}.py").write_text(
            _STAND_IN.format(file=str(place)), encoding="utf-8"
        )
        sys.path.append(str(folder))


def files_of(path: Path) -> list[Path]:
    """Return the file and those beside it that it imports, directly or not.

    The files are read, not imported. One that is no Python has no others.
    """
    place = path.resolve()
    root = root_of(place)
    left = [place, *_files_named(root, place.parent.relative_to(root).parts)]
    seen: set[Path] = set()
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            left += _imported_by(file, root)
    return [path, *sorted(seen - {place})]


def _executed(spec: ModuleSpec, place: Path, version: tuple[int, ...]) -> Any:
    module = module_from_spec(spec)
    vars(module).update(__benchbox_file__=str(place), __benchbox_version__=version)
    before = sys.modules.get(spec.name)
    # Dataclasses and msgspec look up their module by name while they are defined.
    sys.modules[spec.name] = module
    assert spec.loader is not None
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[spec.name]
        else:
            sys.modules[spec.name] = before
        raise
    return module


def _module_name(place: Path) -> str:
    """Return the name to import a file by; the root of its package is on the path."""
    parents = place.parent.relative_to(root_of(place)).parts
    if parents:
        package = ".".join(parents)
        found = import_module(package)
        # Another package may have that name, for instance an installed copy.
        if str(place.parent) in map(_resolved, getattr(found, "__path__", ())):
            return f"{package}.{place.stem}"
    tail = blake2b(str(place).encode(), digest_size=4).hexdigest()
    return f"benchbox_file_{place.stem}_{tail}"


def _resolved(folder: str) -> str:
    return str(Path(folder).resolve())


def root_of(place: Path) -> Path:
    """Return the folder that a file is imported from: above its package, if any.

    The file is an absolute path. All that it may import beside it lies in there.
    """
    root = place.parent
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        root = root.parent
    return root


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    added = _put_on_path(folder)
    try:
        yield
    finally:
        if added:
            with suppress(ValueError):
                sys.path.remove(str(folder))


def _put_on_path(folder: Path) -> bool:
    """Put a folder on the path, before what is installed; return whether it was not.

    The standard library stays before it: a neighbour must not replace one of its
    modules for everybody.
    """
    if str(folder) in sys.path:
        return False
    standard = get_path("stdlib")
    places = [
        number
        for number, entry in enumerate(sys.path)
        if entry in (standard, f"{standard}/lib-dynload")
    ]
    sys.path.insert(max(places, default=-1) + 1, str(folder))
    return True


def _imported_by(file: Path, root: Path) -> Iterator[Path]:
    """Yield the files below *root* that a file imports."""
    try:
        tree = parsed(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    package = file.parent.relative_to(root).parts if file.is_relative_to(root) else ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from _files_named(root, name.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            within = node.module.split(".") if node.module else ()
            for name in node.names:
                yield from _files_named(root, (*start, *within, name.name))


def _files_named(root: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Yield the files that importing a name runs, those of its packages included."""
    # These are found before the folder, but for benchbox's own, in its repository.
    if not parts or parts[0] in sys.stdlib_module_names | {"benchbox"}:
        return
    here = root
    for part in parts:
        here = here / part
        for file in (here / "__init__.py", here.with_suffix(".py")):
            if file.is_file():
                yield file.resolve()

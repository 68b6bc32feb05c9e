"""Classes defined in a notebook or a script: their source as a file of its own.

A trial runs in another process, and sees no notebook. What the class names besides
itself comes along: imports, functions and classes of other cells, and short constants.
Any other value of the notebook does not, so no ratings reach a model this way.
"""

import ast
import builtins
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from benchbox.errors import PluginError, shown
from benchbox.targets.parsing import parsed, undisturbed

_MAIN = "__main__"
"""Module of what is defined in a notebook, or in the script that runs."""


def target_of_class(named: type[Any], folder: Path) -> str:
    """Return the target of a class, which trials can load.

    Args:
        named: The class. If it is defined in a notebook or in the running script, its
            source is written to a file.
        folder: Folder for such files.

    Raises:
        PluginError: Its source cannot be found, or it needs a value of the notebook
            that is no constant.
    """
    if "<locals>" in named.__qualname__ or "." in named.__qualname__:
        raise PluginError(
            f"{named.__qualname__} is defined within a function or a class, where no "
            f"other process can find it. Define it at the top level."
        )
    if named.__module__ != _MAIN:
        file = getattr(sys.modules.get(named.__module__), "__file__", None)
        if file is None:
            raise PluginError(f"There is no file with the source of {named.__name__}.")
        return f"{file}:{named.__name__}"
    text = _standalone(named)
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    path = folder / digest / f"{named.__name__}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return f"{path}:{named.__name__}"


def _standalone(named: type[Any]) -> str:
    """Return the source of a class after all that it needs."""
    parts: dict[str, str] = {}
    _collect(named.__name__, named, named.__name__, vars(sys.modules[_MAIN]), parts)
    ordered = sorted(parts.values(), key=lambda part: not part.startswith(_IMPORTS))
    return "\n\n".join(ordered) + "\n"


_MOST_SIGNS = 1_000
"""Characters of a constant; longer ones may be data."""

_IMPORTS = ("import ", "from ")


def _collect(
    name: str,
    value: Any,
    owner: str,
    known: Mapping[str, Any],
    parts: dict[str, str],
) -> None:
    """Add the source of *value*, under *name*, after the sources that it needs."""
    if name in parts:
        return
    if not _is_of_notebook(value):
        parts[name] = _line(name, value, owner)
        return
    if name != value.__name__:
        _collect(value.__name__, value, owner, known, parts)
        parts[name] = f"{name} = {value.__name__}"
        return
    source = _source(value)
    # It may name itself, or be named by what it needs.
    parts[name] = ""
    for used in _names(source):
        if used in known and not hasattr(builtins, used):
            _collect(used, known[used], owner, known, parts)
    del parts[name]
    parts[name] = source


def _is_of_notebook(value: Any) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == _MAIN


def _line(name: str, value: Any, owner: str) -> str:
    """Return a line that gives *value* its name."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}"
    module, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    found = sys.modules.get(module) if isinstance(module, str) else None
    if isinstance(own, str) and getattr(found, own, None) is value:
        return f"from {module} import {own} as {name}"
    if _is_constant(value):
        return f"{name} = {value!r}"
    raise PluginError(
        f"{owner} uses {name!r} of the notebook, which is {shown(value)}. A trial gets "
        f"no values of the notebook but short constants: compute it in fit, or make "
        f"it an option."
    )


def _is_constant(value: Any) -> bool:
    try:
        text = repr(value)
        return len(text) <= _MOST_SIGNS and bool(
            undisturbed(lambda: ast.literal_eval(text)) == value
        )
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _names(source: str) -> Iterator[str]:
    """Return the names that *source* uses, each once, in the order of their use."""
    used = (n.id for n in ast.walk(parsed(source)) if isinstance(n, ast.Name))
    yield from dict.fromkeys(used)


def _source(value: Any) -> str:
    """Return the source of a class or function, with its decorators.

    Raises:
        PluginError: It cannot be found, as where it was typed into a plain shell.
    """
    for file in _files(value):
        found = _defined_in("".join(linecache.getlines(file)), value.__name__)
        if found:
            return found
    raise PluginError(
        f"The source of {value.__name__!r} cannot be found. Define it in a notebook "
        f"cell or in a file: benchbox.run(['my_model.py:{value.__name__}'])."
    )


def _files(value: Any) -> Iterator[str]:
    """Return where the code of a class or function is from, as the linecache names it.

    A class of a notebook tells it only by its methods.
    """
    members = [value, *vars(value).values()] if isinstance(value, type) else [value]
    for member in members:
        function = inspect.unwrap(getattr(member, "__func__", member))
        if isinstance(function, FunctionType):
            yield function.__code__.co_filename


def _defined_in(text: str, name: str) -> str:
    """Return the last definition of *name* at the top level of *text*; else empty."""
    try:
        body = parsed(textwrap.dedent(text)).body
    except SyntaxError:
        # A cell may hold commands of the notebook, such as %matplotlib.
        body = parsed(_without_magics(text)).body
    kinds = ast.ClassDef | ast.FunctionDef
    nodes = [node for node in body if isinstance(node, kinds) and node.name == name]
    if not nodes:
        return ""
    node = nodes[-1]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _without_magics(text: str) -> str:
    lines = ("" if line.startswith(("%", "!")) else line for line in text.splitlines())
    return "\n".join(lines)

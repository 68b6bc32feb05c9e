"""Writes the pages of the reference: one for each module that others may import."""

import inspect
from ast import AnnAssign, Assign, Constant, Expr, Name, parse
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import indent
from types import GenericAlias, ModuleType
from typing import Any, TypeVar

DOORS = (
    "benchbox",
    "benchbox.ratings",
    "benchbox.errors",
    "benchbox.options",
    "benchbox.data",
    "benchbox.metrics",
    "benchbox.models",
    "benchbox.models.training",
    "benchbox.protocols",
    "benchbox.plugins",
    "benchbox.testing",
)
"""What plugins may import: the public interface."""

_BENCHBOX = Path(import_module("benchbox").__file__ or "").parent


def public_names(door: str) -> dict[str, Any]:
    """Return what a module offers, by name, without what it only imports itself."""
    module = import_module(door)
    names = getattr(module, "__all__", None)
    if names is None:
        own = [*_data_of(Path(module.__file__ or "")), *vars(module)]
        names = [name for name in own if _is_offered(module, name)]
    return {name: getattr(module, name) for name in dict.fromkeys(names)}


def _is_offered(module: ModuleType, name: str) -> bool:
    value = getattr(module, name)
    if name.startswith("_") or isinstance(value, ModuleType | TypeVar):
        return False
    # A package lists what it offers; a module offers what it defines.
    is_package = hasattr(module, "__path__")
    is_own = getattr(value, "__module__", "") == module.__name__
    return is_package or is_own or name in _data_of(Path(module.__file__ or ""))


def is_data(value: Any) -> bool:
    """Return whether *value* is data or an alias, not a class nor a function."""
    is_class = inspect.isclass(value) and not isinstance(value, GenericAlias)
    return not (is_class or inspect.isroutine(value))


def text_of_data(name: str, value: Any) -> str:
    """Return the text below a constant or an alias, wherever it is defined.

    A metric says itself what it is.
    """
    if definition := getattr(value, "definition", ""):
        return f"{value.title}: ``{definition}``."
    found = (_data_of(file).get(name) for file in sorted(_BENCHBOX.rglob("*.py")))
    return next(filter(None, found), "")


@cache
def _data_of(file: Path) -> dict[str, str]:
    """Return the text below each name that a file assigns at its top level."""
    texts = {}
    for node, after in pairwise([*parse(file.read_text()).body, None]):
        target = None
        if isinstance(node, AnnAssign):
            target = node.target
        elif isinstance(node, Assign):
            target = node.targets[0]
        if isinstance(target, Name):
            value = after.value if isinstance(after, Expr) else None
            text = value.value if isinstance(value, Constant) else ""
            texts[target.id] = inspect.cleandoc(text) if isinstance(text, str) else ""
    return texts


def write_api_pages(folder: Path) -> None:
    """Write the pages; each object is described once, where it is found first."""
    folder.mkdir(exist_ok=True)
    known: set[int] = set()
    for door in DOORS:
        text = "\n".join(_page(door, known)) + "\n"
        page = folder / f"{door}.rst"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def _page(door: str, known: set[int]) -> Iterator[str]:
    yield from (door, "=" * len(door), "", f".. automodule:: {door}", "   :no-members:")
    yield from ("", f".. currentmodule:: {door}", "")
    elsewhere = []
    for name, value in sorted(public_names(door).items()):
        if id(value) in known:
            elsewhere.append(name)
            continue
        known.add(id(value))
        if is_data(value):
            text = indent(text_of_data(name, value), "   ")
            yield from (f".. py:data:: {name}", "", text, "")
        elif inspect.isclass(value):
            yield from (f".. autoclass:: {door}.{name}", "   :members:", "")
        else:
            yield from (f".. autofunction:: {door}.{name}", "")
    if elsewhere:
        yield f"Also here: {', '.join(f'`{name}`' for name in elsewhere)}."

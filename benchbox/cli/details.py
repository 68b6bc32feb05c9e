"""One installed model, data set or protocol in detail: its options above all."""

import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from textwrap import wrap
from typing import Any

from msgspec import inspect

from benchbox.data import DatasetCard
from benchbox.models import ModelSpec
from benchbox.options import Options, spell, to_json
from benchbox.plugins import Offer, how_to_install, libraries_of, missing_libraries

_INDENT = "    "
_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)


def describe(offer: Offer[Any], kind: str, width: int) -> str:
    """Return everything a user may want to know of what a plugin offers.

    Args:
        offer: What is offered.
        kind: Its kind, such as ``models``.
        width: Width of the terminal.
    """
    value = offer.value
    options = options_type(value)
    summary = getattr(value, "summary", "") or getattr(value, "definition", "")
    parts = [f"{value.name}: {summary}", f"from {offer.origin.short}"]
    if reference := getattr(value, "reference", ""):
        parts.append(str(reference))
    if isinstance(value, ModelSpec):
        parts += _conditions(value)
    lines = [line for part in parts for line in _wrapped(part, width, "")]
    if options is not None and options.__struct_fields__:
        lines += ["", "options:", *_options(options, width)]
        for preset, settings in getattr(value, "presets", {}).items():
            parts = [spell("", {key: value})[1:] for key, value in settings.items()]
            text = f"preset={preset}  (short for {', '.join(parts)})"
            lines += _wrapped(text, width, "  ", _INDENT)
        lines.append("")
        lines += _how_to_write(options, value.name, kind)
    elif options is not None:
        lines += ["", "It has no options."]
    return "\n".join(lines)


def _conditions(spec: ModelSpec) -> Iterator[str]:
    """Yield what a model needs, and which promises of the contract it breaks."""
    if spec.requires:
        found = (f"{name} {v or '(missing)'}" for name, v in libraries_of(spec).items())
        missing = f": {how_to_install(spec)}" if missing_libraries(spec) else ""
        yield f"needs {', '.join(found)}{missing}"
    for check, reason in spec.known_breaches.items():
        yield f"known breach, {check}: {reason}"


def options_type(value: Any) -> type[Options] | None:
    """Return the record of the options of what a plugin offers, if it has options."""
    if isinstance(value, DatasetCard):
        return value.options_type()
    found = getattr(value, "options", None)
    is_record = isinstance(found, type) and issubclass(found, Options)
    return found if is_record else None


def _options(options: type[Options], width: int) -> Iterator[str]:
    meanings = _meanings(options)
    defaults = to_json(options())
    for field in _fields(options):
        default = spell("", {field.name: defaults[field.name]})[1:]
        yield from _wrapped(
            f"{default}  ({_in_words(field.type)})", width, "  ", _INDENT
        )
        yield from _wrapped(meanings.get(field.name, ""), width, _INDENT)


def _meanings(options: type[Options]) -> dict[str, str]:
    """Return what each option means, by what the docstrings of the records say."""
    found: dict[str, str] = {}
    for kind in reversed(options.__mro__):
        text = cleandoc(vars(kind).get("__doc__") or "")
        _, _, attributes = text.partition("\nAttributes:\n")
        # Sections that follow are not indented.
        attributes = re.split(r"\n(?=\S)", attributes, maxsplit=1)[0]
        _, *parts = _ATTRIBUTE.split(f"\n{attributes}")
        for name, meaning in zip(parts[::2], parts[1::2], strict=True):
            found[name] = " ".join(meaning.replace("``", "").split())
    return found


def _how_to_write(options: type[Options], name: str, kind: str) -> Iterator[str]:
    """Yield how options are written, with examples from this very record."""
    types = {field.name: field.type for field in _fields(options)}
    flag = {"models": "-m ", "datasets": "-d ", "protocols": "-p "}.get(kind, "")
    lists = [key for key, kind in types.items() if _item(kind)]
    plain = {
        key: value
        for key, value in to_json(options()).items()
        if value not in (None, "") and key not in lists
    }
    written = spell(name, dict([*plain.items()][:2]))
    if not plain:
        written = f"{name}:{next(iter(types))}=…"
    dashes = ", and lists with dashes" if lists else ""
    yield f"Write options after the name{dashes}:"
    yield f"  {flag}{written}"
    if lists:
        yield f"  {flag}{name}:{lists[0]}={_example(_item(types[lists[0]]))}"


def _fields(options: type[Options]) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(options)
    assert isinstance(found, inspect.StructType)
    return found.fields


def _item(kind: inspect.Type) -> inspect.Type | None:
    """Return the type of a list's elements; `None` for what is no list."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    lists = (inspect.VarTupleType, inspect.ListType)
    return next((one.item_type for one in kinds if isinstance(one, lists)), None)


def _example(item: inspect.Type | None) -> str:
    """Return a list of two such elements, as it is written."""
    if isinstance(item, inspect.LiteralType):
        return "-".join(map(str, item.values[:2]))
    if isinstance(item, inspect.IntType):
        return "20-10"
    return "0.8-0.9" if isinstance(item, inspect.FloatType) else "a-b"


_WORDS: Mapping[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
}


def _in_words(kind: inspect.Type) -> str:
    """Return what values of a type look like on the command line."""
    if isinstance(kind, inspect.UnionType):
        return " or ".join(map(_in_words, kind.types))
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(map(str, kind.values))
    if item := _item(kind):
        return f"list of: {_in_words(item)}; as in {_example(item)}"
    word = _WORDS.get(type(kind), "value")
    numbers = (inspect.IntType, inspect.FloatType)
    return f"{word}{_bounds(kind)}" if isinstance(kind, numbers) else word


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds: Mapping[str, float | None] = {
        "from": kind.ge,
        "above": kind.gt,
        "up to": kind.le,
        "below": kind.lt,
    }
    said = [f"{word} {bound:,}" for word, bound in bounds.items() if bound is not None]
    return f" {' and '.join(said)}".rstrip()


def _wrapped(text: str, width: int, indent: str, more: str = "") -> list[str]:
    return wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + more,
        break_on_hyphens=False,
    )

"""Options: typed settings, and how text from a command line becomes them."""

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from benchbox.errors import UsageError, nearest
from benchbox.text import is_valid, shown


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every options record: frozen, named fields only, unknown ones refused.

    Each field has a type and a default. Ranges are stated with `msgspec.Meta`, as
    in ``epochs: Annotated[int, Meta(ge=1)] = 30``, and are checked on decoding.
    """

    @property
    def asks_validation(self) -> bool:
        """Whether validation ratings are of use with these settings.

        Only asked of models whose capabilities say so; where they are of none, the
        model is fitted once, to all training ratings.
        """
        return True

    @property
    def set_aside(self) -> frozenset[str]:
        """The options that do not count, because others are given instead."""
        return frozenset()


class NoOptions(Options, frozen=True):
    """For what has nothing to set."""


T = TypeVar("T", bound=Options)


def split_choice(text: str) -> tuple[str, dict[str, str]]:
    """Part ``name:key=value,key=value`` into the name and its settings.

    Commas within square brackets belong to the value.

    Raises:
        UsageError: A setting has no ``=``, is given twice, or holds no Unicode.
    """
    if not is_valid(text):
        raise UsageError(f"{shown(text)} is no text in UTF-8.")
    name, colon, rest = text.partition(":")
    settings: dict[str, str] = {}
    for part in _split_commas(rest) if colon else ():
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise UsageError(
                f"{part!r} in {text!r} is no setting. Write name:key=value,key=value."
            )
        if key in settings:
            raise UsageError(f"{key!r} is set twice in {text!r}. Keep one of them.")
        settings[key] = value.strip()
    return name.strip(), settings


def decode(kind: type[T], settings: Mapping[str, Any], owner: str) -> T:
    """Return *settings* as a checked record of type *kind*.

    Text is read as the field's type asks; a sequence field takes ``20-10-20`` or
    ``[20,10,20]``.

    Args:
        kind: The options record to build.
        settings: Values by field name, typed or as text from the command line.
        owner: Whose options these are, for the message.

    Raises:
        UsageError: A field is unknown, or a value does not fit its field.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in settings:
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise UsageError(f"{owner} has no option {key!r}. Its options: {known}.")
    values = {
        key: _as_sequence(value)
        if isinstance(value, str) and _is_sequence(fields[key].type)
        else value
        for key, value in settings.items()
    }
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        kinds = {key: field.type for key, field in fields.items()}
        raise UsageError(f"{owner} {_refusal(str(error), settings, kinds)}") from None


def to_json(options: msgspec.Struct) -> dict[str, Any]:
    """Return all options in force, defaults included, as plain JSON values."""
    built: dict[str, Any] = msgspec.to_builtins(options)
    return built


def in_force(options: Options) -> dict[str, Any]:
    """Return the options that count, as plain JSON values; what is not set is none."""
    aside = options.set_aside
    return {
        name: value
        for name, value in to_json(options).items()
        if name not in aside and value not in (None, "")
    }


def changed(
    options: msgspec.Struct, start: msgspec.Struct | None = None
) -> dict[str, Any]:
    """Return the options that differ from *start*, or from their defaults, as JSON."""
    defaults = to_json(start or type(options)())
    return {k: v for k, v in to_json(options).items() if v != defaults[k]}


def spell(name: str, settings: Mapping[str, Any]) -> str:
    """Return the ``name:key=value`` text that would choose these settings."""
    if not settings:
        return name
    parts = (f"{key}={_spell_value(value)}" for key, value in settings.items())
    return f"{name}:{','.join(parts)}"


def _refusal(error: str, settings: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """Return which option cannot be taken and what it may be, in msgspec's words."""
    found = re.fullmatch(r"(.*) - at `\$\.(\w+).*`", error)
    if found is None:
        return f"cannot take these options: {error}."
    says, key = found.groups()
    refusal = f"cannot take {key}={_spell_value(settings[key])}"
    choices = _choices(kinds[key])
    if says.startswith("Invalid enum value") and choices:
        wrong = says.partition("'")[2].rstrip("'")
        hint = nearest(wrong, choices)
        return f"{refusal}: {wrong!r} is none of {', '.join(choices)}.{hint}"
    # Whatever comes from a command line is a `str`, to msgspec.
    says = says.removesuffix(", got `str`")
    return f"{refusal}: {says[:1].lower()}{says[1:]}."


def _choices(kind: Any) -> list[str]:
    """Return the words that a field of this type may hold, or a part of it."""
    if get_origin(kind) is typing.Literal:
        return [*map(str, get_args(kind))]
    return [word for part in get_args(kind) for word in _choices(part)]


def _spell_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        parts = [_spell_value(part) for part in value]
        # A part may itself hold a dash, as -1 and 1e-05 do.
        return f"[{','.join(parts)}]" if "-" in "".join(parts) else "-".join(parts)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _split_commas(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _is_sequence(kind: Any) -> bool:
    if get_origin(kind) in (types.UnionType, typing.Union, typing.Annotated):
        return any(map(_is_sequence, get_args(kind)))
    return get_origin(kind) in (tuple, list)


def _as_sequence(text: str) -> list[str]:
    inner = text.removeprefix("[").removesuffix("]").strip()
    separator = "," if text.startswith("[") else "-"
    # An empty part stays, to be refused: without it, -5 would be read as 5.
    return [part.strip() for part in inner.split(separator)] if inner else []

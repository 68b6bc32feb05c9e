"""Options: typed settings, parsed from the command line and written back as text."""

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from benchbox.errors import UsageError, is_valid, nearest, shown


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base class of all options: frozen, keyword-only, and unknown fields are refused.

    Each field has a type and a default. Ranges are given with `msgspec.Meta`, as in
    ``epochs: Annotated[int, Meta(ge=1)] = 30``, and are checked on decoding.
    """

    @property
    def asks_validation(self) -> bool:
        """Whether the model uses validation ratings with these options.

        Read only if the model's capabilities say that it uses validation. If this is
        `False`, the model is fitted once, to all training ratings.
        """
        return True

    @property
    def set_aside(self) -> frozenset[str]:
        """Names of options without effect, because other options replace them."""
        return frozenset()


class NoOptions(Options, frozen=True):
    """Options of a model, data set or protocol that has none."""


T = TypeVar("T", bound=Options)


def split_choice(text: str) -> tuple[str, dict[str, str]]:
    """Split ``name:key=value,key=value`` into the name and its settings.

    Commas inside square brackets belong to the value.

    Raises:
        UsageError: A setting has no ``=``, is given twice, or holds no Unicode.
    """
    if not is_valid(text):
        raise UsageError(f"{shown(text)} is not UTF-8 text.")
    name, colon, rest = text.partition(":")
    settings: dict[str, str] = {}
    for part in _split_commas(rest) if colon else ():
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise UsageError(
                f"{part!r} in {text!r} is not a setting. Write "
                f"name:key=value,key=value."
            )
        if key in settings:
            raise UsageError(f"{key!r} is set twice in {text!r}. Keep one of them.")
        settings[key] = value.strip()
    return name.strip(), settings


def decode(kind: type[T], settings: Mapping[str, Any], owner: str) -> T:
    """Return *settings* as validated options of type *kind*.

    Text is converted to the type of its field. Sequences are written as ``20-10-20`` or
    ``[20,10,20]``.

    Args:
        kind: Type of options to build.
        settings: Value by field name, typed or as text from the command line.
        owner: Name of the model, data set or protocol, for error messages.

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
    """Return all options, including defaults, as plain JSON values."""
    built: dict[str, Any] = msgspec.to_builtins(options)
    return built


def in_force(options: Options) -> dict[str, Any]:
    """Return the options that have an effect, as plain JSON values.

    Left out are options that others replace, and those that are `None` or empty.
    """
    aside = options.set_aside
    return {
        name: value
        for name, value in to_json(options).items()
        if name not in aside and value not in (None, "")
    }


def changed(
    options: msgspec.Struct, start: msgspec.Struct | None = None
) -> dict[str, Any]:
    """Return options that differ from *start* or the defaults, as plain JSON values."""
    defaults = to_json(start or type(options)())
    return {k: v for k, v in to_json(options).items() if v != defaults[k]}


def spell(name: str, settings: Mapping[str, Any]) -> str:
    """Return ``name:key=value`` text that `split_choice` would read as *settings*."""
    if not settings:
        return name
    parts = (f"{key}={_spell_value(value)}" for key, value in settings.items())
    return f"{name}:{','.join(parts)}"


def _refusal(error: str, settings: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """Return an error message for the invalid option that msgspec reports in *error*.

    Args:
        error: Message of msgspec.
        settings: Value by field name.
        kinds: Type by field name.
    """
    found = re.fullmatch(r"(.*) - at `\$\.(\w+).*`", error)
    if found is None:
        return f"cannot take these options: {error}."
    says, key = found.groups()
    refusal = f"cannot take {key}={_spell_value(settings[key])}"
    choices = _choices(kinds[key])
    if says.startswith("Invalid enum value") and choices:
        wrong = says.partition("'")[2].rstrip("'")
        hint = nearest(wrong, choices)
        return f"{refusal}: {wrong!r} is not one of {', '.join(choices)}.{hint}"
    # Every value from the command line is text, so msgspec always adds this.
    says = says.removesuffix(", got `str`")
    return f"{refusal}: {says[:1].lower()}{says[1:]}."


def _choices(kind: Any) -> list[str]:
    """Return the words that a field of this type, or an element of it, may hold."""
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
        # Brackets, because an element such as -1 or 1e-05 contains a dash itself.
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
    # Empty parts stay and are refused later; without them, -5 would be read as 5.
    return [part.strip() for part in inner.split(separator)] if inner else []

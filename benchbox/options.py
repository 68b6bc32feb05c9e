"""Options: typed settings, parsed from the command line and written back as text."""

import re
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from benchbox.errors import UsageError, is_valid, nearest, shown

UNDECODABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding JSON or TOML raises: also for bytes that are no text, for a number of
too many digits, and for one list inside another a thousand times."""


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
    def unused_capabilities(self) -> frozenset[str]:
        """Names of capabilities that the model does not use with these options.

        So one model can have a preset that asks for times, as in
        ``frozenset() if self.with_times else frozenset({"uses_question_times"})``.
        """
        return frozenset()

    @property
    def set_aside(self) -> frozenset[str]:
        """Names of options without effect, because other options replace them."""
        return frozenset()

    @property
    def fits_models(self) -> tuple[str, ...]:
        """Installed models that the model fits itself, as on the command line."""
        return ()


class NoOptions(Options, frozen=True):
    """Options of a model, data set or protocol that has none."""


T = TypeVar("T", bound=Options)

LARGEST_COUNT = 2**63 - 1
"""Records hold whole numbers in 64 bits."""

_EXAMPLE = "Write a list as {key}=20-10 or {key}=[20,10]."
_SEPARATORS = re.compile(r"[+;,|/()\s]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan", re.I)


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
                f"name:key=value,key=value.{_list_hint(settings, part)}"
            )
        if key in settings:
            raise UsageError(f"{key!r} is set twice in {text!r}. Keep one of them.")
        settings[key] = value.strip()
    return name.strip(), settings


def decode(kind: type[T], settings: Mapping[str, Any], owner: str) -> T:
    """Return *settings* as validated options of type *kind*.

    Text is converted to the type of its field, and without a type to what it looks
    like. Sequences are written as ``20-10-20`` or ``[20,10,20]``.

    Args:
        kind: Type of options to build.
        settings: Value by field name, typed or as text from the command line.
        owner: Name of the model, data set or protocol, for error messages.

    Raises:
        UsageError: A field is unknown, or a value does not fit its field or no record.
    """
    fields = fields_of(kind)
    for key in settings:
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise UsageError(f"{owner} has no option {key!r}. Its options: {known}.")
    values = {
        key: _read(value, fields[key].type) if isinstance(value, str) else value
        for key, value in settings.items()
    }
    try:
        record = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        kinds = {key: field.type for key, field in fields.items()}
        raise UsageError(f"{owner} {_refusal(str(error), settings, kinds)}") from None
    for key, value in settings.items():
        if trouble := unstorable(getattr(record, fields[key].name)):
            refused = f"{key}={_spell_value(value)}"
            raise UsageError(f"{owner} cannot take {refused}: {trouble}.")
    return record


@lru_cache(maxsize=256)
def fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the fields of *kind* by the name that settings and records use."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def unstorable(value: Any) -> str:
    """Return why no record can hold a value, in words; empty if one can.

    JSON has neither infinity nor NaN, and programs that read it no larger integers.
    """
    if isinstance(value, float) and not isfinite(value):
        return "expected a finite number"
    if isinstance(value, int) and not -LARGEST_COUNT - 1 <= value <= LARGEST_COUNT:
        return "expected a number of at most 64 bits"
    if isinstance(value, Mapping):
        value = list(value.values())
    parts = value if isinstance(value, list | tuple | set | frozenset) else ()
    return next(filter(None, map(unstorable, parts)), "")


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
    hint = ""
    if _is_sequence(kinds[key]) and _SEPARATORS.search(str(settings[key]).strip("[]")):
        hint = f" {_EXAMPLE.format(key=key)}"
    return f"{refusal}: {says[:1].lower()}{says[1:]}.{hint}"


def _list_hint(settings: Mapping[str, str], part: str) -> str:
    """Return how lists are written, if *part* may go on with the setting before it."""
    if not settings or "=" in part or not part.strip():
        return ""
    return f" {_EXAMPLE.format(key=[*settings][-1])}"


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


def _read(text: str, kind: Any) -> Any:
    """Return text as what msgspec converts to a field of type *kind*."""
    if text == "null" and type(None) in get_args(kind):
        return None
    if _is_sequence(kind):
        return [_read(part, _part_type(kind)) for part in _as_sequence(text)]
    return _guessed(text) if kind is Any else text


def _guessed(text: str) -> Any:
    """Return what text looks like, for a field without a type."""
    words = {"null": None, "none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    if text.startswith("[") and text.endswith("]"):
        return [_guessed(part) for part in _as_sequence(text)]
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _is_sequence(kind: Any) -> bool:
    if get_origin(kind) in (types.UnionType, typing.Union, typing.Annotated):
        return any(map(_is_sequence, get_args(kind)))
    return (get_origin(kind) or kind) in (tuple, list)


def _part_type(kind: Any) -> Any:
    """Return the type of the elements of a sequence, where they have one."""
    if get_origin(kind) in (types.UnionType, typing.Union, typing.Annotated):
        return next(_part_type(one) for one in get_args(kind) if _is_sequence(one))
    parts = [one for one in get_args(kind) if one is not Ellipsis]
    return parts[0] if len(set(parts)) == 1 else Any if not parts else object


def _as_sequence(text: str) -> list[str]:
    inner = text.removeprefix("[").removesuffix("]").strip()
    separator = "," if text.startswith("[") else "-"
    # Empty parts stay and are refused later; without them, -5 would be read as 5.
    return [part.strip() for part in inner.split(separator)] if inner else []

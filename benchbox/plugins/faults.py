"""Faults of cards and specs made in Python, whose fields may hold anything."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from benchbox.data import DatasetCard
from benchbox.errors import BenchboxError, message_of, shown
from benchbox.models import Capabilities, ModelSpec, OneOf, Span
from benchbox.options import Options, decode, fields_of
from benchbox.plugins.libraries import requirements_fault


def card_fault(card: DatasetCard) -> str:
    """Return what is wrong with a field of a card, but for its sources; empty if none.

    Sources are decoded once all of their kinds are known.
    """
    if not isinstance(card.sources, list | tuple):
        return f"sources is {shown(card.sources)}, not a list"
    if fault := _misfit(msgspec.structs.replace(card, sources=()), DatasetCard):
        return fault
    try:
        msgspec.json.encode(card)
    except UnicodeEncodeError:
        return "one of its texts is not UTF-8"
    except Exception:  # noqa: BLE001
        # One of its sources, of which more is said elsewhere.
        return ""
    return ""


def model_fault(spec: ModelSpec) -> str:
    """Return what is wrong with a field of a model's spec; empty if nothing is."""
    texts = {name: getattr(spec, name) for name in ("target", "summary", "reference")}
    for name, text in texts.items():
        if not isinstance(text, str):
            return f"{name} is {shown(text)}, not a text"
    module, _, name = spec.target.rpartition(":")
    if not module or not name:
        return f"target is {shown(spec.target)}, not 'package.module:Class'"
    if not (isinstance(spec.options, type) and issubclass(spec.options, Options)):
        return f"options is {shown(spec.options)}, not a subclass of benchbox.Options"
    return (
        _misfit(spec.capabilities, Capabilities)
        or _default_fault(spec.options)
        or _presets_fault(spec)
        or _search_fault(spec)
        or _cost_fault(spec.cost_hint)
        or ("" if isinstance(spec.by_default, bool) else _no_choice(spec.by_default))
        or requirements_fault(spec)
    )


def _no_choice(value: object) -> str:
    return f"by_default is {shown(value)}, not True or False"


def _misfit(value: Any, kind: Any) -> str:
    try:
        msgspec.convert(msgspec.to_builtins(value), kind)
    except Exception as error:  # noqa: BLE001
        what = "" if kind is DatasetCard else f"{kind.__name__.lower()}: "
        return f"{what}{message_of(error)}"
    return ""


def _default_fault(options: type[Options]) -> str:
    try:
        msgspec.json.encode(options())
    except Exception as error:  # noqa: BLE001
        return f"its options have no defaults that can be stored: {message_of(error)}"
    return ""


def _presets_fault(spec: ModelSpec) -> str:
    if not isinstance(spec.presets, Mapping):
        return f"presets is {shown(spec.presets)}, not a dict"
    for name, settings in spec.presets.items():
        if not isinstance(name, str) or not isinstance(settings, Mapping):
            return f"preset {shown(name)} is {shown(settings)}, not a dict of options"
        try:
            decode(spec.options, settings, f"preset {name!r}")
        except BenchboxError as error:
            return message_of(error).removesuffix(".")
    return ""


def _search_fault(spec: ModelSpec) -> str:
    if not isinstance(spec.search, Mapping):
        return f"search is {shown(spec.search)}, not a dict"
    known = fields_of(spec.options)
    for name, values in spec.search.items():
        if name not in known:
            return f"search has a range for {shown(name)}, which is no option"
        if not isinstance(values, Span | OneOf):
            return f"search[{name!r}] is {shown(values)}, not a Span or OneOf"
        if fault := _unwritable(values):
            return f"search[{name!r}] cannot be stored: {fault}"
    return ""


def _unwritable(values: Span | OneOf) -> str:
    try:
        msgspec.json.encode(values)
    except Exception as error:  # noqa: BLE001
        return message_of(error)
    return ""


def _cost_fault(hint: object) -> str:
    is_cost = isinstance(hint, int | float) and isfinite(hint) and hint >= 0
    if hint is None or is_cost:
        return ""
    return f"cost_hint is {shown(hint)}, not a number of seconds"

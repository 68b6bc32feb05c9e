"""Inspection: questions that a child answers, since they import models."""

import inspect
from typing import Any

import msgspec

from benchbox.errors import BenchboxError, PluginError, error_line
from benchbox.machine import find_devices
from benchbox.models import Capabilities
from benchbox.options import NoOptions, Options, decode, to_json
from benchbox.records import Answer, Described, Devices, DevicesQuestion, Question
from benchbox.targets import resolve


def answer(question: Question) -> Answer:
    """Answer a question of the runner."""
    if isinstance(question, DevicesQuestion):
        return Devices(accelerators=find_devices())
    try:
        return describe(question.target, question.settings)
    except BenchboxError as error:
        return Described(error=str(error))
    except Exception as error:  # noqa: BLE001
        return Described(error=error_line(error))


def describe(target: str, settings: dict[str, str]) -> Described:
    """Import the class *target* names, and read its options and capabilities.

    The class takes one options record, or keyword arguments with defaults, or nothing.

    Raises:
        PluginError: It is not a class with `fit` and `predict`.
        UsageError: The settings do not fit its options.
    """
    model = resolve(target)
    for method in ("fit", "predict"):
        if not callable(getattr(model, method, None)):
            raise PluginError(
                f"{target!r} has no method {method!r}, so it is not a model."
            )
    kind, takes_record = _options_type(model)
    record = decode(kind, settings, target.rpartition(":")[2])
    return Described(
        summary=(inspect.getdoc(model) or "").partition("\n")[0],
        capabilities=getattr(model, "capabilities", Capabilities()),
        options_type=f"{target.rpartition(':')[0]}:{kind.__name__}"
        if takes_record
        else "",
        options=to_json(record),
    )


def _options_type(model: Any) -> tuple[type[Options], bool]:
    """Return the record of a class's options, and whether the class takes it whole."""
    signature = inspect.signature(model, eval_str=True)
    parameters = list(signature.parameters.values())
    kinds = [p.annotation for p in parameters]
    if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], Options):
        return kinds[0], True
    missing = [p.name for p in parameters if p.default is inspect.Parameter.empty]
    if missing:
        raise PluginError(
            f"{model.__name__} needs a default for its parameter {missing[0]!r}; "
            f"benchbox builds a model from its options alone."
        )
    if not parameters:
        return NoOptions, False
    fields = [(p.name, _field_type(p), p.default) for p in parameters]
    made: Any = msgspec.defstruct(
        f"{model.__name__}Options", fields, bases=(Options,), frozen=True, kw_only=True
    )
    return made, False


def _field_type(parameter: inspect.Parameter) -> Any:
    if parameter.annotation is not inspect.Parameter.empty:
        return parameter.annotation
    return Any if parameter.default is None else type(parameter.default)

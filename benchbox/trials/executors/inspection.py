"""Inspection: questions that a child answers, since they import models."""

import inspect
from typing import Any

import msgspec

from benchbox.errors import BenchboxError, PluginError, UsageError, error_line
from benchbox.machine import find_devices, what_devices_lack
from benchbox.models import capabilities_of, options_of, search_of
from benchbox.options import to_json
from benchbox.records import Answer, Described, Devices, DevicesQuestion, Question
from benchbox.targets import file_of, resolve


def answer(question: Question) -> Answer:
    """Answer a question of the runner."""
    if isinstance(question, DevicesQuestion):
        found = find_devices()
        lacks = what_devices_lack(found) if question.tries else {}
        return Devices(accelerators=found, lacks=lacks)
    try:
        return describe(question.target, question.settings)
    except UsageError as error:
        return Described(error=str(error), fault="call")
    except BenchboxError as error:
        return Described(error=str(error), fault="class")
    # The file may do anything while it is imported, `sys.exit` included.
    except BaseException as error:  # noqa: BLE001
        return Described(error=error_line(error), fault="import")


def describe(target: str, settings: dict[str, str]) -> Described:
    """Import the class *target* names, and read its options and capabilities.

    The class takes one options record, or keyword arguments with defaults, or nothing.

    Raises:
        PluginError: It is not a class with `fit` and `predict`.
        UsageError: The target names no class, or the settings do not fit its options.
    """
    file, _, name = target.rpartition(":")
    if not name:
        raise UsageError(_choice_of_classes(target))
    model = resolve(target)
    for method in _METHODS:
        if not callable(getattr(model, method, None)):
            raise PluginError(
                f"{target!r} has no method {method!r}, so it is not a model."
            )
    options = options_of(model)
    record = options.decode(settings, name)
    written = to_json(record)
    return Described(
        summary=(inspect.getdoc(model) or "").partition("\n")[0],
        capabilities=capabilities_of(model).under(record),
        options_type=f"{file}:{options.kind.__name__}" if options.takes_record else "",
        options=written,
        search=msgspec.to_builtins(dict(search_of(model, written))),
    )


_METHODS = ("fit", "predict")


def _choice_of_classes(target: str) -> str:
    """Return a message with the models that a file has, for one who named none."""
    file = file_of(target)
    assert file is not None
    module = resolve(target)
    names = [name for name, kind in vars(module).items() if _is_own(kind, name, module)]
    if not names:
        return f"{file.name} has no class with the methods fit and predict."
    asked = ", ".join(f"-m {file.name}:{name}" for name in names)
    return f"Name the class in {file.name} too: {asked}."


def _is_own(value: Any, name: str, module: Any) -> bool:
    is_own = isinstance(value, type) and value.__module__ == module.__name__
    has_methods = all(callable(getattr(value, method, None)) for method in _METHODS)
    return is_own and has_methods and not name.startswith("_")

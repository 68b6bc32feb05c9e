"""Plain classes as models: the options, capabilities and ranges they state themselves.

An installed model has a `ModelSpec`. A class in a file has its parameters with their
defaults, and class attributes::

    class MyModel:
        inductive = True                    # any field of Capabilities
        search = {"weight": (0.1, 0.9)}     # or Span(…, log=True), or a list of values

        def __init__(self, weight: float = 0.5, layers=(64, 32)): …
"""

import dataclasses
import dis
import inspect
from collections.abc import Mapping
from copy import deepcopy
from math import isfinite
from types import FunctionType
from typing import Any

import msgspec

from benchbox.errors import PluginError, UsageError, message_of, nearest, shown
from benchbox.models.contract import Capabilities
from benchbox.models.search_space import OneOf, SearchSpace, Span
from benchbox.options import NoOptions, Options, changed, decode

_NONE_GIVEN = inspect.Parameter.empty
_BY_KEYWORD = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


@dataclasses.dataclass(frozen=True, slots=True)
class OptionsOf:
    """The options of a class.

    Attributes:
        kind: Their record.
        takes_record: Whether the class takes the record whole; else it takes keywords.
        fixed: Defaults of parameters that no text can replace, such as functions.
    """

    kind: type[Options]
    takes_record: bool = False
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def decode(self, settings: Mapping[str, Any], owner: str) -> Options:
        """Return *settings* as validated options.

        Raises:
            UsageError: An option is unknown, cannot be set, or does not fit.
        """
        for name in settings:
            if name in self.fixed:
                raise UsageError(
                    f"{owner} takes no text for {name!r}, whose default is "
                    f"{shown(self.fixed[name])}. Change it in the file."
                )
        return decode(self.kind, settings, owner)

    def arguments(self, settings: Mapping[str, Any], owner: str) -> dict[str, Any]:
        """Return the keyword arguments for *settings*, without those left at default.

        Left out, a default reaches the class as it was written there.

        Raises:
            UsageError: As for `decode`.
        """
        record = self.decode(settings, owner)
        return {name: getattr(record, name) for name in changed(record)}


def options_of(model: Any) -> OptionsOf:
    """Return the options of a class: one record, keywords with defaults, or none.

    Raises:
        PluginError: A parameter has no default, or one that its annotation forbids.
    """
    found = [p for p in _parameters(model) if p.kind in _BY_KEYWORD]
    kinds = [p.annotation for p in found]
    if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], Options):
        return OptionsOf(kinds[0], takes_record=True)
    factories = _factories(model)
    fields, fixed = [], {}
    for parameter in found:
        name, default = parameter.name, parameter.default
        if default is _NONE_GIVEN:
            raise PluginError(
                f"{model.__name__} needs a default for its parameter {name!r}; "
                f"benchbox builds a model from its options alone."
            )
        if name in factories:
            default = factories[name]()
        option = _option(model, name, parameter.annotation, default)
        if option is None:
            fixed[name] = default
        else:
            fields.append((name, *option))
    if not fields:
        return OptionsOf(NoOptions, fixed=fixed)
    made: Any = msgspec.defstruct(
        f"{model.__name__}Options", fields, bases=(Options,), frozen=True, kw_only=True
    )
    return OptionsOf(made, fixed=fixed)


def capabilities_of(model: Any) -> Capabilities:
    """Return what a class states in ``capabilities``, or in attributes of those names.

    A model whose `predict` never looks at the users answers for new ones as for any
    other, so it counts as inductive unless it says otherwise.

    Raises:
        PluginError: An attribute has a value of another type.
    """
    whole: Capabilities = _converted(model, "capabilities", Capabilities, {})
    stated = {
        field.name: _converted(model, field.name, field.type, None)
        for field in msgspec.structs.fields(Capabilities)
        if _states(model, field.name)
    }
    if not stated.keys() & {"inductive"} and not _states(model, "capabilities"):
        stated["inductive"] = _ignores_users(model)
    return msgspec.structs.replace(whole, **stated)


def search_of(model: Any, options: Mapping[str, Any]) -> SearchSpace:
    """Return the ranges that a class states in ``search``, by option.

    ``(low, high)`` stands for a `Span`, and a list for `OneOf`.

    Args:
        model: The class.
        options: Its options, with defaults filled in.

    Raises:
        PluginError: A range is none, or is that of no option.
    """
    stated = getattr(model, "search", {})
    if callable(stated) or isinstance(stated, property):
        return {}
    if not isinstance(stated, Mapping):
        raise PluginError(
            f"{model.__name__}.search is {shown(stated)}; it must be a dict of ranges."
        )
    for name in stated:
        if name not in options:
            raise PluginError(
                f"{model.__name__}.search has a range for {name!r}, which is no option "
                f"of it.{nearest(str(name), options)}"
            )
    return {name: _range(model, name, value) for name, value in stated.items()}


def _range(model: Any, name: str, value: Any) -> Span | OneOf:
    if isinstance(value, Span | OneOf):
        return value
    try:
        if isinstance(value, list) and value:
            return OneOf(values=tuple(msgspec.to_builtins(value)))
        if isinstance(value, tuple):
            low, high = msgspec.convert([_plain(v) for v in value], tuple[Any, Any])
            return msgspec.convert({"low": low, "high": high}, Span)
    except (TypeError, ValueError) as error:
        what = f"{model.__name__}.search[{name!r}] is {shown(value)}"
        raise PluginError(f"{what}, which is no range: {message_of(error)}.") from None
    raise PluginError(
        f"{model.__name__}.search[{name!r}] is {shown(value)}; it must be (low, high), "
        f"a Span, or a list of values."
    )


def _parameters(model: Any) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(model, eval_str=True)
    except Exception:  # noqa: BLE001
        # An annotation may name what is imported for type checkers only.
        signature = inspect.signature(model)
    return list(signature.parameters.values())


def _factories(model: Any) -> dict[str, Any]:
    """Return what makes the defaults of a dataclass that are made anew each time."""
    if not dataclasses.is_dataclass(model):
        return {}
    return {
        field.name: field.default_factory
        for field in dataclasses.fields(model)
        if field.default_factory is not dataclasses.MISSING
    }


def _option(
    model: Any, name: str, annotation: Any, default: Any
) -> tuple[Any, Any] | None:
    """Return the type and default of an option; `None` if no text can stand for it."""
    default = _plain(default)
    annotated = annotation is not _NONE_GIVEN and not isinstance(annotation, str)
    kind = annotation if annotated else _kind_of(default)
    if annotated and not _is_known(kind):
        annotated, kind = False, _kind_of(default)
    if default is None and annotated:
        kind = kind | None
    if isinstance(default, float) and not isfinite(default):
        # No record can hold it; the class has it where nothing else is set.
        kind, default = kind | None, None
    if not _is_known(kind):
        return None
    try:
        fitting = msgspec.convert(msgspec.to_builtins(default), kind)
    except msgspec.ValidationError as error:
        raise PluginError(
            f"{model.__name__} has the default {shown(default)} for {name!r}, which "
            f"its annotation forbids: {error}."
        ) from None
    except TypeError:
        return None
    return kind, msgspec.field(default_factory=lambda: deepcopy(fitting))


def _plain(value: Any) -> Any:
    """Return the Python number within one of NumPy."""
    is_scalar = getattr(value, "shape", None) == () and hasattr(value, "item")
    return value.item() if is_scalar else value


def _kind_of(default: Any) -> Any:
    """Return the type to read text as, from the default it replaces."""
    if default is None:
        return Any
    if type(default) in (list, tuple):
        kinds = {_kind_of(_plain(part)) for part in default}
        if kinds == {int, float}:
            kinds = {float}
        (of,) = kinds if len(kinds) == 1 else (Any,)
        return list[of] if isinstance(default, list) else tuple[of, ...]  # type: ignore[valid-type]
    return type(default)


def _is_known(kind: Any) -> bool:
    """Return whether msgspec can read and write values of this type."""
    if kind is Any:
        return True
    try:
        msgspec.json.schema(kind)
    except Exception:  # noqa: BLE001
        return False
    return True


def _states(model: Any, name: str) -> bool:
    value = inspect.getattr_static(model, name, _NONE_GIVEN)
    return not (
        value is _NONE_GIVEN or callable(value) or hasattr(type(value), "__get__")
    )


def _converted(model: Any, name: str, kind: Any, otherwise: Any) -> Any:
    value = getattr(model, name) if _states(model, name) else otherwise
    try:
        return msgspec.convert(_plain(value), kind)
    except (msgspec.ValidationError, TypeError) as error:
        raise PluginError(
            f"{model.__name__}.{name} is {shown(value)}: {message_of(error)}."
        ) from None


def _ignores_users(model: Any) -> bool:
    """Return whether the code of `predict` never touches its argument with the users.

    `False` wherever that cannot be told.
    """
    predict = inspect.getattr_static(model, "predict", None)
    if not isinstance(predict, FunctionType):
        return False
    code = predict.__code__
    positional = code.co_varnames[: code.co_argcount]
    if len(positional) < 4 or {"locals", "vars", "eval", "exec"} & {*code.co_names}:
        return False
    users = positional[2]
    if users in code.co_cellvars:
        return False
    touched = [line.argval for line in dis.get_instructions(code)]
    return not any(
        users == value or (isinstance(value, tuple) and users in value)
        for value in touched
    )

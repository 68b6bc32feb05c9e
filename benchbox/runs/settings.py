"""Makes the configuration of a run from a user's settings or a suite."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchbox.data import spelt
from benchbox.errors import PluginError, UsageError, shown
from benchbox.options import unstorable
from benchbox.plugins import Registry, Suite, suite_from_toml
from benchbox.records import RunConfig

_MOST_SECONDS = 10**9
_MOST: Mapping[str, int] = {
    "time_limit_seconds": _MOST_SECONDS,
    "memory_limit_gib": 10**9,
    "threads": 10_000,
    "seeds": 10_000,
    "repeats": 10_000,
}
"""Largest value of each number that nothing but a mistake or infinity exceeds."""

_LEAST = {"threads": 0, "seeds": 1, "repeats": 1}
"""Smallest value; the other settings only have to be above 0."""

_SETTLED_BY_CASES = ("models", "datasets", "protocols", "folds", "columns")


def make_config(settings: Mapping[str, Any]) -> RunConfig:
    """Return a checked configuration.

    Args:
        settings: Fields of `RunConfig` as plain values. ``folds`` may be a string of
            names, separated by commas.

    Raises:
        UsageError: A setting is unknown or has a wrong value.
    """
    settings = dict(settings)
    if isinstance(settings.get("folds"), str):
        names = settings["folds"].split(",")
        settings["folds"] = tuple(name.strip() for name in names)
    if isinstance(settings.get("datasets"), (list, tuple)):
        settings["datasets"] = tuple(map(_recordable, settings["datasets"]))
    try:
        config = msgspec.convert(settings, RunConfig)
        # Text that cannot be encoded, such as a lone surrogate, cannot be saved.
        msgspec.json.encode(config)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{shown(error.object)} is not UTF-8 text, so no record can hold it. "
            f"Rename the file."
        ) from None
    except (msgspec.ValidationError, TypeError) as error:
        raise UsageError(f"A setting of the run is invalid: {error}.") from None
    for name, most in _MOST.items():
        _check_range(name, getattr(config, name), most)
    if config.tuning is not None:
        _check_range("budget_seconds", config.tuning.seconds, _MOST_SECONDS)
    for name, value in msgspec.to_builtins(config).items():
        if trouble := unstorable(value):
            raise UsageError(f"The run cannot have {name} = {shown(value)}: {trouble}.")
    return config


def _recordable(dataset: Any) -> Any:
    # The name of a file may be no UTF-8, which JSON cannot hold.
    return spelt(dataset) if isinstance(dataset, str) else dataset


def _check_range(name: str, value: float | None, most: float) -> None:
    if value is None:
        return
    least = _LEAST.get(name)
    # NaN is in no order, so it is refused too.
    if (value > 0 if least is None else value >= least) and value <= most:
        return
    said = "above 0" if least is None else f"of at least {least}"
    raise UsageError(
        f"A setting of the run is invalid: {name}={value:g}. Give a number {said} and "
        f"at most {most:,}, or leave it out."
    )


def suite_settings(
    text: str, given: Mapping[str, Any], registry: Registry
) -> Mapping[str, Any]:
    """Return the settings of a suite, overridden by those in *given*.

    Args:
        text: Name of an installed suite, or path of a TOML file.
        given: Settings that override those of the suite.
        registry: Installed plugins.

    Raises:
        UsageError: There is no such suite, or *given* has a setting that the cases of
            the suite determine.
    """
    if text in registry.offers["suites"] or not Path(text).suffix:
        suite: Suite = registry.find("suites", text).value
    else:
        try:
            suite = suite_from_toml(Path(text))
        except PluginError as error:
            raise UsageError(str(error)) from None
    has_cases = "cases" in suite.settings
    clash = sorted(given.keys() & set(_SETTLED_BY_CASES)) if has_cases else []
    if clash:
        raise UsageError(
            f"The cases of suite {text!r} have their own {clash[0]}. Leave the option "
            f"out, or run without --suite."
        )
    return {**suite.settings, **given}

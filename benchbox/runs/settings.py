"""Makes the configuration of a run from a user's settings or a suite."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import PluginError, UsageError, shown
from benchbox.options import unstorable
from benchbox.plugins import Registry, Suite, suite_from_toml
from benchbox.records import RunConfig

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
    try:
        config = msgspec.convert(settings, RunConfig)
        # Text that cannot be encoded, such as a lone surrogate, cannot be saved.
        msgspec.json.encode(config)
    except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
        raise UsageError(f"A setting of the run is invalid: {error}.") from None
    for name, value in msgspec.to_builtins(config).items():
        if trouble := unstorable(value):
            raise UsageError(f"The run cannot have {name} = {shown(value)}: {trouble}.")
    return config


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

"""Settings: from what a user or a suite says to the configuration of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import PluginError, UsageError
from benchbox.plugins import Registry, Suite, suite_from_toml
from benchbox.records import RunConfig

_SETTLED_BY_CASES = ("models", "datasets", "protocols", "folds", "columns")


def make_config(settings: Mapping[str, Any]) -> RunConfig:
    """Return *settings*, checked.

    Args:
        settings: Fields of `RunConfig`, in plain values; ``folds`` may be one text
            with commas.

    Raises:
        UsageError: They do not fit.
    """
    settings = dict(settings)
    if isinstance(settings.get("folds"), str):
        names = settings["folds"].split(",")
        settings["folds"] = tuple(name.strip() for name in names)
    try:
        config = msgspec.convert(settings, RunConfig)
        # What cannot be written down, such as half a character, cannot be kept.
        msgspec.json.encode(config)
    except (msgspec.ValidationError, UnicodeEncodeError, TypeError) as error:
        raise UsageError(f"The settings of the run cannot be used: {error}.") from None
    return config


def suite_settings(
    text: str, given: Mapping[str, Any], registry: Registry
) -> Mapping[str, Any]:
    """Return the settings of a suite, overridden by those *given* besides.

    Args:
        text: Name of an installed suite, or of a TOML file.
        given: Settings given besides.
        registry: Knows the installed suites.

    Raises:
        UsageError: There is no such suite, or its cases name what is given besides.
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
            f"The cases of suite {text!r} name their own {clash[0]}. Leave the "
            f"option out, or run without --suite."
        )
    return {**suite.settings, **given}

"""Makes the configuration of a run from a user's settings or a suite."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import PluginError, UsageError
from benchbox.plugins import Registry, Suite, suite_from_toml
from benchbox.records import RunConfig
from benchbox.runs.plan import Plan

_SETTLED_BY_CASES = ("models", "datasets", "protocols", "folds", "columns")


_BOUNDS = {
    "seeds": (1, 1_000),
    "repeats": (1, 1_000),
    "threads": (0, 1_024),
    "seed": (-(2**63), 2**63 - 1),
}
"""The least and the largest value of settings that count something."""

_MOST_TRIALS = 1_000_000
"""Of a run; their records would fill gigabytes."""


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
    return config


def check_bounds(config: RunConfig) -> None:
    """Check that the numbers of a configuration can be meant.

    Raises:
        UsageError: One is out of its bounds.
    """
    values = msgspec.structs.asdict(config)
    for name, (least, most) in _BOUNDS.items():
        _check(name, values[name], least, most)
    for name in ("time_limit_seconds", "memory_limit_gib"):
        limit = values[name]
        if limit is not None and not 0 < limit < inf:
            raise UsageError(f"{name} is {limit:g}; it must be above 0, and finite.")
    if config.tuning is not None:
        _check("tuning.trials", config.tuning.trials, 1, 10_000)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} is {value:,}; it must be {least:,} to {most:,}.")


def check_n_trials(plan: Plan) -> None:
    """Check that the trials of a plan are not too many to be carried out.

    Raises:
        UsageError: They are.
    """
    n_trials = sum(
        plan.config.n_trials(plan.models[place].capabilities) * len(stage.folds)
        for number, stage in enumerate(plan.stages)
        for place in plan.participants(number)
    )
    if n_trials > _MOST_TRIALS:
        raise UsageError(
            f"That makes {n_trials:,} trials; a run has {_MOST_TRIALS:,} at most. Ask "
            f"for fewer folds, seeds, repeats or models."
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

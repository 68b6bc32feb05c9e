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
from benchbox.runs.plan import Plan

_MOST_SECONDS = 10**9

_BOUNDS: Mapping[str, tuple[int | None, int]] = {
    "seeds": (1, 1_000),
    "repeats": (1, 1_000),
    "threads": (0, 1_024),
    "seed": (-(2**63), 2**63 - 1),
    "time_limit_seconds": (None, _MOST_SECONDS),
    "memory_limit_gib": (None, 10**9),
}
"""Smallest and largest value of each number; `None` stands for anything above 0."""

_MOST_TRIALS = 1_000_000
"""Of a run; their records would fill gigabytes."""

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
            f"Write it otherwise."
        ) from None
    except (msgspec.ValidationError, TypeError) as error:
        raise UsageError(f"A setting of the run is invalid: {error}.") from None
    check_bounds(config)
    for name, value in msgspec.to_builtins(config).items():
        if trouble := unstorable(value):
            raise UsageError(f"The run cannot have {name} = {shown(value)}: {trouble}.")
    return config


def _recordable(dataset: Any) -> Any:
    # The name of a file may be no UTF-8, which JSON cannot hold.
    return spelt(dataset) if isinstance(dataset, str) else dataset


def check_bounds(config: RunConfig) -> None:
    """Check that the numbers of a configuration can be meant.

    Raises:
        UsageError: One is out of its bounds.
    """
    for name, (least, most) in _BOUNDS.items():
        _check(name, getattr(config, name), least, most)
    if config.tuning is not None:
        _check("tuning.seconds", config.tuning.seconds, None, _MOST_SECONDS)
        _check("tuning.trials", config.tuning.trials, 1, 10_000)


def _check(name: str, value: float | None, least: int | None, most: int) -> None:
    """Check a number; a *least* of `None` stands for anything above 0."""
    if value is None:
        return
    # NaN is in no order, so it is refused too.
    if (value > 0 if least is None else value >= least) and value <= most:
        return
    bounds = "above 0, and at most" if least is None else f"{least:,} to"
    raise UsageError(f"{name} is {value:,}; it must be {bounds} {most:,}.")


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

"""Suites: stored settings of runs, by name or in TOML files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbox.errors import PluginError
from benchbox.options import UNDECODABLE

_SETTINGS = {
    "model": "models",
    "dataset": "datasets",
    "protocol": "protocols",
    "time_limit": "time_limit_seconds",
    "silence_limit": "silence_limit_seconds",
    "memory_limit": "memory_limit_gib",
}
"""Settings by the long names of their options, where the two differ."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Settings of a run under a name, so that everybody can repeat it.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: Description in one line.
        settings: Settings of `benchbox.records.RunConfig` that differ from the
            defaults.
    """

    name: str
    summary: str
    settings: Mapping[str, Any]


def suite_from_toml(path: Path) -> Suite:
    """Return the suite in a TOML file, named after the file.

    Keys are settings of `benchbox.records.RunConfig`, or the long names of the options
    of ``benchbox run``, such as ``time-limit``.

    Raises:
        PluginError: The file cannot be read, is not TOML or has a setting twice.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, *UNDECODABLE) as error:
        raise PluginError(f"{path.name} cannot be read as a suite: {error}.") from None
    summary = found.pop("summary", "")
    settings: dict[str, Any] = {}
    for key, value in found.items():
        plain = key.replace("-", "_")
        setting = _SETTINGS.get(plain, plain)
        if setting in settings:
            raise PluginError(f"{path.name} has two values for {setting}.")
        settings[setting] = value
    return Suite(name=path.stem, summary=str(summary), settings=settings)

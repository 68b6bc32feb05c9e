"""Suites: stored settings of runs, by name or in TOML files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbox.errors import PluginError


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

    Raises:
        PluginError: The file cannot be read or is not TOML.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(f"{path.name} cannot be read as a suite: {error}.") from None
    summary = settings.pop("summary", "")
    return Suite(name=path.stem, summary=str(summary), settings=settings)

"""Suites: settings of a run by name; and cases, who is compared on what, as parts."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbox.errors import PluginError


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The settings of a run under a name, so that everybody can repeat it.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: One line for people.
        settings: Those of `benchbox.records.RunConfig` that differ from the defaults.
    """

    name: str
    summary: str
    settings: Mapping[str, Any]


def suite_from_toml(path: Path) -> Suite:
    """Return the suite in a TOML file: its summary, and settings of a run.

    Raises:
        PluginError: It is no such file.
    """
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(f"{path.name} is no suite: {error}.") from None
    summary = settings.pop("summary", "")
    return Suite(name=path.stem, summary=str(summary), settings=settings)

"""Suites: settings of a run by name; and cases, who is compared on what, as parts."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import PluginError


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some models on one data set under one protocol, as a part of a suite.

    Attributes:
        title: What it looks into, in a few words.
        dataset: Data set, as on the command line.
        protocol: Protocol, as on the command line.
        models: Models, as on the command line.
        instead: Data sets to take where the files of that are not at hand: the first
            of them that is, or else the last.
        folds: Folds by name; none means the data set's default folds.
        claims: Names of published figures to show beside ours.
    """

    title: str
    dataset: str
    protocol: str
    models: tuple[str, ...]
    instead: tuple[str, ...] = ()
    folds: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()


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

"""Loads the plugins that the options of the command line ask for."""

from typing import Any

import click

from benchbox.cli.common import complain_of
from benchbox.cli.switches import FILES, WITHOUT
from benchbox.plugins import (
    Choice,
    ColumnSpec,
    Registry,
    ReportFormat,
    conflict,
    discover,
)


def installed() -> Registry:
    """Return what the plugins offer, without those that were left out."""
    context = click.get_current_context(silent=True)
    said: dict[str, Any] = {} if context is None else context.meta
    return discover(
        choice=Choice(
            without=(*Choice.from_environment().without, *said.get(WITHOUT, ())),
            files=said.get(FILES, ()),
        )
    )


def complain(registry: Registry) -> None:
    """Print to standard error which plugins cannot be used, and why."""
    for broken in registry.broken:
        complain_of(f"plugin {broken.origin} {broken.reason}")
    for flaw in registry.flaws:
        if flaw.is_plugin:
            complain_of(f"plugin {flaw}")
    for name in registry.unknown:
        complain_of(f"there is no plugin {name!r} to leave out.")
    for kind, names in registry.offers.items():
        for name, offers in names.items():
            if len(offers) > 1:
                complain_of(
                    f"{conflict(offers)} both offer {name!r} in {kind}, so neither is "
                    "used. Leave one out with --without."
                )


def report_formats(registry: Registry) -> dict[str, ReportFormat]:
    """Return every format by its name."""
    return {offer.value.name: offer.value for offer in registry.all("formats")}


def table_columns(registry: Registry) -> list[ColumnSpec]:
    """Return the columns that plugins add to tables."""
    return [offer.value for offer in registry.all("columns")]

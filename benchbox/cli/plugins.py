"""`benchbox plugins`: what is plugged in, what is broken, and why."""

from typing import Any

import click
import msgspec
from tabulate import tabulate

from benchbox.cli.installed import complain, installed
from benchbox.hookspecs import PLUGIN_API
from benchbox.plugins import EVENTS, KINDS, Broken, Origin, Registry


@click.group("plugins")
def command() -> None:
    """Show and check what is plugged in."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks too.")
def list_command(as_json: bool, verbose: bool) -> int:
    """Show every plugin, what it offers, and what is wrong with it.

    The exit code is 1 if one is broken.
    """
    registry = installed()
    if as_json:
        content = {"api": PLUGIN_API, "plugins": _records(registry)}
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())
    else:
        click.echo(_table(registry))
        complain(registry)
    if verbose and not as_json:
        for broken in registry.broken:
            click.echo(f"\n{broken.origin}\n{broken.details}".rstrip(), err=True)
    return int(bool(registry.broken))


def _table(registry: Registry) -> str:
    rows = [
        (one["package"], one["version"], one["plugin"], one["status"], _offered(one))
        for one in _records(registry)
    ]
    headers = ["package", "version", "plugin", "status", "offers"]
    return tabulate(rows, headers=headers, disable_numparse=True)


def _offered(record: dict[str, Any]) -> str:
    parts = [
        f"{len(record[kind])} {kind if len(record[kind]) > 1 else kind[:-1]}"
        for kind in KINDS
        if record.get(kind)
    ]
    if any(f"benchbox_{event}" in record["hooks"] for event in EVENTS):
        parts.append("listens to runs")
    return ", ".join(parts)


def _records(registry: Registry) -> list[dict[str, Any]]:
    at_fault = {broken.origin for broken in registry.broken}
    origins = {*registry.plugins, *registry.left_out, *at_fault}
    return [_record(registry, origin) for origin in sorted(origins)]


def _record(registry: Registry, origin: Origin) -> dict[str, Any]:
    broken = [one for one in registry.broken if one.origin == origin]
    offered = {kind: registry.offered_by(origin, kind) for kind in KINDS}
    status = "left out" if origin in registry.left_out else "ok"
    return {
        "package": origin.package,
        "version": origin.version,
        "plugin": origin.entry_point,
        "status": "broken" if broken else status,
        "hooks": registry.plugins.get(origin, []),
        **{kind: [value.name for value in values] for kind, values in offered.items()},
        "trouble": [_trouble(one) for one in broken],
    }


def _trouble(broken: Broken) -> dict[str, str]:
    return {"reason": broken.reason, "details": broken.details}

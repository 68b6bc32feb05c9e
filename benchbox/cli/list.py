"""`benchbox list`: what is installed, and where each thing comes from."""

from typing import Any

import click
import msgspec
from tabulate import tabulate

from benchbox.cli.common import say
from benchbox.cli.installed import complain, installed
from benchbox.data import DatasetCard, locate
from benchbox.options import to_json
from benchbox.plugins import KINDS, Offer, Registry


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(kind: str | None, as_json: bool) -> int:
    """Show the models, data sets, protocols and metrics at hand.

    KIND is models, datasets, protocols, metrics, claims, suites, formats or executors;
    without it, the first four are shown.
    """
    registry = installed()
    kinds = [kind] if kind else KINDS[:4]
    if as_json:
        content = {name: [_record(o) for o in registry.all(name)] for name in kinds}
        content["broken"] = [
            {"plugin": str(b.origin), "reason": b.reason} for b in registry.broken
        ]
        say(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())
    else:
        say("\n\n".join(_table(registry, name) for name in kinds))
    complain(registry)
    return 0


def _table(registry: Registry, kind: str) -> str:
    offers = registry.all(kind)
    if kind in ("models", "datasets"):
        offers = sorted(offers, key=lambda offer: str(offer.value.name))
    columns = {
        kind: [offer.value.name for offer in offers],
        "what it is": [_summary(offer.value) for offer in offers],
        "from": [offer.origin.short for offer in offers],
    }
    if kind == "datasets":
        columns["files"] = [_whereabouts(offer.value) for offer in offers]
    return tabulate(columns, headers="keys", tablefmt="simple")


def _whereabouts(card: DatasetCard) -> str:
    found = locate(card)
    return found.origin if found.is_here else f"not here; from {found.origin}"


def _summary(value: Any) -> str:
    return str(getattr(value, "summary", "") or getattr(value, "definition", ""))


def _record(offer: Offer[Any]) -> dict[str, Any]:
    value = offer.value
    record = {
        "name": value.name,
        "summary": _summary(value),
        "package": offer.origin.package,
        "version": offer.origin.version,
    }
    for name in ("reference", "target", "unit", "higher_is_better", "pooling"):
        if hasattr(value, name):
            record[name] = getattr(value, name)
    if isinstance(value, DatasetCard):
        found = locate(value)
        record |= {"is_here": found.is_here, "origin": found.origin}
    options = getattr(value, "options", None)
    if isinstance(options, type) and issubclass(options, msgspec.Struct):
        record["options"] = to_json(options())
    capabilities = getattr(value, "capabilities", None)
    if capabilities is not None:
        record["capabilities"] = to_json(capabilities)
    if search := getattr(value, "search", None):
        record["search"] = msgspec.to_builtins(search)
    return record

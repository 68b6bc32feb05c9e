"""`benchbox list`: list what is installed and which package it comes from."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from benchbox.cli.common import hand_out, json_option, say, to_json
from benchbox.cli.details import describe, options_type
from benchbox.cli.installed import complain, installed
from benchbox.data import DatasetCard, locate
from benchbox.models import ModelSpec
from benchbox.options import to_json as as_plain
from benchbox.plugins import (
    KINDS,
    Offer,
    Registry,
    how_to_install,
    libraries_of,
    missing_libraries,
)
from benchbox.reports import TextTable, fitted, paragraph, remark, terminal_width

_AWAY = "not here"


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False, metavar="[KIND]")
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def command(kind: str | None, name: str | None, as_json: bool) -> int:
    """List the installed models, data sets, protocols and metrics.

    Name another kind to list it alone: claims (published figures), suites (stored
    settings), formats, columns, executors, accelerators or sources (of data sets).
    With a NAME, show its options: what they mean, their defaults, and how they are
    written.
    """
    registry = installed()
    kinds = [kind] if kind else KINDS[:4]
    if kind and name:
        offer = registry.find(kind, name)
        if as_json:
            hand_out(to_json(_record(offer, registry)))
        else:
            say(describe(offer, kind, terminal_width()))
        return 0
    if as_json:
        content: dict[str, Any] = {
            name: [_record(o, registry) for o in registry.all(name)] for name in kinds
        }
        content["broken"] = [
            {"plugin": str(b.origin), "reason": b.reason} for b in registry.broken
        ]
        hand_out(to_json(content))
    else:
        say("\n\n".join(_table(registry, name) for name in kinds))
    complain(registry)
    return 0


def _table(registry: Registry, kind: str) -> str:
    offers = registry.all(kind)
    if kind in ("models", "datasets"):
        offers = sorted(offers, key=lambda offer: str(offer.value.name))
    headings, least = [kind, "what it is", "from"], 50
    rows = [
        [offer.value.name, _summary(offer.value), offer.origin.short]
        for offer in offers
    ]
    if kind == "datasets":
        # The place of the files matters more than a description on one line.
        headings, least = [*headings, "files"], 33
        for row, offer in zip(rows, offers, strict=True):
            row.append(_whereabouts(offer.value, registry))
    width = terminal_width()
    table = fitted(
        TextTable(
            headings=headings,
            rows=rows,
            words=range(len(headings)),
            gives_way=range(2, len(headings)),
            folds=(1,),
            fold_to=least,
        ),
        width,
    )
    lines = [table.text]
    others = [o.value.name for o in offers if not getattr(o.value, "by_default", True)]
    if others:
        said = f"In a run only with -m NAME or -m all: {', '.join(others)}."
        lines.append(paragraph(said, width))
    for line, names in _not_installed(offers).items():
        lines.append(paragraph(f"Not installed: {', '.join(names)}. {line}", width))
    if "files" in table.left_out:
        here = [row[0] for row in rows if not row[-1].startswith(_AWAY)]
        said = f"On this machine: {', '.join(here) or 'none'}."
        lines.append(paragraph(said, width))
    lines += remark(table.left_out, width, "list --json")
    return "\n".join(lines)


def _not_installed(offers: Sequence[Offer[Any]]) -> dict[str, list[str]]:
    """Return the models whose libraries are missing, by what installs them."""
    found: dict[str, list[str]] = {}
    for offer in offers:
        spec = offer.value
        if isinstance(spec, ModelSpec) and missing_libraries(spec):
            found.setdefault(how_to_install(spec), []).append(spec.name)
    return found


def _whereabouts(card: DatasetCard, registry: Registry) -> str:
    found = locate(card, kind_of=registry.source_kind)
    return found.origin if found.is_here else f"{_AWAY}; from {found.origin}"


def _summary(value: Any) -> str:
    return str(getattr(value, "summary", "") or getattr(value, "definition", ""))


def _record(offer: Offer[Any], registry: Registry) -> dict[str, Any]:
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
        found = locate(value, kind_of=registry.source_kind)
        record |= {"is_here": found.is_here, "origin": found.origin}
        record["licence"] = as_plain(value.licence)
    if options := options_type(value):
        record["options"] = as_plain(options())
    if isinstance(value, ModelSpec):
        record["requires"] = libraries_of(value)
        record["install"] = how_to_install(value) if value.requires else ""
        record["known_breaches"] = dict(value.known_breaches)
    capabilities = getattr(value, "capabilities", None)
    if capabilities is not None:
        record["capabilities"] = as_plain(capabilities)
    if search := getattr(value, "search", None):
        record["search"] = msgspec.to_builtins(search)
    return record

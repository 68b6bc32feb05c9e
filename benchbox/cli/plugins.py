"""`benchbox plugins`: list and test the installed plugins."""

import shutil
import textwrap
from typing import Any

import click

from benchbox.cli.common import (
    HelpfulGroup,
    complain_of,
    hand_out,
    json_option,
    say,
    to_json,
)
from benchbox.cli.installed import complain, installed
from benchbox.errors import counted
from benchbox.plugins import EVENTS, KINDS, PLUGIN_API, Broken, Origin, Registry
from benchbox.reports import TextTable, fitted, remark, terminal_width
from benchbox.testing import Verdict

_NOUNS = {"datasets": "data set"}


@click.group("plugins", cls=HelpfulGroup)
def command() -> None:
    """List and test the installed plugins."""


@command.command("list")
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Also show tracebacks.")
def list_command(as_json: bool, verbose: bool) -> int:
    """List all plugins, what they offer, and what is wrong with them.

    The exit code is 1 if a plugin is broken.
    """
    registry = installed()
    if as_json:
        content = {"api": PLUGIN_API, "plugins": _records(registry)}
        hand_out(to_json(content))
    else:
        say(_table(registry))
        complain(registry)
    if verbose and not as_json:
        for broken in registry.broken:
            say(f"\n{broken.origin}\n{broken.details}".rstrip(), err=True)
    return int(bool(registry.broken))


@command.command("check")
@click.argument("name")
@json_option
def check_command(name: str, as_json: bool) -> int:
    """Run the contract tests on a model, a data set or a plugin.

    NAME is a model or data set, possibly with options (biased-mf:n_factors=4), a model
    in a file (my_model.py:MyModel), or a plugin, all of whose models and data sets are
    tested. The exit code is 1 if a test fails.
    """
    from benchbox.cli.conformance import find_subjects, verdicts_of

    registry = installed()
    troubles = [b for b in registry.broken if name in _names(b.origin)]
    checked: dict[str, list[Verdict]] = {}
    for label, subject in find_subjects(name, registry):
        checked[label] = list(verdicts_of(subject))
        if not as_json:
            say(f"{label}\n{_verdict_table(checked[label])}\n")
    if as_json:
        content = {
            "broken": [_trouble(one) for one in troubles],
            "checked": {label: _verdicts(found) for label, found in checked.items()},
        }
        hand_out(to_json(content))
    for one in troubles:
        complain_of(f"plugin {one.origin} {one.reason}")
    failed = any(v.status == "broken" for found in checked.values() for v in found)
    return int(failed or bool(troubles))


def _names(origin: Origin) -> tuple[str, str]:
    return origin.package, origin.entry_point


def _verdict_table(verdicts: list[Verdict]) -> str:
    signs = {"kept": "ok", "broken": "BROKEN", "not made": "-"}
    width = shutil.get_terminal_size().columns
    lines = []
    for verdict in verdicts:
        text = f"{signs[verdict.status]:8}{verdict.check.promise}"
        lines += textwrap.wrap(text, width, subsequent_indent=" " * 8)
        if verdict.reason:
            indent = " " * 10
            lines += textwrap.wrap(
                verdict.reason, width, initial_indent=indent, subsequent_indent=indent
            )
    return "\n".join(lines)


def _verdicts(verdicts: list[Verdict]) -> list[dict[str, str]]:
    return [
        {"check": v.check.name, "status": v.status, "reason": v.reason}
        for v in verdicts
    ]


def _table(registry: Registry) -> str:
    width = terminal_width()
    table = fitted(
        TextTable(
            headings=["package", "version", "plugin", "status", "offers"],
            rows=[
                [
                    *(one[key] for key in ("package", "version", "plugin", "status")),
                    _offered(one),
                ]
                for one in _records(registry)
            ],
            words=range(5),
            gives_way=(1,),
            folds=(4,),
        ),
        width,
    )
    return "\n".join(
        [table.text, *remark(table.left_out, width, "plugins list --json")]
    )


def _offered(record: dict[str, Any]) -> str:
    parts = [
        counted(len(record[kind]), _NOUNS.get(kind, kind.removesuffix("s")))
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

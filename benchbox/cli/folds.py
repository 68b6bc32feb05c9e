"""`benchbox data folds` and `benchbox data audit`: show and audit splits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any, get_args

import click
import msgspec

from benchbox.cli.common import (
    COLUMNS_HELP,
    hand_out,
    json_option,
    notify,
    say,
    to_json,
)
from benchbox.cli.installed import installed
from benchbox.data import load_dataset
from benchbox.errors import UsageError
from benchbox.options import spell
from benchbox.protocols import (
    Audit,
    ExportForm,
    Finding,
    Fold,
    audit_fold,
    export_folds,
    pinned_ids,
)
from benchbox.runs import find_dataset, split

_MARK = {"leak": "LEAK", "warning": "warning", "note": "note"}

_protocols = click.option(
    "-p",
    "--protocol",
    "protocols",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Evaluation protocol; repeatable; files:DIR for folds in a folder of lists.  "
    "[default: the data set's own]",
)
_columns = click.option(
    "--columns",
    default="",
    help=COLUMNS_HELP,
)


@click.command("folds")
@click.argument("name")
@_protocols
@_columns
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the pairs of each part of each fold to this new folder, with a "
    "manifest of their ids. Other tools can read them, and -p files:DIR does.",
)
@click.option(
    "--form",
    type=click.Choice(get_args(ExportForm)),
    default="csv",
    show_default=True,
    help="Form of the exported lists.",
)
@json_option
def folds(
    name: str,
    protocols: tuple[str, ...],
    columns: str,
    folder: Path | None,
    form: ExportForm,
    as_json: bool,
) -> None:
    """Split the data set NAME and print the size and id of each fold.

    It is an error if a fold's id differs from the one pinned in the data set's card.
    The message says what has changed.
    """
    if folder is not None and len(protocols) > 1:
        raise UsageError(
            "--export writes the folds of one protocol. Export those of others to "
            "folders of their own."
        )
    found = list(_audited(name, protocols, columns))
    if as_json:
        hand_out(to_json([*map(_record, found)]))
    else:
        say("\n\n".join(map(_table, found)))
    if folder is not None:
        (one,) = found
        export_folds(one.dataset, one.folds, folder, form)
        said = f"Exported to {folder}; read back with -p files:{folder}"
        say(said if as_json else f"\n{said}", err=as_json)


@click.command("audit")
@click.argument("name")
@_protocols
@_columns
@json_option
def audit(name: str, protocols: tuple[str, ...], columns: str, as_json: bool) -> int:
    """Check whether hidden ratings of the data set NAME leak to the models.

    The audit looks for ratings that are both hidden and visible, for visible ratings
    later than hidden ones, for features computed from hidden ratings, and for folds
    that are too small or too unusual to compare models on. Every run is audited like
    this before it starts. The exit code is 1 if there is a leak.
    """
    audited = list(_audited(name, protocols, columns))
    if as_json:
        hand_out(to_json([*map(_record, audited)]))
    else:
        say("\n\n".join(map(_report, audited)))
    return int(any(each.leaks for each in audited))


@dataclass(frozen=True, kw_only=True)
class _Audited:
    """A data set under one protocol, with the audit of each fold."""

    label: str
    dataset: str
    folds: list[Fold]
    audits: list[Audit]
    pinned: Mapping[str, str]

    @property
    def leaks(self) -> bool:
        """Whether a fold leaks although its protocol is not marked as flawed."""
        is_meant = bool(self.folds[0].protocol.flaw)
        return not is_meant and any(audit.leaks for audit in self.audits)


def _audited(name: str, choices: Sequence[str], columns: str) -> Iterator[_Audited]:
    registry = installed()
    card, settings = find_dataset(name, registry, columns)
    dataset = load_dataset(card, settings, kind_of=registry.source_kind, notify=notify)
    for choice in choices or (card.default_protocol,):
        folds = split(dataset, choice, (), registry)
        yield _Audited(
            label=f"{spell(dataset.name, dataset.options_changed)} · {choice}",
            dataset=dataset.name,
            folds=folds,
            audits=[audit_fold(fold) for fold in folds],
            pinned=pinned_ids(dataset, folds),
        )


def _record(audited: _Audited) -> dict[str, Any]:
    """Return what is known of the folds, for JSON."""
    protocol = audited.folds[0].protocol
    pairs = zip(audited.folds, audited.audits, strict=True)
    return {
        "data": audited.label,
        "flaw": protocol.flaw,
        "cold_policy": protocol.cold_policy,
        "leaks": audited.leaks,
        "folds": [
            {
                "name": fold.name,
                "id": fold.id,
                "is_pinned": fold.name in audited.pinned,
                **msgspec.structs.asdict(audit),
            }
            for fold, audit in pairs
        ],
    }


def _table(audited: _Audited) -> str:
    from tabulate import tabulate

    columns = {
        "fold": [fold.name for fold in audited.folds],
        "train": [f"{audit.n_train:,}" for audit in audited.audits],
        "history": [f"{audit.n_history:,}" for audit in audited.audits],
        "hidden": [f"{audit.n_hidden:,}" for audit in audited.audits],
        "u.u.": [f"{audit.n_cold_users:,}" for audit in audited.audits],
        "u.i.": [f"{audit.n_cold_items:,}" for audit in audited.audits],
        "id": [fold.id for fold in audited.folds],
    }
    if audited.folds[0].partition.is_warm:
        # The history is the same as the training ratings.
        del columns["history"]
    table = tabulate(
        columns,
        headers="keys",
        disable_numparse=True,
        colalign=("left", *["right"] * (len(columns) - 2), "left"),
    )
    protocol = audited.folds[0].protocol
    foot = [
        f"u.u., u.i.: hidden ratings of unseen users and of unseen items; "
        f"{protocol.cold_policy}.",
        _pins(audited),
    ]
    if protocol.flaw:
        foot.append(f"Flawed: {protocol.flaw}.")
    return f"{audited.label}\n\n{table}\n\n" + "\n".join(map(_wrap, foot))


def _pins(audited: _Audited) -> str:
    n_pinned = sum(fold.name in audited.pinned for fold in audited.folds)
    if n_pinned == len(audited.folds):
        return (
            "These ids equal those in the data set's card: this is the standard split."
        )
    return "The data set's card does not pin " + (
        "all of these ids." if n_pinned else "these ids."
    )


def _report(audited: _Audited) -> str:
    lines = [audited.label, ""]
    for fold, audit in zip(audited.folds, audited.audits, strict=True):
        verdict = f"{len(audit.leaks)} leaks" if audit.leaks else "no leak"
        lines.append(
            f"{fold.name}: {audit.n_train:,} training and {audit.n_hidden:,} hidden "
            f"ratings; "
            f"{verdict}"
        )
        lines += map(_line, audit.findings)
    protocol = audited.folds[0].protocol
    if protocol.flaw:
        lines.append(_wrap(f"This protocol is marked as flawed: {protocol.flaw}."))
    return "\n".join(lines)


def _line(found: Finding) -> str:
    return _wrap(f"  {_MARK[found.severity]}: {found.text}.", indent=4)


def _wrap(text: str, indent: int = 0) -> str:
    width = min(get_terminal_size().columns, 120)
    return fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)

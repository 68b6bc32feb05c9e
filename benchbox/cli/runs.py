"""`benchbox runs`: list, show and delete stored runs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchbox.cli.common import (
    HelpfulGroup,
    complain_of,
    hand_out,
    json_option,
    results_option,
    say,
    to_json,
)
from benchbox.errors import ResultsError, UsageError, counted
from benchbox.records import (
    RunFolder,
    RunRecord,
    delete_run,
    run_paths,
    stored_bytes,
)
from benchbox.reports import TextTable, fitted, paragraph, terminal_width
from benchbox.runs import about_unfinished


@click.group("runs", cls=HelpfulGroup)
def command() -> None:
    """List, show and delete stored runs."""


@command.command("list")
@json_option
@results_option
def list_runs(as_json: bool, out: Path) -> int:
    """List the runs in a folder, oldest first, with their sizes."""
    folders = [RunFolder(path) for path in run_paths(out)]
    if not folders and not as_json:
        say(f"There are no runs in {out}.", err=True)
        return 0
    found, unreadable = [], []
    for folder in folders:
        try:
            found.append(_entry(folder, folder.read_run()))
        except ResultsError as error:
            found.append(
                _Entry(folder.path.name, "cannot be read", stored_bytes(folder.path))
            )
            unreadable.append(str(error))
    if as_json:
        hand_out(to_json([asdict(entry) for entry in found]))
    else:
        say(_table(found))
    for line in unreadable:
        complain_of(line)
    return int(bool(unreadable))


@command.command("show")
@click.argument("run", default="last")
@json_option
@results_option
def show(run: str, as_json: bool, out: Path) -> int:
    """Show what RUN is: its command, models, data, machine and files."""
    folder = RunFolder.find(run, out)
    record = folder.read_run()
    found = folder.examine()
    told = {
        "run": record.id,
        "folder": str(folder.path),
        "status": _status(folder, record),
        "started": record.created,
        "finished": record.finished,
        "command": record.command,
        "models": ", ".join(model.label for model in record.models),
        "data": "; ".join(stage.label for stage in record.stages),
        "trials": f"{len(found.records):,} of {record.n_trials:,}",
        "machine": record.environment.machine(),
        "benchbox": record.environment.benchbox,
        "size": _in_units(stored_bytes(folder.path)),
        "merged from": ", ".join(one.id for one in record.merged),
    }
    if as_json:
        hand_out(to_json({"folder": str(folder.path), "run": record}))
    else:
        for name, text in told.items():
            if text:
                say(paragraph(f"{name}: {text}", terminal_width()))
    for line in found.left_out:
        complain_of(f"left out: {line}")
    if line := about_unfinished(folder):
        complain_of(line)
    return int(bool(found.left_out))


@command.command("delete")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@click.option("--yes", is_flag=True, help="Do not ask.")
@results_option
def delete(runs: tuple[str, ...], yes: bool, out: Path) -> int:
    """Delete runs, given by folder or name, with everything in their folders.

    A run that is being carried out is refused.
    """
    folders = [RunFolder.find(run, out) for run in runs]
    for folder in folders:
        if folder.is_running():
            raise UsageError(
                f"Run {folder.path.name} is being carried out. Stop it first."
            )
    sizes = ", ".join(
        f"{folder.path} ({_in_units(stored_bytes(folder.path))})" for folder in folders
    )
    if not yes:
        click.confirm(
            f"Delete {counted(len(folders), 'run')}: {sizes}?", abort=True, err=True
        )
    for folder in folders:
        delete_run(folder.path)
        say(f"Deleted: {folder.path}", err=True)
    return 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A run in a list.

    Attributes:
        run: Name of its folder.
        status: Its state in a word.
        n_bytes: Size of its folder.
        started: When it began, UTC; empty if it cannot be read, like the rest.
        n_stored: Number of trials stored.
        n_trials: Number of trials planned.
        data: Data sets and protocols.
    """

    run: str
    status: str
    n_bytes: int
    started: str = ""
    n_stored: int = 0
    n_trials: int = 0
    data: Sequence[str] = ()


def _entry(folder: RunFolder, run: RunRecord) -> _Entry:
    return _Entry(
        folder.path.name,
        _status(folder, run),
        stored_bytes(folder.path),
        started=run.created,
        n_stored=folder.n_stored(),
        n_trials=run.n_trials,
        data=[stage.label for stage in run.stages],
    )


def _table(entries: Sequence[_Entry]) -> str:
    table = TextTable(
        headings=["run", "status", "started", "trials", "size", "data · protocol"],
        rows=[
            [
                entry.run,
                entry.status,
                entry.started[:16].replace("T", " "),
                f"{entry.n_stored:,}/{entry.n_trials:,}" if entry.started else "",
                _in_units(entry.n_bytes),
                "; ".join(entry.data),
            ]
            for entry in entries
        ],
        words=(0, 1, 2, 5),
        folds=(5,),
    )
    return fitted(table, terminal_width()).text


def _status(folder: RunFolder, run: RunRecord) -> str:
    """Return the state of a run in a word."""
    if folder.is_running():
        return "running"
    if run.merged:
        return "merged"
    return "killed" if run.status == "started" else run.status


def _in_units(n_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"

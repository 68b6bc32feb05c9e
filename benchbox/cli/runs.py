"""`benchbox runs`: list, show and delete stored runs."""

from pathlib import Path

import click

from benchbox.cli.common import HelpfulGroup, complain_of, results_option, say
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
@results_option
def list_runs(out: Path) -> int:
    """List the runs in a folder, oldest first, with their sizes."""
    folders = [RunFolder(path) for path in run_paths(out)]
    if not folders:
        say(f"There are no runs in {out}.", err=True)
        return 0
    rows, unreadable = [], []
    for folder in folders:
        try:
            rows.append(_row(folder, folder.read_run()))
        except ResultsError as error:
            rows.append([folder.path.name, "cannot be read", "", "", _size(folder), ""])
            unreadable.append(str(error))
    table = TextTable(
        headings=["run", "status", "started", "trials", "size", "data · protocol"],
        rows=rows,
        words=(0, 1, 2, 5),
        folds=(5,),
    )
    say(fitted(table, terminal_width()).text)
    for line in unreadable:
        complain_of(line)
    return int(bool(unreadable))


@command.command("show")
@click.argument("run", default="last")
@results_option
def show(run: str, out: Path) -> int:
    """Show what RUN is: its command, models, data, machine and files."""
    folder = RunFolder.find(run, out)
    record = folder.read_run()
    found = folder.examine()
    lines = {
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
        "size": _size(folder),
        "merged from": ", ".join(one.id for one in record.merged),
    }
    for name, text in lines.items():
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
    sizes = ", ".join(f"{folder.path} ({_size(folder)})" for folder in folders)
    if not yes:
        click.confirm(
            f"Delete {counted(len(folders), 'run')}: {sizes}?", abort=True, err=True
        )
    for folder in folders:
        delete_run(folder.path)
        say(f"Deleted: {folder.path}", err=True)
    return 0


def _row(folder: RunFolder, run: RunRecord) -> list[str]:
    return [
        folder.path.name,
        _status(folder, run),
        run.created[:16].replace("T", " "),
        f"{folder.n_stored():,}/{run.n_trials:,}",
        _size(folder),
        "; ".join(stage.label for stage in run.stages),
    ]


def _status(folder: RunFolder, run: RunRecord) -> str:
    """Return the state of a run in a word."""
    if folder.is_running():
        return "running"
    if run.merged:
        return "merged"
    return "killed" if run.status == "started" else run.status


def _size(folder: RunFolder) -> str:
    n_bytes = float(stored_bytes(folder.path))
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"

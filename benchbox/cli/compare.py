"""`benchbox compare`: what got better or worse between two runs, and how surely."""

import json
import shutil
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from textwrap import fill
from typing import Any

import click
import msgspec

from benchbox.analysis import (
    Cell,
    Comparison,
    Pairing,
    Rules,
    Side,
    compare_sides,
    side_of_benchmarks,
    side_of_run,
)
from benchbox.cli.common import complain_of, results_option, say
from benchbox.cli.installed import installed
from benchbox.errors import BenchboxError, ResultsError, UsageError
from benchbox.ratings import Ratings
from benchbox.records import RunFolder
from benchbox.runs import Stages

_MARKS = {"WORSE": "✗", "BETTER": "✓", "SAME": "=", "UNSURE": "?"}


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How to write the verdicts.",
)
@click.option(
    "--least-time",
    type=click.FloatRange(min=0),
    default=Rules().least_time,
    show_default=True,
    help="Share by which a time must differ to matter.",
)
@click.option(
    "--least-error",
    type=click.FloatRange(min=0),
    default=Rules().least_error,
    show_default=True,
    help="Share by which a metric must differ to matter.",
)
@click.option(
    "--error-rate",
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    default=Rules().error_rate,
    show_default=True,
    help="How often a cell may be called BETTER or WORSE for nothing.",
)
@click.option(
    "--trust-contended", is_flag=True, help="Judge times that other work disturbed."
)
@click.option(
    "--trust-machines", is_flag=True, help="Judge times of different machines."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what is SAME as well.")
@results_option
def command(
    first: str, second: str, form: str, verbose: bool, out: Path, **rules: Any
) -> int:
    """Say what is better or worse in SECOND than in FIRST, the baseline.

    Each is a run (a folder, a name or "last") or a file of pytest --benchmark-json.
    The exit code is 1 if anything is WORSE, so that a pull request can be refused.
    """
    try:
        found = compare_named(first, second, out, Rules(**rules))
    except ResultsError as error:
        # A 1 is a verdict, and there is none.
        raise UsageError(str(error)) from error
    if form == "json":
        encoded = msgspec.json.encode(found)
        say(msgspec.json.format(encoded, indent=1).decode())
    elif form == "markdown":
        say(markdown(found))
    else:
        say(_text(found, verbose))
    return int(found.is_worse)


def compare_named(first: str, second: str, out: Path, rules: Rules) -> Comparison:
    """Compare two runs or files by name.

    Raises:
        ResultsError: One of them is not there, or cannot be read.
    """
    pairing = None
    if not (_is_file(first) or _is_file(second)):
        folders = [RunFolder.find(name, out) for name in (first, second)]
        baseline, judged = folders
        pairing = Pairing(baseline, judged, cache(_Hidden(baseline)))
    sides = [_side(name, out) for name in (first, second)]
    return compare_sides(*sides, rules=rules, paired=pairing)


def _side(name: str, out: Path) -> Side:
    if not _is_file(name):
        folder = RunFolder.find(name, out)
        return side_of_run(folder.read_run(), folder.trials())
    try:
        content = json.loads(Path(name).read_text())
        return side_of_benchmarks(Path(name).name, content)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ResultsError(
            f"{name} is no file of pytest --benchmark-json: {error}."
        ) from None


def _is_file(name: str) -> bool:
    return Path(name).is_file()


class _Hidden:
    """Finds the hidden ratings of a run's folds, by making its folds anew."""

    def __init__(self, folder: RunFolder) -> None:
        self._run = folder.read_run()

    @cached_property
    def _stages(self) -> Stages:
        return Stages(installed(), lambda text: None, self._run.config.columns)

    def __call__(self, number: int) -> Mapping[str, Ratings]:
        try:
            stage = self._stages.again(self._run, number)
        except BenchboxError as error:
            complain_of(f"predictions are not paired: {error}")
            return {}
        return {fold.id: fold.hidden for fold in stage.folds}


def markdown(found: Comparison) -> str:
    """Return the verdicts as Markdown for a pull request."""
    lines = [f"### benchbox compare: {_counted(found)}", ""]
    shown = [cell for cell in found.cells if cell.verdict != "SAME"] or found.cells
    lines += ["| | data · protocol | model | | first | second | effect | basis |"]
    lines += ["|---|---|---|---|---:|---:|---|---|"]
    for cell in shown:
        where = [cell.where, cell.who, cell.quantity]
        cells = [f"{_MARKS[cell.verdict]} {cell.verdict}", *where, *_figures(cell)]
        text = " | ".join(part.replace("|", r"\|") for part in cells)
        lines.append(f"| {text} | {cell.reason.replace('|', ' ')} |")
    n_same = sum(cell.verdict == "SAME" for cell in found.cells)
    if shown is not found.cells and n_same:
        lines += ["", f"{n_same} cells are the same and not shown."]
    return "\n".join([*lines, "", *_feet(found)])


def _text(found: Comparison, verbose: bool) -> str:
    width = shutil.get_terminal_size((100, 24)).columns
    parts = []
    for where in dict.fromkeys(cell.where for cell in found.cells):
        there = [cell for cell in found.cells if cell.where == where]
        mine = [cell for cell in there if verbose or cell.verdict != "SAME"]
        if mine:
            reasons = {f"{c.verdict}: {c.reason}.": None for c in mine if c.reason}
            said = [_wrapped(reason, width) for reason in reasons]
            parts += [fill(where, width), "", _fitting(mine, width), "", *said, ""]
    summary = f"{found.second} against {found.first}: {_counted(found)}."
    return "\n".join([*parts, *(fill(t, width) for t in (summary, *_feet(found)))])


def _fitting(cells: list[Cell], width: int) -> str:
    """Return the fullest table that fits; JSON has what is left out here."""
    label = max(len(cell.who) for cell in cells)
    for with_noise, with_values in ((True, True), (False, True), (False, False)):
        table = _table(cells, label, with_noise, with_values)
        surplus = max(map(len, table.splitlines())) - width
        if surplus <= 0:
            return table
    return _table(cells, max(12, label - surplus), False, False)


def _table(
    cells: list[Cell], label_width: int, with_noise: bool, with_values: bool
) -> str:
    from tabulate import tabulate

    rows = []
    for cell in cells:
        first, second, effect = _figures(cell)
        values = [first, second] if with_values else []
        label = cell.who.replace(",", ", ")
        row = [fill(label, label_width, break_on_hyphens=False), cell.quantity]
        noise = "" if cell.noise is None else f"{cell.noise:.1%}"
        rows.append(
            [*row, cell.verdict, *values, effect, *([noise] if with_noise else [])]
        )
    headers = ["model", "", "verdict", *(["first", "second"] if with_values else [])]
    return tabulate(
        rows,
        headers=[*headers, "effect (interval)", *(["noise"] if with_noise else [])],
        disable_numparse=True,
        colalign=[
            *["left"] * 3,
            *["right"] * (2 * with_values),
            "left",
            *["right"] * with_noise,
        ],
    )


def _wrapped(reason: str, width: int) -> str:
    return fill(reason, width, subsequent_indent="  ")


def _figures(cell: Cell) -> tuple[str, str, str]:
    return _value(cell.first), _value(cell.second), _effect(cell)


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _effect(cell: Cell) -> str:
    if cell.effect is None:
        return "–"
    if cell.low is None or cell.high is None:
        return _share(cell.effect)
    return f"{_share(cell.effect)} ({_share(cell.low)} … {_share(cell.high)})"


def _share(effect: float) -> str:
    return f"{effect:+.1%}" if effect < 1 else f"×{1 + effect:.3g}"


def _counted(found: Comparison) -> str:
    counts = dict.fromkeys(("WORSE", "BETTER", "UNSURE", "SAME"), 0)
    for cell in found.cells:
        counts[cell.verdict] += 1
    return ", ".join(f"{n} {verdict}" for verdict, n in counts.items())


def _feet(found: Comparison) -> list[str]:
    rules = found.rules
    return [
        *found.notes,
        f"A verdict is wrong in at most {rules.error_rate:.1%} of cells; a time must "
        f"differ by {rules.least_time:.0%} and a metric by {rules.least_error:.1%} "
        f"to count. Intervals are at {1 - rules.error_rate:.1%}.",
    ]

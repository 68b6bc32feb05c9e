"""`benchbox compare`: what got better or worse between two runs."""

import json
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
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
    require_complete,
    side_of_benchmarks,
    side_of_run,
)
from benchbox.cli.common import (
    complain_of,
    format_or_json,
    json_option,
    results_option,
    say,
)
from benchbox.cli.installed import installed
from benchbox.errors import BenchboxError, ResultsError, UsageError
from benchbox.metrics import Metric
from benchbox.ratings import Ratings
from benchbox.records import RunFolder
from benchbox.reports import TextTable, fitted, paragraph, remark, terminal_width
from benchbox.runs import Stages, resolve_metrics

_HEADINGS = ("model", "", "verdict", "first", "second", "effect (interval)", "noise")
_UNITS = (
    "Seconds are those of a whole round, all common folds together: the median over "
    "rounds. The table of a run shows the median over single trials."
)
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
    help="Output format.",
)
@click.option(
    "--least-time",
    type=click.FloatRange(min=0),
    default=Rules().least_time,
    show_default=True,
    help="Relative difference in time that matters: 0.1 is 10 %.",
)
@click.option(
    "--least-error",
    type=click.FloatRange(min=0),
    default=Rules().least_error,
    show_default=True,
    help="Relative difference in a metric that matters.",
)
@click.option(
    "--error-rate",
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    default=Rules().error_rate,
    show_default=True,
    help="Accepted rate of false BETTER or WORSE verdicts per cell.",
)
@click.option(
    "--trust-contended",
    is_flag=True,
    help="Compare times even if other programs disturbed them. Times of --jobs are "
    "never compared.",
)
@click.option(
    "--trust-machines", is_flag=True, help="Compare times of different machines."
)
@click.option(
    "--across-kinds",
    is_flag=True,
    help="Compare metrics even if only one side is told when each question is asked.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Compare what both have, even if SECOND lacks models or folds of FIRST.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Also show cells with the verdict SAME."
)
@json_option
@results_option
def command(
    first: str,
    second: str,
    form: str,
    as_json: bool,
    verbose: bool,
    out: Path,
    allow_missing: bool,
    **rules: Any,
) -> int:
    """Show what is better or worse in SECOND than in FIRST, the baseline.

    Each is a run, given by folder, name or "last", or a file that pytest wrote with
    --benchmark-json. The exit code is 1 if anything is WORSE, so that a CI job fails,
    and 2 if something of FIRST could not be compared. A metric that is gone is WORSE.
    """
    form = format_or_json(form, as_json)
    try:
        found = compare_named(
            first, second, out, Rules(**rules), allow_missing=allow_missing
        )
    except (BenchboxError, OSError) as error:
        # Not exit code 1: that is the verdict WORSE.
        raise UsageError(str(error)) from error
    if form == "json":
        encoded = msgspec.json.encode(found)
        say(msgspec.json.format(encoded, indent=1).decode())
    elif form == "markdown":
        say(markdown(found))
    else:
        say(_text(found, verbose))
    return int(found.is_worse)


def compare_named(
    first: str, second: str, out: Path, rules: Rules, *, allow_missing: bool = False
) -> Comparison:
    """Compare two runs or files by name.

    Raises:
        ResultsError: One of them does not exist or cannot be read, or something of the
            first could not be compared.
    """
    metrics = resolve_metrics(installed())
    pairing = None
    if not (_is_file(first) or _is_file(second)):
        folders = [RunFolder.find(name, out) for name in (first, second)]
        baseline, judged = folders
        pairing = Pairing(baseline, judged, cache(_Hidden(baseline)), metrics)
    before, after = (_side(name, out, metrics) for name in (first, second))
    found = compare_sides(before, after, rules=rules, paired=pairing)
    require_complete(before, after, found, allow_missing=allow_missing)
    return found


def _side(name: str, out: Path, metrics: Sequence[Metric]) -> Side:
    if not _is_file(name):
        folder = RunFolder.find(name, out)
        return side_of_run(folder.read_run(), folder.trials())
    try:
        return side_of_benchmarks(Path(name).name, _object_in(Path(name)), metrics)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ResultsError(
            f"{name} is not a file written by pytest --benchmark-json: {error}."
        ) from None


def _object_in(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError("it holds no object")
    return content


def _is_file(name: str) -> bool:
    return Path(name).is_file()


class _Hidden:
    """Rebuilds a run's folds to find their hidden ratings."""

    def __init__(self, folder: RunFolder) -> None:
        self._run = folder.read_run()

    @cached_property
    def _stages(self) -> Stages:
        return Stages(installed(), lambda text: None, self._run.config.columns)

    def __call__(self, number: int) -> Mapping[str, Ratings]:
        try:
            stage = self._stages.rebuild(self._run, number)
        except BenchboxError as error:
            complain_of(f"predictions cannot be compared pair by pair: {error}")
            return {}
        return {fold.id: fold.hidden for fold in stage.folds}


def markdown(found: Comparison) -> str:
    """Return the verdicts as Markdown, for a comment on a pull request."""
    lines = [f"### benchbox compare: {_counted(found)}", ""]
    shown = [cell for cell in found.cells if cell.verdict != "SAME"] or found.cells
    lines += ["| | data · protocol | model | | first | second | effect | basis |"]
    lines += ["|---|---|---|---|---:|---:|---|---|"]
    for cell in shown:
        where = [cell.where, cell.who, _quantity(cell)]
        cells = [f"{_MARKS[cell.verdict]} {cell.verdict}", *where, *_figures(cell)]
        text = " | ".join(part.replace("|", r"\|") for part in cells)
        lines.append(f"| {text} | {cell.reason.replace('|', ' ')} |")
    n_same = sum(cell.verdict == "SAME" for cell in found.cells)
    if shown is not found.cells and n_same:
        lines += ["", f"{n_same} cells with the verdict SAME are not shown."]
    return "\n".join([*lines, "", *_feet(found)])


def _text(found: Comparison, verbose: bool) -> str:
    width = terminal_width()
    parts = []
    for where in dict.fromkeys(cell.where for cell in found.cells):
        there = [cell for cell in found.cells if cell.where == where]
        mine = [cell for cell in there if verbose or cell.verdict != "SAME"]
        if mine:
            table = fitted(_table(mine), width)
            reasons = {f"{c.verdict}: {c.reason}.": None for c in mine if c.reason}
            said = remark(table.left_out, width, "compare -f json")
            said += [paragraph(reason, width, indent=2) for reason in reasons]
            parts += [paragraph(where, width), "", table.text, "", *said, ""]
    summary = f"{found.second} against {found.first}: {_counted(found)}."
    feet = [paragraph(text, width) for text in (summary, *_feet(found))]
    return "\n".join([*parts, *feet])


def _table(cells: list[Cell]) -> TextTable:
    return TextTable(
        headings=_HEADINGS,
        rows=[
            [
                cell.who,
                _quantity(cell),
                cell.verdict,
                *_figures(cell),
                "" if cell.noise is None else f"{cell.noise:.1%}",
            ]
            for cell in cells
        ],
        words=(0, 1, 2, 5),
        # Drop the noise first, then both values: the effect summarises them.
        gives_way=(6, 4, 3),
    )


def _quantity(cell: Cell) -> str:
    return f"{cell.quantity} ({cell.unit})" if cell.unit else cell.quantity


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
    timed = any(cell.unit for cell in found.cells)
    return [
        *found.notes,
        *([_UNITS] if timed else []),
        f"At most {rules.error_rate:.1%} of the cells have a wrong verdict. Times "
        f"must differ by {rules.least_time:.0%}, metrics by {rules.least_error:.1%} "
        f"to matter. Intervals have a confidence level of {1 - rules.error_rate:.1%}.",
    ]

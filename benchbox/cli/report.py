"""`benchbox report`: the tables of stored runs again, or what a paper adds to them."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from benchbox.cli.common import (
    complain_of,
    format_or_json,
    json_option,
    notify,
    results_option,
    say,
)
from benchbox.cli.installed import installed, report_formats, table_columns
from benchbox.errors import UsageError
from benchbox.records import RunFolder
from benchbox.reports import PAPER_FORMATS, Citations, View, rendered
from benchbox.runs import about_unfinished, page_of, paper_parts, save_page

_MOST_LINES = 5
"""About records that were left out; more are counted."""


@click.command("report")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "-f",
    "--format",
    "form",
    metavar="NAME",
    default="table",
    show_default=True,
    help="Output format: table, markdown, csv, latex, bibtex, json, or one from a "
    "plugin.",
)
@click.option(
    "--columns",
    metavar="NAME,…",
    help="Columns to show, in this order, such as rmse,mae,fit-s. For table, markdown "
    "and latex, like the next two.",
)
@click.option(
    "--sort",
    default="",
    metavar="[-]NAME",
    help="Column to sort by, or model; -NAME reverses.  [default: best first]",
)
@click.option(
    "--precision",
    type=click.IntRange(0, 12),
    help="Decimals of scores; percentages have two fewer.  [default: 4]",
)
@click.option(
    "--appendix",
    is_flag=True,
    help="Print splits, options, search spaces, budgets and machine for a paper, as "
    "markdown or latex.",
)
@click.option(
    "--checklist",
    is_flag=True,
    help="Print the checklists of ACM and NeurIPS, filled in from the records, as "
    "markdown or latex.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write tables, charts and trials to FILE, a page that needs no network.",
)
@json_option
@results_option
@click.pass_context
def command(
    context: click.Context,
    /,
    runs: tuple[str, ...],
    form: str,
    as_json: bool,
    appendix: bool,
    checklist: bool,
    html: Path | None,
    out: Path,
    **seen: Any,
) -> int:
    """Print the tables of RUN, given by folder, name or "last" (the default).

    Several runs are shown in common tables, as one run on all their folds, seeds and
    models. All figures in a column have the same definition. Records that are missing,
    were changed or belong elsewhere are left out and named; the exit code is then 1.
    """
    registry = installed()
    view = View(
        columns=_names(seen["columns"]), sort=seen["sort"], decimals=seen["precision"]
    )
    is_form_given = (
        as_json or context.get_parameter_source("form") is not ParameterSource.DEFAULT
    )
    form = format_or_json(form, as_json)
    is_paper = appendix or checklist
    if view.is_chosen and (html is not None or is_paper):
        raise UsageError(
            "--columns, --sort and --precision are for tables; leave them out with "
            "--html, --appendix and --checklist."
        )
    if html is not None and (is_form_given or is_paper):
        raise UsageError(
            "--html writes a page of its own; leave out --format, --appendix and "
            "--checklist."
        )
    if is_paper and is_form_given and form not in PAPER_FORMATS:
        raise UsageError(
            f"--appendix and --checklist have the formats "
            f"{' and '.join(PAPER_FORMATS)}, not {form!r}."
        )
    registry.find("formats", form)
    folders = [RunFolder.find(run, out) for run in runs or ("last",)]
    if html is not None:
        save_page(html, page_of(folders, registry, notify))
        say(f"Written: {html}", err=True)
        return 0
    if is_paper:
        write = PAPER_FORMATS[form if is_form_given else next(iter(PAPER_FORMATS))]
        parts = paper_parts(
            folders, registry, with_appendix=appendix, with_checklist=checklist
        )
        say(write(parts))
        return 0
    read = [(folder.read_run(), folder.examine()) for folder in folders]
    say(
        rendered(
            [(run, found.records) for run, found in read],
            form,
            report_formats(registry),
            table_columns(registry),
            view=view,
            citations=Citations.of(registry),
        )
    )
    for folder in folders:
        if line := about_unfinished(folder):
            complain_of(line)
    return _complain_of_left_out([line for _, found in read for line in found.left_out])


def _complain_of_left_out(lines: list[str]) -> int:
    for line in lines[:_MOST_LINES]:
        complain_of(f"left out: {line}")
    if len(lines) > _MOST_LINES:
        complain_of(f"left out: {len(lines) - _MOST_LINES:,} more.")
    return int(bool(lines))


def _names(listed: str | None) -> list[str]:
    if listed is None:
        return []
    names = [name.strip() for name in listed.split(",")]
    if not all(names):
        raise UsageError(f"--columns takes names, such as rmse,fit-s; not {listed!r}.")
    return names

"""Stats: the sections of a run's analyses in several formats."""

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from textwrap import fill
from typing import Any

import msgspec
import tabulate

from benchbox.analysis import Analysis
from benchbox.records import RunRecord
from benchbox.reports.columns import title, what_was_scored
from benchbox.reports.sections import sections
from benchbox.reports.sections.ranking import ranks
from benchbox.reports.sections.section import Section
from benchbox.reports.structured import definition

_LABEL_WIDTH = 26
"""Widest label in a terminal before it goes over several lines."""


def in_terminal(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as text for the present width of the terminal."""
    width = shutil.get_terminal_size((100, 24)).columns
    paragraph = partial(fill, width=width, break_on_hyphens=False)

    def block(section: Section) -> str:
        said = map(paragraph, section.notes)
        tables = "\n\n".join(_fitting(section, width))
        return "\n".join([paragraph(section.title), "", tables, "", *said])

    blocks = []
    for analysis in analyses:
        said = map(paragraph, _notes(run, analysis))
        blocks.append("\n".join([title(analysis.stage), "", *said]))
        blocks += map(block, sections(analysis))
    return "\n\n\n".join([*blocks, *map(block, ranks(analyses))])


def in_markdown(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as Markdown."""

    def block(section: Section) -> str:
        cells = [[cell.replace("|", r"\|") for cell in row] for row in section.cells]
        said = "\n".join(f"- {note}" for note in section.notes)
        table = _table(section.headings, cells, "pipe")
        return f"### {section.title}\n\n{table}\n\n{said}\n"

    blocks = []
    for analysis in analyses:
        said = "\n".join(f"- {note}" for note in _notes(run, analysis))
        blocks.append(f"## {title(analysis.stage)}\n\n{said}\n")
        blocks += map(block, sections(analysis))
    return "\n".join([*blocks, *map(block, ranks(analyses))])


def in_json(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as JSON, with nothing rounded."""
    content = {
        "run": run.id,
        "stages": [
            {
                "stage": analysis.stage,
                "clip": analysis.clip,
                "left_out": analysis.left_out,
                **{s.name: s.records for s in sections(analysis)},
            }
            for analysis in analyses
        ],
        **{section.name: section.records for section in ranks(analyses)},
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode()


def in_csv(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as one CSV; each kind of figure has columns of its own."""
    lines = list(_lines(run, analyses))
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


STATS_FORMATS: Mapping[str, Callable[[RunRecord, Sequence[Analysis]], str]] = {
    "table": in_terminal,
    "markdown": in_markdown,
    "csv": in_csv,
    "json": in_json,
}
"""Writer of each format."""


# Headings of columns that hold words; all others hold numbers.
_WORDS = ("model", "first against second", "verdict", "group")


def _lines(run: RunRecord, analyses: Sequence[Analysis]) -> Iterator[dict[str, Any]]:
    for analysis in analyses:
        stage = analysis.stage
        shared = definition(run, stage) | {"clipped": analysis.clip}
        # A figure that measures no prediction has a column of its own.
        prefix = "flawed_" if stage.flaw else ""
        for section in sections(analysis):
            for record in section.records:
                yield (
                    shared
                    | {"section": section.name}
                    | {_column(key, prefix): value for key, value in record.items()}
                )
    for section in ranks(analyses):
        for record in section.records:
            yield {"run": run.id, "section": section.name} | record


_NO_FIGURES = ("model", "first", "second", "slice", "group", "estimand", "verdict")


def _column(key: str, prefix: str) -> str:
    return key if key in _NO_FIGURES else prefix + key


def _notes(run: RunRecord, analysis: Analysis) -> list[str]:
    stage = analysis.stage
    flaw = [f"⚠ No measure of prediction: {stage.flaw}."] if stage.flaw else []
    said = [*flaw, what_was_scored(run, stage)]
    if analysis.left_out:
        names = ", ".join(analysis.left_out)
        said.append(f"Left out, as they have no prediction of every fold: {names}.")
    return said


def _fitting(section: Section, width: int) -> Iterator[str]:
    """Yield the section as tables that fit *width*, each with the labels."""
    columns = list(range(1, len(section.headings)))
    while columns:
        n = len(columns)
        while n > 1 and _width(section, columns[:n]) > width:
            n -= 1
        yield _part(section, columns[:n])
        columns = columns[n:]


def _width(section: Section, places: list[int]) -> int:
    return max(map(len, _part(section, places).splitlines()))


def _part(section: Section, places: list[int]) -> str:
    headings = [section.headings[place] for place in (0, *places)]
    cells = [
        [_wrapped(row[0]), *(row[place] for place in places)] for row in section.cells
    ]
    return _table([headings[0], *map(_on_lines, headings[1:])], cells, "simple")


def _wrapped(label: str) -> str:
    # Options are parted by commas, which is where a line may best end.
    return fill(label.replace(",", ", "), _LABEL_WIDTH, break_on_hyphens=False)


def _on_lines(heading: str) -> str:
    return fill(heading, 13, break_on_hyphens=False)


def _table(headings: list[str], cells: list[list[str]], form: str) -> str:
    # Room is scarce: no more space around a heading than around a number.
    tabulate.MIN_PADDING = 0
    return str(
        tabulate.tabulate(
            cells,
            headers=headings,
            tablefmt=form,
            disable_numparse=True,
            colalign=["left" if h in _WORDS else "right" for h in headings],
        )
    )

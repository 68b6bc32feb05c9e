"""Writes the statistics of a run in several formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from benchbox.analysis import Analysis
from benchbox.records import RunRecord
from benchbox.reports.columns import TOLD
from benchbox.reports.delimited import csv_of
from benchbox.reports.fitting import (
    TextTable,
    fitted,
    paragraph,
    remark,
    terminal_width,
)
from benchbox.reports.notes import title, what_was_scored, when_asked
from benchbox.reports.other_pairs import about_other_pairs
from benchbox.reports.pipes import pipe_table
from benchbox.reports.sections import sections
from benchbox.reports.sections.ranking import ranks
from benchbox.reports.sections.section import Section
from benchbox.reports.structured import definition
from benchbox.reports.warnings import audit_warnings, time_warnings

_HEADING_WIDTH = 13
"""Width in a terminal at which headings of figures are wrapped."""

_ELSEWHERE = "stats -f csv"


def in_terminal(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as text for the current width of the terminal."""
    width = terminal_width()

    def block(section: Section) -> str:
        table = fitted(_text_table(_marked(section, analyses)), width)
        said = [paragraph(note, width) for note in section.notes]
        said = [*remark(table.left_out, width, _ELSEWHERE), *said]
        return "\n".join([paragraph(section.title, width), "", table.text, "", *said])

    blocks = []
    for analysis in analyses:
        said = [paragraph(note, width) for note in _notes(run, analysis)]
        blocks.append("\n".join([title(analysis.stage), "", *said]))
        blocks += map(block, sections(analysis))
    return "\n\n\n".join([*blocks, *map(block, ranks(analyses))])


def in_markdown(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as Markdown."""

    def block(section: Section) -> str:
        said = "\n".join(f"- {note}" for note in section.notes)
        cells = _marked(section, analyses).cells
        table = pipe_table(section.headings, cells, n_words=section.n_words)
        return f"### {section.title}\n\n{table}\n\n{said}\n"

    blocks = []
    for analysis in analyses:
        said = "\n".join(f"- {note}" for note in _notes(run, analysis))
        blocks.append(f"## {title(analysis.stage)}\n\n{said}\n")
        blocks += map(block, sections(analysis))
    return "\n".join([*blocks, *map(block, ranks(analyses))])


def in_json(run: RunRecord, analyses: Sequence[Analysis]) -> str:
    """Return everything as unrounded JSON."""
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
    """Return everything as one CSV, with separate columns for each kind of figure."""
    return csv_of(_lines(run, analyses))


STATS_FORMATS: Mapping[str, Callable[[RunRecord, Sequence[Analysis]], str]] = {
    "table": in_terminal,
    "markdown": in_markdown,
    "csv": in_csv,
    "json": in_json,
}
"""Writer of each format."""


def _lines(run: RunRecord, analyses: Sequence[Analysis]) -> Iterator[dict[str, Any]]:
    for analysis in analyses:
        stage = analysis.stage
        shared = definition(run, stage) | {"clipped": analysis.clip}
        # Figures that do not measure prediction quality get their own columns.
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


_NO_FIGURES = (
    "model",
    "first",
    "second",
    "slice",
    "group",
    "estimand",
    "asked_again",
    "verdict",
)


def _column(key: str, prefix: str) -> str:
    return key if key in _NO_FIGURES else prefix + key


def _notes(run: RunRecord, analysis: Analysis) -> list[str]:
    stage = analysis.stage
    flaw = (
        [f"⚠ These figures do not measure prediction: {stage.flaw}."]
        if stage.flaw
        else []
    )
    doubts = [f"⚠ In {text}." for text in audit_warnings(stage)]
    said = [*flaw, *doubts, *stage.notes, what_was_scored(run, stage)]
    if told := [m.label for m in analysis.models if m.asks_times]:
        said.append(
            f"{TOLD}: is told when each question is asked, which the other models are "
            f"not, and is compared with them only because of --across-kinds: "
            f"{', '.join(told)}."
            if analysis.across_kinds
            else f"{when_asked(told)} --across-kinds compares all."
        )
        said += [f"⚠ {TOLD} In {text}." for text in time_warnings(stage)]
    said += about_other_pairs(analysis.asked_again)
    if analysis.left_out:
        names = ", ".join(analysis.left_out)
        said.append(f"Left out, as they lack predictions of some folds: {names}.")
    return said


def _marked(section: Section, analyses: Sequence[Analysis]) -> Section:
    """Return *section* with a sign after models told when each question is asked."""
    told = {m.label for a in analyses for m in a.models if m.asks_times}

    def sign(cell: str) -> str:
        names = cell.split(" – ")
        return " – ".join(f"{n} {TOLD}" if n in told else n for n in names)

    return replace(section, cells=[[sign(row[0]), *row[1:]] for row in section.cells])


def _text_table(section: Section) -> TextTable:
    first, *others = section.headings
    return TextTable(
        headings=[first, *(paragraph(text, _HEADING_WIDTH) for text in others)],
        rows=section.cells,
        words=range(section.n_words),
        gives_way=section.gives_way,
    )

"""Renders a study as one HTML file that needs no network."""

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchbox.errors import printable
from benchbox.records import MetricRecord, PlannedModel
from benchbox.reports.columns import columns, sign
from benchbox.reports.figures import (
    FIGURES,
    NEED_STATISTICS,
    Figure,
    figures,
    on_page,
    over_datasets,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.library import needs_report_extra, vega_script
from benchbox.reports.notes import notes, title, troubles
from benchbox.reports.numbers import MISSING, signed
from benchbox.reports.pages.definitions import definitions
from benchbox.reports.pages.study import Chapter, Study
from benchbox.reports.pages.trials import trial_rows
from benchbox.reports.recommendation import recommendation
from benchbox.reports.rows import Row
from benchbox.reports.sections import Section, ranks, sections

_HERE = Path(__file__).parent

_MARKS = {"best": "best", "tied": "tie", "": ""}


def page(study: Study) -> str:
    """Return the page of a study.

    Whatever others wrote, such as names, reasons and logs, is text in it: the template
    escapes it, and the browser runs no script but those two whose hashes the page
    names.

    Raises:
        UsageError: The packages of the extra ``report`` are not installed.
    """
    needs_report_extra("An HTML report")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    def safe(value: Any) -> Any:
        # Texts that the template calls safe are benchbox's own.
        is_plain = isinstance(value, str) and not hasattr(value, "__html__")
        return printable(value) if is_plain else value

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=safe,
    )
    charts: dict[str, Any] = {}
    chapters = [
        _chapter(study, number, chapter, charts)
        for number, chapter in enumerate(study.chapters, 1)
    ]
    across = over_datasets([chapter.board for chapter in study.chapters])
    scripts = [vega_script(), (_HERE / "report.js").read_text(encoding="utf-8")]
    analyses = [a for chapter in study.chapters for a in chapter.analyses[:1]]
    return environment.get_template("report.html.j2").render(
        run=study.run,
        runs=[run for run, _ in study.runs],
        chapters=chapters,
        across=_figure(across, "all", charts) if across else None,
        ranks=ranks(analyses),
        choices=_choices(chapters),
        without_statistics=study.without_statistics,
        n_ended=sum(len(trials) for _, trials in study.runs),
        definitions=definitions(_measured(study)),
        sources=study.sources,
        policy=_policy(scripts),
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        scripts=scripts,
        charts=as_data(charts),
        trials=as_data(trial_rows(study)),
    )


def as_data(content: object) -> str:
    """Return JSON that can stand in an element of HTML, whatever its texts are."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return printable(text)


def _measured(study: Study) -> Iterator[MetricRecord]:
    """Return the metrics that some model has a value of."""
    rows = [row for chapter in study.chapters for row in chapter.board.rows]
    for metric in study.run.metrics:
        if any(metric.name in row.summaries for row in rows):
            yield metric


def _policy(scripts: list[str]) -> str:
    """Return the rule by which a browser runs these scripts and loads nothing."""
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        f"img-src data:; base-uri 'none'; form-action 'none'"
    )


def _chapter(
    study: Study, number: int, chapter: Chapter, charts: dict[str, Any]
) -> dict[str, Any]:
    board = chapter.board
    return {
        "id": f"table-{number}",
        "title": title(board.stage),
        "dataset": board.stage.dataset,
        "protocol": board.stage.protocol,
        "in_short": recommendation(board, chapter.analysis),
        "columns": columns(board),
        "rows": list(_rows(study, board)),
        "has_intervals": any(row.behind for row in board.rows),
        "notes": notes(study.run, board, best="best", tied="tie"),
        "troubles": troubles(board),
        "figures": [
            _figure(figure, f"{number}-{place}", charts)
            for place, figure in enumerate(_figures(chapter))
        ],
        "sections": list(_sections(chapter)),
    }


def _figures(chapter: Chapter) -> Iterator[Figure]:
    yield from figures(chapter.board, chapter.analysis)
    if chapter.analysis is None:
        # Each run has statistics of its own models.
        for analysis in chapter.analyses:
            for name in NEED_STATISTICS:
                if figure := FIGURES[name](chapter.board, analysis):
                    yield figure


def _sections(chapter: Chapter) -> Iterator[Section]:
    for analysis in chapter.analyses:
        yield from sections(analysis)


def _figure(figure: Figure, place: str, charts: dict[str, Any]) -> dict[str, Any]:
    """Store the panels of a figure, and return what the template needs of it."""
    ids = []
    for number, panel in enumerate(figure.panels):
        name = f"chart-{place}-{number}"
        charts[name] = {"description": figure.caption} | on_page(panel)
        ids.append(name)
    return {
        "id": f"figure-{place}",
        "name": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "panels": ids,
        "is_grid": figure.columns > 1,
    }


def _rows(study: Study, board: Leaderboard) -> Iterator[dict[str, Any]]:
    metric = board.metrics[0]
    models = {model.label: model for run, _ in study.runs for model in run.models}
    shown = columns(board)
    bests = {r.asks_times: r.summaries.get(metric.name) for r in reversed(board.rows)}
    for place, row in enumerate(board.rows, 1):
        mine, best = row.summaries.get(metric.name), bests[row.asks_times]
        behind = mine.mean - best.mean if mine and best else None
        yield {
            "place": place,
            "label": row.label,
            "family": family_of(models[row.label]),
            "mark": _MARKS[row.mark],
            "flag": sign(row),
            "why": row.flag,
            "cells": [
                (column.text(row).strip(), column.value(row)) for column in shown
            ],
            "behind": _behind(board, row, behind),
            "behind_value": behind,
        }


def _behind(board: Leaderboard, row: Row, difference: float | None) -> str:
    if row.behind is None or difference is None:
        return MISSING
    metric, found = board.metrics[0], row.behind
    ends = f"{signed(metric, found.low)}, {signed(metric, found.high)}"
    return f"{signed(metric, difference)} [{ends}]"


def family_of(model: PlannedModel) -> str:
    """Return the family of a model: the package it is from, in a word."""
    module = model.target.partition(":")[0]
    if module.endswith(".py"):
        return "own file"
    return module.partition(".")[0].removeprefix("benchbox_")


def _choices(chapters: list[dict[str, Any]]) -> dict[str, list[str]]:
    families = {row["family"] for chapter in chapters for row in chapter["rows"]}
    return {
        "dataset": list(dict.fromkeys(c["dataset"] for c in chapters)),
        "protocol": list(dict.fromkeys(c["protocol"] for c in chapters)),
        "family": sorted(families),
    }

"""The columns of a leaderboard as text, for tables that people read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchbox.errors import UsageError, nearest
from benchbox.options import spell
from benchbox.plugins import ColumnSpec
from benchbox.records import MetricRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.numbers import (
    MISSING,
    common_decimals,
    count,
    heading,
    mebibytes,
    milliseconds,
    number,
    percent,
    plain,
    seconds,
)
from benchbox.reports.other_pairs import DEPENDS, depends
from benchbox.reports.rows import Flag, Row

WORSE: Flag = "worse than the bias model"
LEAK: Flag = "better than the noise floor"

EXACT: Flag = "predicts hidden ratings exactly"
FLAGS: dict[Flag, str] = {WORSE: "▽", LEAK: "⚠", EXACT: "⚠", "": ""}
"""Sign after the first score of a row, the same in all formats."""

TOLD = "◷"
"""Sign of a model that is told when each question is asked, in all formats."""

FRONT = "◆"
"""Sign after the fit seconds of a model on the accuracy–cost front."""

HASTENED = "⚠"
"""Sign after the fit seconds of a model whose repeats were suspiciously fast."""

TOGETHER = "⊘"
"""Sign after the fit seconds of a model whose trials ran beside others of the run."""

READY = "ready s"
"""Heading of the seconds from the data to the first predictions."""

_MODEL = "model"
"""Name of the labels, to sort by."""

_COSTS = (
    "parameters",
    "GPU MiB",
    "energy J",
    "pairs/s",
    "coverage",
    "MiB",
    READY,
    "row ms",
)
"""Headings of columns that are left out of narrow tables, in that order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Column heading.
        text: Returns the cell of a row.
        value: Returns what to sort a row by; `None` sorts last.
        name: Name on the command line.
        metric: The metric in the column, if any.
        bare: Returns the cell without its spread over folds, if it has one.
        of_plugin: Whether a plugin added the column.
    """

    heading: str
    text: Callable[[Row], str]
    value: Callable[[Row], float | str | None]
    name: str
    metric: MetricRecord | None = None
    bare: Callable[[Row], str] | None = None
    of_plugin: bool = False


def sign(row: Row) -> str:
    """Return what warns of the scores of a row, the same in all formats."""
    flag = FLAGS[row.flag]
    again = DEPENDS * (depends(row.asked_again) and flag != DEPENDS)
    return flag + again + (TOLD if row.asks_times else "")


def columns(board: Leaderboard) -> list[Column]:
    """Return the columns of *board* that its view shows.

    Raises:
        UsageError: The view names a column that the table lacks.
    """
    every = _every_column(board)
    return [_named(board, every, name) for name in board.view.columns] or every


def ordered(board: Leaderboard) -> list[Row]:
    """Return the rows of *board* in the order of its view.

    Raises:
        UsageError: The view names a column that the table lacks.
    """
    name = board.view.sort.removeprefix("-")
    if not name:
        return board.rows
    if name == _MODEL:
        by_name = sorted(board.rows, key=lambda row: row.label)
        return by_name[::-1] if board.view.sort.startswith("-") else by_name
    column = _named(board, _every_column(board), name)
    worst_first = board.view.sort.startswith("-")
    known = [row for row in board.rows if column.value(row) is not None]
    # Numbers before the texts that a plugin's column may hold beside them.
    known.sort(key=lambda row: _rank(column, row), reverse=worst_first)
    return known + [row for row in board.rows if column.value(row) is None]


def _rank(column: Column, row: Row) -> tuple[bool, float | str]:
    value = column.value(row)
    if isinstance(value, str) or value is None:
        return True, value or ""
    metric = column.metric
    if metric is not None and metric.target is not None:
        return False, abs(value - metric.target)
    return False, -value if metric is not None and metric.higher_is_better else value


def marked_place(board: Leaderboard, shown: Sequence[Column]) -> int:
    """Return the position of the cell with the marks of a row, the label being 0.

    It is the score that the table is ordered by, or the label if that is not shown.
    """
    names = [column.name for column in shown]
    headline = board.metrics[0].name
    return names.index(headline) + 1 if headline in names else 0


def _named(board: Leaderboard, every: Sequence[Column], name: str) -> Column:
    for column in every:
        if name in (column.name, column.heading):
            return column
    known = [column.name for column in every]
    stage = spell(board.stage.dataset, board.stage.dataset_options)
    raise UsageError(
        f"The table of {stage} has no column {name!r}.{nearest(name, known)} It has: "
        f"{', '.join(known)}."
    )


def _every_column(board: Leaderboard) -> list[Column]:
    return [
        *(_metric_column(m, board.view.decimals) for m in shown_metrics(board)),
        _column("coverage", percent, lambda row: row.coverage),
        *_measured(board, _column("tuning s", seconds, lambda row: row.tuning_seconds)),
        replace(
            _column("fit s", seconds, lambda row: row.fit_seconds), text=fit_seconds
        ),
        *_measured(board, _column(READY, seconds, lambda row: row.ready_seconds)),
        _column("pairs/s", count, lambda row: row.pairs_per_second),
        *_measured(board, _column("row ms", milliseconds, lambda row: row.row_seconds)),
        *_measured(board, _column("energy J", seconds, lambda row: row.energy_joules)),
        _column("MiB", mebibytes, lambda row: row.peak_memory_bytes),
        *_measured(
            board,
            _column("GPU MiB", mebibytes, lambda row: row.peak_accelerator_bytes),
        ),
        _column("parameters", count, lambda row: row.n_parameters),
        *(found for spec in board.columns for found in _of_plugin(board, spec)),
        *_trials_column(board),
    ]


def _column(
    heading: str, text: Callable[[Any], str], value: Callable[[Row], float | None]
) -> Column:
    name = "-".join(re.findall(r"\w+", heading)).lower()
    return Column(
        heading=heading, text=lambda row: text(value(row)), value=value, name=name
    )


def least_important(shown: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    """Return the positions of columns that may be left out, in that order.

    Metrics that only some models have go first, and those averaged over users or items,
    since they are variants of another metric; then columns of plugins, then costs, then
    all metrics but the first, by which the table is ordered.
    """
    places = {column.heading: n for n, column in enumerate(shown)}
    metrics = [(n, c.metric) for n, c in enumerate(shown) if n and c.metric is not None]
    by_rating = [
        n
        for n, metric in metrics
        if metric.pooling == "rating"
        and all(metric.name in row.summaries for row in rows if row.summaries)
    ]
    others = [n for n, _ in metrics if n not in by_rating]
    costs = [places[heading] for heading in _COSTS if heading in places]
    known = {*costs, *(n for n, _ in metrics), 0}
    of_plugins = [n for n, c in enumerate(shown) if n not in known and c.of_plugin]
    return [*reversed(others), *of_plugins, *costs, *reversed(by_rating)]


def shown_metrics(board: Leaderboard) -> list[MetricRecord]:
    """Return the metrics for which any row has a value."""
    return [m for m in board.metrics if any(m.name in r.summaries for r in board.rows)]


def _metric_column(metric: MetricRecord, decimals: int | None) -> Column:
    def bare(row: Row) -> str:
        return number(metric, _mean(row, metric), decimals)

    def text(row: Row) -> str:
        summary = row.summaries.get(metric.name)
        if summary is None or summary.fold_deviation is None:
            return bare(row)
        return f"{bare(row)} ±{number(metric, summary.fold_deviation, decimals)}"

    return Column(
        heading=heading(metric),
        text=text,
        value=lambda row: _mean(row, metric),
        name=metric.name,
        metric=metric,
        bare=bare,
    )


def _mean(row: Row, metric: MetricRecord) -> float | None:
    summary = row.summaries.get(metric.name)
    return None if summary is None else summary.mean


def fit_seconds(row: Row) -> str:
    """Return the seconds of the fit with the mark of the row's times."""
    marks = {
        HASTENED: row.n_hastened,
        TOGETHER: row.is_contended and row.fit_seconds is not None,
        FRONT: row.is_on_front,
    }
    return seconds(row.fit_seconds) + next(filter(marks.get, marks), " ")


def _measured(board: Leaderboard, column: Column) -> list[Column]:
    """Return the column if any row has a value for it."""
    found = any(column.text(row) != MISSING for row in board.rows)
    return [column] if found else []


def _of_plugin(board: Leaderboard, spec: ColumnSpec) -> list[Column]:
    values = [row.more.get(spec.name) for row in board.rows]
    decimals = common_decimals(v for v in values if isinstance(v, int | float))

    def text(row: Row) -> str:
        value = row.more.get(spec.name)
        if isinstance(value, str):
            return value
        return MISSING if value is None else plain(value, decimals)

    column = Column(
        heading=spec.heading,
        text=text,
        value=lambda row: row.more.get(spec.name),
        name=spec.name,
        of_plugin=True,
    )
    return _measured(board, column)


def _trials_column(board: Leaderboard) -> list[Column]:
    if all(row.n_ok == row.n_trials for row in board.rows):
        return []
    column = _column("trials", str, lambda row: row.n_ok)
    return [replace(column, text=lambda row: f"{row.n_ok}/{row.n_trials}")]

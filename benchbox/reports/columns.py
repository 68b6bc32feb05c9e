"""The columns of a leaderboard as text, for tables that people read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchbox.plugins import ColumnSpec
from benchbox.records import MetricRecord
from benchbox.reports.leaderboard import Flag, Leaderboard, Row
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

READY = "ready s"
"""Heading of the seconds from the data to the first predictions."""

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
        metric: The metric in the column, if any.
        bare: Returns the cell without its spread over folds, if it has one.
        of_plugin: Whether a plugin added the column.
    """

    heading: str
    text: Callable[[Row], str]
    metric: MetricRecord | None = None
    bare: Callable[[Row], str] | None = None
    of_plugin: bool = False


def sign(row: Row) -> str:
    """Return what warns of the scores of a row, the same in all formats."""
    flag = FLAGS[row.flag]
    again = DEPENDS * (depends(row.asked_again) and flag != DEPENDS)
    return flag + again + (TOLD if row.asks_times else "")


def columns(board: Leaderboard) -> list[Column]:
    """Return the columns of *board*."""
    return [
        *map(_metric_column, shown_metrics(board)),
        Column(heading="coverage", text=lambda row: percent(row.coverage)),
        *_measured(board, "tuning s", lambda row: seconds(row.tuning_seconds)),
        Column(heading="fit s", text=_fit_seconds),
        *_measured(board, READY, lambda row: seconds(row.ready_seconds)),
        Column(heading="pairs/s", text=lambda row: count(row.pairs_per_second)),
        *_measured(board, "row ms", lambda row: milliseconds(row.row_seconds)),
        *_measured(board, "energy J", lambda row: seconds(row.energy_joules)),
        Column(heading="MiB", text=lambda row: mebibytes(row.peak_memory_bytes)),
        *_measured(board, "GPU MiB", lambda row: mebibytes(row.peak_accelerator_bytes)),
        Column(heading="parameters", text=lambda row: count(row.n_parameters)),
        *(found for spec in board.columns for found in _of_plugin(board, spec)),
        *_trials_column(board),
    ]


def least_important(shown: Sequence[Column]) -> list[int]:
    """Return the positions of columns that may be left out, in that order.

    Metrics averaged over users or items go first, since they are variants of another
    metric; then columns of plugins, then costs, then all metrics but the first, by
    which the table is ordered.
    """
    places = {column.heading: n for n, column in enumerate(shown)}
    metrics = [(n, c.metric) for n, c in enumerate(shown) if n and c.metric is not None]
    by_rating = [n for n, metric in metrics if metric.pooling == "rating"]
    others = [n for n, metric in metrics if metric.pooling != "rating"]
    costs = [places[heading] for heading in _COSTS if heading in places]
    known = {*costs, *(n for n, _ in metrics), 0}
    of_plugins = [n for n, c in enumerate(shown) if n not in known and c.of_plugin]
    return [*reversed(others), *of_plugins, *costs, *reversed(by_rating)]


def shown_metrics(board: Leaderboard) -> list[MetricRecord]:
    """Return the metrics for which any row has a value."""
    return [m for m in board.metrics if any(m.name in r.summaries for r in board.rows)]


def _metric_column(metric: MetricRecord) -> Column:
    def bare(row: Row) -> str:
        summary = row.summaries.get(metric.name)
        return number(metric, None if summary is None else summary.mean)

    def text(row: Row) -> str:
        summary = row.summaries.get(metric.name)
        if summary is None or summary.fold_deviation is None:
            return bare(row)
        return f"{bare(row)} ±{number(metric, summary.fold_deviation)}"

    return Column(heading=heading(metric), text=text, metric=metric, bare=bare)


def _fit_seconds(row: Row) -> str:
    mark = HASTENED if row.n_hastened else FRONT if row.is_on_front else " "
    return seconds(row.fit_seconds) + mark


def _measured(
    board: Leaderboard, heading: str, text: Callable[[Row], str]
) -> list[Column]:
    """Return a column if any row has a value for it."""
    found = any(text(row) != MISSING for row in board.rows)
    return [Column(heading=heading, text=text)] if found else []


def _of_plugin(board: Leaderboard, spec: ColumnSpec) -> list[Column]:
    values = [row.more.get(spec.name) for row in board.rows]
    decimals = common_decimals(v for v in values if isinstance(v, int | float))

    def text(row: Row) -> str:
        value = row.more.get(spec.name)
        if isinstance(value, str):
            return value
        return MISSING if value is None else plain(value, decimals)

    return [
        replace(column, of_plugin=True)
        for column in _measured(board, spec.heading, text)
    ]


def _trials_column(board: Leaderboard) -> list[Column]:
    if all(row.n_ok == row.n_trials for row in board.rows):
        return []
    return [Column(heading="trials", text=lambda row: f"{row.n_ok}/{row.n_trials}")]

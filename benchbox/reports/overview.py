"""Overview tables of a run's cases, separate for flawed and honest protocols."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchbox.records import MetricRecord, PublishedRecord, RunRecord, StageRecord
from benchbox.reports.columns import FLAGS, WORSE, fit_seconds, sign
from benchbox.reports.fitting import TextTable, fitted, paragraph, remark
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.notes import (
    about_access,
    about_question_times,
    troubles,
    where_it_ran,
)
from benchbox.reports.numbers import MISSING, heading, number
from benchbox.reports.other_pairs import about_other_pairs
from benchbox.reports.pipes import pipe_table
from benchbox.reports.rows import Row
from benchbox.reports.warnings import audit_warnings

_FLAWED = "⚠ Under the authors' protocols, which do not measure prediction"
_HONEST = "Under honest protocols, on ratings that the model has not seen"

_ELSEWHERE = "report -f csv"


@dataclass(frozen=True, slots=True)
class _Part:
    """A table of the overview: rows of cells under the name of each case.

    Attributes:
        title: Heading of the table.
        headings: Column headings.
        gives_way: Positions of columns that may be left out, in that order.
        cases: Name and rows of each case.
    """

    title: str
    headings: Sequence[str]
    gives_way: Sequence[int]
    cases: list[tuple[str, list[list[str]]]]


def render_plain(run: RunRecord, boards: list[Leaderboard], width: int) -> str:
    """Return the overview as text that fits *width*, as far as possible."""
    tables = [_plain(part, width) for part in _parts(run, boards)]
    said = [paragraph(text, width) for text in _notes(run, boards)]
    return "\n\n".join([*tables, "\n".join(said)])


def render_markdown(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the overview as Markdown."""
    tables = [_markdown(part) for part in _parts(run, boards)]
    said = "".join(f"- {text}\n" for text in _notes(run, boards))
    return "\n".join([*tables, said])


def _parts(run: RunRecord, boards: list[Leaderboard]) -> Iterator[_Part]:
    flawed = [board for board in boards if board.stage.flaw]
    honest = [board for board in boards if not board.stage.flaw]
    if flawed:
        yield _Part(
            title=_FLAWED,
            headings=["model", "figure", "published", "ours", "bias"],
            gives_way=[4],
            cases=[(_name(b.stage), list(_flawed_rows(run, b))) for b in flawed],
        )
    if honest:
        headline, *others = _overview_metrics(honest[0])
        n = len(others)
        yield _Part(
            title=_HONEST,
            headings=[
                "model",
                heading(headline),
                "bias",
                *map(heading, others),
                "fit s",
                "published",
            ],
            gives_way=[3 + n, *range(2 + n, 2, -1), 2],
            cases=[(_name(b.stage), list(_honest_rows(run, b))) for b in honest],
        )


def _overview_metrics(board: Leaderboard) -> list[MetricRecord]:
    """Return the headline metric, and metrics that do not depend on the rating scale.

    Cases have different rating scales, across which only fractions are comparable.
    """
    headline, *others = board.metrics
    return [headline, *(m for m in others if m.unit == "fraction" and not m.flaw)]


def _notes(run: RunRecord, boards: list[Leaderboard]) -> Iterator[str]:
    clipping = "clipped to the scale" if run.config.clip else "not clipped"
    yield (
        f"Each case has its own hidden ratings: compare only within a case. Our "
        f"predictions are {clipping}. bias: the bias model on the same ratings; "
        f"{FLAGS[WORSE]}: worse than the bias model."
    )
    if any(board.stage.case and board.stage.case.wanted for board in boards):
        yield (
            "In brackets: published for data that are not on this machine; ours are "
            "for the data used in their place."
        )
    for board in boards:
        for text in audit_warnings(board.stage):
            yield f"⚠ {_name(board.stage)}, {text}."
        yield from (f"{_name(board.stage)}: {t}" for t in about_question_times(board))
        yield from (f"{_name(board.stage)}: {note}" for note in board.stage.notes)
        asked_again = {row.label: row.asked_again for row in board.rows}
        for text in about_other_pairs(asked_again):
            yield f"{_name(board.stage)}: {text}"
    yield from (line for board in boards for line in troubles(board))
    yield from dict.fromkeys(remark for board in boards for remark in board.remarks)
    yield from about_access(run, next(filter(None, (b.unconfined for b in boards)), ""))
    yield where_it_ran(run)


def _name(stage: StageRecord) -> str:
    case = stage.case
    if case is None:
        return stage.label
    instead = f", in place of {case.wanted}" if case.wanted else ""
    return f"{case.title} – {case.dataset} · {case.protocol}{instead}"


def _flawed_rows(run: RunRecord, board: Leaderboard) -> Iterator[list[str]]:
    metrics = {metric.name: metric for metric in board.metrics}
    for row in board.rows:
        printed = {f.metric: f.value for f in _published(run, board, row)}
        for name in printed or [board.metrics[0].name]:
            metric = metrics[name]
            yield [
                row.label,
                heading(metric),
                _elsewhere(board.stage, number(metric, printed.get(name))),
                _own(row, metric),
                number(metric, board.reference.get(name)),
            ]


def _honest_rows(run: RunRecord, board: Leaderboard) -> Iterator[list[str]]:
    metrics = {metric.name: metric for metric in board.metrics}
    headline, *others = _overview_metrics(board)
    for row in board.rows:
        yield [
            row.label,
            f"{_own(row, headline)} {sign(row)}".rstrip(),
            number(headline, board.reference.get(headline.name)),
            *(_own(row, metric) for metric in others),
            fit_seconds(row).rstrip(),
            "; ".join(
                _elsewhere(
                    board.stage, f"{metric.title} {number(metric, figure.value)}"
                )
                for figure in _published(run, board, row)
                for metric in [metrics[figure.metric]]
            ),
        ]


def _published(run: RunRecord, board: Leaderboard, row: Row) -> list[PublishedRecord]:
    case = board.stage.case
    published = case.published if case else []
    return [f for f in published if run.models[f.model].label == row.label]


def _own(row: Row, metric: MetricRecord) -> str:
    summary = row.summaries.get(metric.name)
    return number(metric, None if summary is None else summary.mean)


def _elsewhere(stage: StageRecord, figure: str) -> str:
    """Put a published figure into brackets if it is for other data than ours."""
    is_other = stage.case is not None and stage.case.wanted and figure != MISSING
    return f"({figure})" if is_other else figure


def _plain(part: _Part, width: int) -> str:
    rows = [[f"  {row[0]}", *row[1:]] for _, own in part.cases for row in own]
    table = fitted(
        TextTable(headings=part.headings, rows=rows, gives_way=part.gives_way), width
    )
    lines, body = [part.title, "", *table.head], iter(table.rows)
    for name, own in part.cases:
        lines.append(paragraph(name, width))
        lines += [line for _ in own for line in next(body)]
        lines.append("")
    return "\n".join([*lines, *remark(table.left_out, width, _ELSEWHERE)]).rstrip()


def _markdown(part: _Part) -> str:
    rows = [cells for name, own in part.cases for cells in ([f"**{name}**"], *own)]
    width = len(part.headings)
    table = pipe_table(
        part.headings, [[*cells, *[""] * (width - len(cells))] for cells in rows]
    )
    return f"## {part.title}\n\n{table}\n"

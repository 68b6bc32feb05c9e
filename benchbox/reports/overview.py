"""Overview: the cases of a run, those under flawed protocols apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

import tabulate

from benchbox.records import MetricRecord, PublishedRecord, RunRecord, StageRecord
from benchbox.reports.columns import (
    FLAGS,
    MISSING,
    WORSE,
    heading,
    score,
    seconds,
    troubles,
    where_it_ran,
)
from benchbox.reports.leaderboard import Leaderboard, Row

_FLAWED = "⚠ Under the authors' protocols: no measure of prediction"
_HONEST = "Under honest protocols: ratings nobody has shown the model"

_FLAWED_HEADINGS = ("model", "figure", "published", "ours", "bias")
_HONEST_HEADINGS = ("model", "RMSE", "bias", "MAPE %", "fit s", "published")

_LEAST_LABEL = 20


@dataclass(frozen=True, slots=True)
class _Part:
    """A table of the overview: rows of cells under the name of each case."""

    title: str
    headings: Sequence[str]
    cases: list[tuple[str, list[list[str]]]]


def render_plain(run: RunRecord, boards: list[Leaderboard], width: int) -> str:
    """Return the overview as text that fits *width*, if anything can."""
    tables = [_plain(part, width) for part in _parts(run, boards)]
    said = [fill(text, width, break_on_hyphens=False) for text in _notes(run, boards)]
    return "\n\n".join([*tables, "\n".join(said)])


def render_markdown(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the overview as Markdown."""
    tables = [_markdown(part) for part in _parts(run, boards)]
    said = "".join(f"- {text}\n" for text in _notes(run, boards))
    return "\n".join([*tables, said])


def _parts(run: RunRecord, boards: list[Leaderboard]) -> Iterator[_Part]:
    flawed = [board for board in boards if board.stage.flaw]
    honest = [board for board in boards if not board.stage.flaw]
    for title, headings, chosen, rows in (
        (_FLAWED, _FLAWED_HEADINGS, flawed, _flawed_rows),
        (_HONEST, _HONEST_HEADINGS, honest, _honest_rows),
    ):
        if chosen:
            cases = [(_name(b.stage), list(rows(run, b))) for b in chosen]
            yield _Part(title, headings, cases)


def _notes(run: RunRecord, boards: list[Leaderboard]) -> Iterator[str]:
    clipping = "clipped to the scale" if run.config.clip else "not clipped"
    yield (
        f"Each case has its own hidden ratings: compare within one. Our predictions "
        f"are {clipping}. bias: the bias model on the same ratings; {FLAGS[WORSE]}: no "
        f"better than it."
    )
    if any(board.stage.case and board.stage.case.wanted for board in boards):
        yield (
            "In brackets: published of data that are not on this machine; ours is of "
            "what stands in for them."
        )
    yield from (line for board in boards for line in troubles(board))
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
                _elsewhere(board.stage, _bare(metric, printed.get(name))),
                _own(row, metric),
                _bare(metric, board.reference.get(name)),
            ]


def _honest_rows(run: RunRecord, board: Leaderboard) -> Iterator[list[str]]:
    metrics = {metric.name: metric for metric in board.metrics}
    for row in board.rows:
        figures = _published(run, board, row)
        yield [
            row.label,
            f"{_own(row, metrics['rmse'])} {FLAGS[row.flag]}".rstrip(),
            _bare(metrics["rmse"], board.reference.get("rmse")),
            _own(row, metrics["mape"]),
            seconds(row.fit_seconds),
            "; ".join(
                _elsewhere(board.stage, f"{metric.title} {_bare(metric, figure.value)}")
                for figure in figures
                for metric in [metrics[figure.metric]]
            ),
        ]


def _published(run: RunRecord, board: Leaderboard, row: Row) -> list[PublishedRecord]:
    case = board.stage.case
    published = case.published if case else []
    return [f for f in published if run.models[f.model].label == row.label]


def _own(row: Row, metric: MetricRecord) -> str:
    summary = row.summaries.get(metric.name)
    return _bare(metric, None if summary is None else summary.mean)


def _bare(metric: MetricRecord, value: float | None) -> str:
    """Return a score without its unit, which the heading states."""
    return MISSING if value is None else score(metric, value).removesuffix(" %")


def _elsewhere(stage: StageRecord, figure: str) -> str:
    """Put a published figure into brackets where it is of other data than ours."""
    is_other = stage.case is not None and stage.case.wanted and figure != MISSING
    return f"({figure})" if is_other else figure


def _plain(part: _Part, width: int) -> str:
    rows = [row for _, rows in part.cases for row in rows]
    label = max(len(row[0]) for row in rows) + 2
    while True:
        table = _aligned(part, rows, label)
        if label <= _LEAST_LABEL or max(map(len, table)) <= width:
            break
        label -= 1
    lines, body = [part.title, "", *table[:2]], iter(table[2:])
    for name, own in part.cases:
        lines.append(fill(name, width, break_on_hyphens=False))
        lines += [next(body) for row in own for _ in range(_height(row))]
        lines.append("")
    return "\n".join(lines).rstrip()


def _aligned(part: _Part, rows: list[list[str]], label: int) -> list[str]:
    """Return the lines of the table; labels are broken at *label*, in the rows too."""
    for row in rows:
        row[0] = _broken("".join(row[0].split()), label)
    # Room is scarce: no more space around a heading than around a number.
    tabulate.MIN_PADDING = 0
    return tabulate.tabulate(
        rows,
        headers=part.headings,
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left", *["right"] * (len(part.headings) - 1)],
        preserve_whitespace=True,
    ).splitlines()


def _broken(label: str, width: int) -> str:
    """Return *label* indented, in lines of *width* that end where options do."""
    broken = fill(
        label.replace(",", ", ").replace(":", ": ", 1),
        width,
        break_on_hyphens=False,
        break_long_words=False,
        subsequent_indent="  ",
    )
    lines = broken.replace(", ", ",").replace(": ", ":").splitlines()
    return "\n".join(f"  {line}" for line in lines)


def _height(row: list[str]) -> int:
    return row[0].count("\n") + 1


def _markdown(part: _Part) -> str:
    rows = [cells for name, own in part.cases for cells in ([f"**{name}**"], *own)]
    table = tabulate.tabulate(
        [[*cells, *[""] * (len(part.headings) - len(cells))] for cells in rows],
        headers=part.headings,
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left", *["right"] * (len(part.headings) - 1)],
    )
    return f"## {part.title}\n\n{table}\n"

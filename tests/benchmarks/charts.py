"""Charts: how costs scale, on logarithmic axes, each line named where it ends."""

from collections.abc import Callable, Mapping
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import altair as alt
from benchbox_autoencoders.route import DENSE_FROM

from tests.benchmarks.pages import Row

# Blue, vermillion and green of Okabe and Ito, which all eyes tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_GREY = "#666666"
_WIDTH, _HEIGHT = 340, 260

Chart = alt.LayerChart | alt.HConcatChart


def save_chart(chart: Chart, path: Path) -> None:
    """Write *chart* to *path*, in the format its suffix names."""
    axes = {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal"}
    plain = chart.configure(
        background="white", font="Helvetica, Arial, sans-serif", padding=12
    )
    plain = plain.configure_view(stroke=None)
    plain.configure_axis(gridColor="#e6e6e6", **axes).save(path, scale_factor=2)


def _lines(
    rows: list[Row], x: str, lines: Mapping[str, str], x_title: str, y_title: str
) -> alt.LayerChart:
    """Return a line per entry of *lines*, which name columns and what they show."""
    values = [
        {"x": row[x], "y": row[column], "line": label}
        for column, label in lines.items()
        for row in rows
    ]
    ticks = _ticks([row[column] for row in rows for column in lines])
    colour = alt.Color("line:N", legend=None, scale=_scale(lines))
    points = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("x:Q", title=x_title, **_on([row[x] for row in rows])),
        y=alt.Y("y:Q", title=y_title, **_on(ticks)),
        color=colour,
    )
    names = alt.Chart(alt.Data(values=_names(rows, x, lines, ticks))).encode(
        x="x:Q", y="y:Q", text="line:N", color=colour
    )
    return alt.layer(
        points.mark_line(strokeWidth=2),
        points.mark_point(filled=True, size=40, opacity=1),
        names.mark_text(align="left", dx=8, fontSize=12),
    ).properties(width=_WIDTH, height=_HEIGHT)


def _on(ticks: list[float]) -> dict[str, Any]:
    """Return a logarithmic scale from the first to the last of *ticks*."""
    scale = alt.Scale(type="log", domain=[min(ticks), max(ticks)], nice=False)
    axis = alt.Axis(values=ticks, format="~s" if max(ticks) >= 1e5 else ",~g")
    return {"scale": scale, "axis": axis}


def _ticks(values: list[float]) -> list[float]:
    """Return 1, 2 and 5 of each power of ten, from just below to just above."""
    powers = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)
    steps = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    low = max(step for step in steps if step <= min(values))
    high = min(step for step in steps if step >= max(values))
    return [step for step in steps if low <= step <= high]


def _names(
    rows: list[Row], x: str, lines: Mapping[str, str], ticks: list[float]
) -> list[dict[str, Any]]:
    """Return each line's name where it ends, and no two on one another."""
    gap = (max(ticks) / min(ticks)) ** (16 / _HEIGHT)
    last, placed, above = max(rows, key=lambda row: row[x]), [], 0.0
    for column, label in sorted(lines.items(), key=lambda line: last[line[0]]):
        above = max(last[column], above * gap)
        placed.append({"x": last[x], "y": above, "line": label})
    return placed


def _scale(lines: Mapping[str, str]) -> alt.Scale:
    return alt.Scale(domain=list(lines.values()), range=list(_COLOURS[: len(lines)]))


def _against_ratings(rows: list[Row]) -> alt.HConcatChart:
    seconds = {
        "dense_epoch_seconds_as_steps_times_step": "best dense",
        "ours_epoch_seconds": "benchbox",
    }
    memory = {"dense_peak_MiB": "best dense", "ours_peak_MiB": "benchbox"}
    return alt.hconcat(
        _lines(rows, "ratings", seconds, "ratings", "seconds an epoch"),
        _lines(rows, "ratings", memory, "ratings", "peak memory, MiB"),
        spacing=40,
    )


_STEPS = {"best_dense_step_ms": "best dense", "ours_step_ms": "benchbox"}


def _against_hidden_units(rows: list[Row]) -> alt.LayerChart:
    return _lines(rows, "hidden_units", _STEPS, "hidden units", "milliseconds a step")


def _against_batch(rows: list[Row]) -> alt.LayerChart:
    return _lines(rows, "batch", _STEPS, "rows a step", "milliseconds a step")


def _against_density(rows: list[Row]) -> alt.LayerChart:
    steps = {
        "best_dense_step_ms": "best dense",
        "sparse_step_ms": "benchbox, sparse",
        "our_dense_step_ms": "benchbox, dense",
    }
    lines = _lines(
        rows, "density_percent", steps, "rated cells, %", "milliseconds a step"
    )
    share = DENSE_FROM["cpu"]["float32"]
    edge = {"x": 100 * share, "note": "sparse \u2190 \u2192 dense"}
    chart = alt.Chart(alt.Data(values=[edge])).encode(x="x:Q")
    note = chart.encode(text="note:N", y=alt.value(-8))
    rule = chart.mark_rule(strokeDash=[4, 4], color=_GREY)
    return lines + rule + note.mark_text(color=_GREY, fontSize=11)


DRAW: Mapping[str, Callable[[list[Row]], Chart]] = {
    "ratings": _against_ratings,
    "hidden_units": _against_hidden_units,
    "batch": _against_batch,
    "density": _against_density,
}
"""What draws the answer to each question."""

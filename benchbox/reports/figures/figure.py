"""A figure: panels in Vega-Lite, without colours of a page, and how they are joined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
"""A chart in Vega-Lite, as decoded JSON."""

Record = Mapping[str, str | float | None]
"""A row of data of a chart."""

PALETTE = (
    "#3b7dd8",
    "#d9722e",
    "#2a9d6f",
    "#c8508c",
    "#8a6fd1",
    "#a88420",
    "#2f99ad",
    "#d1495b",
    "#6b8f2e",
    "#8c6d5a",
)
"""Colours that are readable on white and on nearly black paper."""

ACCENT, SECOND = PALETTE[:2]

MOST_MODELS = len(PALETTE)
"""With more lines in one panel, two would share a colour."""

LABEL_WIDTH = 170
"""Pixels after which a model's name is cut; the tooltip shows all of it."""

_PANEL_WIDTH, _PANEL_HEIGHT = 460, 260


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one chart of a report shows.

    Attributes:
        name: Name on the command line and in the page.
        title: Heading.
        caption: What is drawn and how to read it, in one or two sentences; also the
            description for those who cannot see it.
        panels: Its charts, each as wide as the place it gets.
        columns: Number of panels side by side on paper.
    """

    name: str
    title: str
    caption: str
    panels: Sequence[Spec]
    columns: int = 1


def panel(rows: Sequence[Record], **parts: Any) -> Spec:
    """Return a chart of *rows* that fills the width of its place.

    Args:
        rows: Its data.
        parts: Other properties in Vega-Lite, such as ``layer``.
    """
    spec: Spec = {"data": {"values": list(rows)}, "width": "container"}
    if not isinstance(parts.get("height"), dict):
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return {"height": _PANEL_HEIGHT} | spec | parts


def bars(n_rows: int) -> int:
    """Return the height in pixels of a panel with *n_rows* rows, one for each model."""
    return max(60, 24 * n_rows + 12)


def models_axis(labels: Sequence[str]) -> Spec:
    """Return the vertical axis on which each model has a row, best first."""
    return {
        "field": "model",
        "type": "nominal",
        "sort": list(labels),
        "title": None,
        "axis": {
            "labelLimit": LABEL_WIDTH,
            "labelPadding": 6,
            "ticks": False,
            "domain": False,
        },
    }


def legend(field: str, order: Sequence[str], title: str | None = None) -> Spec:
    """Return the colour of *field*, with its legend below the chart."""
    return {
        "field": field,
        "type": "nominal",
        "sort": list(order),
        "scale": {"domain": list(order), "range": list(PALETTE[: len(order)])},
        "legend": {
            "orient": "bottom",
            "columns": 2,
            "labelLimit": LABEL_WIDTH,
            "title": title,
        },
    }


def on_page(spec: Spec) -> Spec:
    """Return a panel for a page, where lines and letters take the colour of text."""
    return {"config": _config("currentColor"), **spec}


def on_paper(figure: Figure) -> Spec:
    """Return all panels as one chart on white, of fixed size."""
    panels = [
        {key: value for key, value in part.items() if key != "autosize"}
        | {"width": _PANEL_WIDTH}
        for part in figure.panels
    ]
    spec: Spec = {
        "description": figure.caption,
        "background": "white",
        "config": _config("#222222"),
    }
    if len(panels) == 1:
        return spec | panels[0]
    # Each panel has its own legend and axes, as on the page.
    apart = {"resolve": {"scale": {"color": "independent"}}}
    return spec | {"concat": panels, "columns": figure.columns} | apart


def _config(ink: str) -> Spec:
    axis = {
        "labelColor": ink,
        "titleColor": ink,
        "domainColor": ink,
        "tickColor": ink,
        "gridColor": ink,
        "gridOpacity": 0.12,
        "labelFlush": False,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    }
    return {
        "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        "background": "transparent",
        "view": {"stroke": None},
        "axis": axis,
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12},
        "title": {"color": ink, "fontSize": 13, "anchor": "start", "limit": 300},
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": ink},
        "range": {"category": list(PALETTE)},
    }

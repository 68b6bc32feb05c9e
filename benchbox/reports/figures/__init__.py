"""Figures of a run, one module for each kind, from tables and statistics."""

from collections.abc import Callable, Mapping, Sequence

from benchbox.analysis import Analysis
from benchbox.reports.figures import (
    accuracy_cost,
    by_slice,
    costs,
    critical_difference,
    curves,
    forest,
)
from benchbox.reports.figures.figure import Figure as Figure
from benchbox.reports.figures.figure import Spec as Spec
from benchbox.reports.figures.figure import on_page as on_page
from benchbox.reports.figures.figure import on_paper as on_paper
from benchbox.reports.leaderboard import Leaderboard

Draw = Callable[[Leaderboard, Analysis | None], Figure | None]

FIGURES: Mapping[str, Draw] = {
    "pareto": accuracy_cost.draw,
    "forest": forest.draw,
    "slices": by_slice.draw,
    "curves": curves.draw,
    "phases": costs.phases,
    "calibration": by_slice.calibration,
    "memory": costs.memory,
}
"""How to draw each figure of one table, in the order of a page.

Each function takes a `Leaderboard` and its `Analysis`, or `None` without one, and
returns `None` where there is nothing to draw.
"""

OVER_DATASETS = "cd"
"""The figure of all tables together: the critical-difference diagram."""

NEED_STATISTICS = ("slices", "calibration")
"""Figures that need stored predictions, and the data again."""


def figures(board: Leaderboard, analysis: Analysis | None = None) -> list[Figure]:
    """Return every figure of one table for which it has the numbers."""
    drawn = (draw(board, analysis) for draw in FIGURES.values())
    return [figure for figure in drawn if figure is not None]


def over_datasets(boards: Sequence[Leaderboard]) -> Figure | None:
    """Return the critical-difference diagram; `None` for fewer than 3 data sets."""
    return critical_difference.draw(boards)

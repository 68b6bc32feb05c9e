"""The figures of a stored run, drawn from its records and predictions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchbox.analysis import Analysis, analyse, measures_of
from benchbox.errors import BenchboxError, ResultsError, UsageError
from benchbox.plugins import Registry, discover
from benchbox.records import RunFolder, RunRecord
from benchbox.reports import (
    FIGURES,
    NEED_STATISTICS,
    OVER_DATASETS,
    Figure,
    chart,
    leaderboards,
    over_datasets,
)
from benchbox.runs.reporting import folds_again
from benchbox.runs.resolve import resolve_metrics
from benchbox.runs.stages import Notify

if TYPE_CHECKING:
    import altair as alt

_WHY_NOT: Mapping[str, str] = {
    "pareto": "no model has a score on every fold and a time",
    "forest": "no model but the best has an interval; it needs two models, and several "
    "folds or stored predictions",
    "curves": "no model reported its epochs",
    "phases": "no trial succeeded",
    "memory": "no trial measured its memory",
}

_OF_ALL = "it needs at least 3 data sets, and 3 models with a score on each"


def figure_of(
    folder: RunFolder, name: str, registry: Registry, notify: Notify, stage: int = 0
) -> Figure:
    """Return a figure of a stored run.

    Args:
        folder: The run.
        name: Name of the figure: one of `benchbox.reports.FIGURES`, or ``cd``.
        registry: Installed plugins.
        notify: Shows a line to the user.
        stage: Number of the data set and protocol in the run, from 0.

    Raises:
        ResultsError: The run lacks what the figure shows, or its data have changed.
        UsageError: There is no such stage.
    """
    run, trials = folder.read_run(), folder.trials()
    boards = leaderboards(run, trials)
    if name == OVER_DATASETS:
        figure, why = over_datasets(boards), _OF_ALL
    else:
        _check_stage(run, stage)
        analysis = _analysis(folder, run, name, registry, notify, stage)
        figure = FIGURES[name](boards[stage], analysis)
        why = _WHY_NOT.get(name, "no model has predictions of every fold")
    if figure is None:
        raise ResultsError(f"Run {run.id} has no figure {name!r}: {why}.")
    return figure


def _check_stage(run: RunRecord, stage: int) -> None:
    if not 0 <= stage < len(run.stages):
        known = "; ".join(f"{n} {s.label}" for n, s in enumerate(run.stages, 1))
        raise UsageError(f"Run {run.id} has no stage {stage + 1}. It has: {known}.")


def _analysis(
    folder: RunFolder,
    run: RunRecord,
    name: str,
    registry: Registry,
    notify: Notify,
    stage: int,
) -> Analysis | None:
    """Return the statistics of a stage, as far as the figure needs or can use them."""
    if name not in (*NEED_STATISTICS, "forest"):
        return None
    try:
        measures = measures_of(run, resolve_metrics(registry))
        folds = folds_again(run, registry, notify)(stage)
        return analyse(run, stage, folds, folder, folder.trials(), measures)
    except BenchboxError:
        # Intervals over folds need no predictions.
        if name != "forest" or len(run.stages[stage].folds) < 2:
            raise
        return None


class Plots:
    """Draws the figures of a run as Altair charts.

    Each figure is a method: ``run.plot.pareto()``, ``curves()``, ``slices()``,
    ``forest()``, ``calibration()``, ``phases()``, ``memory()``, and ``cd()`` over all
    data sets. All but ``cd`` take ``stage``, the number of the data set and protocol
    in the run, from 0. Each raises what `figure_of` raises, and a
    `benchbox.BenchboxError` without the packages of the extra ``report``.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def pareto(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw accuracy against seconds to predictions, with the front."""
        return self._draw("pareto", stage)

    def curves(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw training loss and validation RMSE after each epoch."""
        return self._draw("curves", stage)

    def slices(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw the error by popularity, activity and rating."""
        return self._draw("slices", stage)

    def forest(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw paired differences to the best model, with their intervals."""
        return self._draw("forest", stage)

    def calibration(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw the mean rating against the mean prediction."""
        return self._draw("calibration", stage)

    def phases(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw where the time of a trial goes."""
        return self._draw("phases", stage)

    def memory(self, stage: int = 0) -> "alt.typing.ChartType":
        """Draw peak memory."""
        return self._draw("memory", stage)

    def cd(self) -> "alt.typing.ChartType":
        """Draw the critical-difference diagram over data sets."""
        return self._draw(OVER_DATASETS, 0)

    def _draw(self, name: str, stage: int) -> "alt.typing.ChartType":
        return chart(figure_of(self._folder, name, discover(), _ignore, stage))


def _ignore(line: str) -> None:
    """Drop a line about downloads; a notebook shows the chart alone."""

"""A stored run, with its records as data frames."""

import os
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from benchbox.errors import ResultsError, UsageError, counted, nearest
from benchbox.plugins import discover
from benchbox.protocols import older_rule
from benchbox.ratings import IndexArray, Texts
from benchbox.records import RunFolder, RunRecord, TrialRecord
from benchbox.reports import leaderboards, render, row_values, run_html
from benchbox.runs.plots import Plots
from benchbox.runs.reporting import page_of, save_page
from benchbox.runs.stages import Stages

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """A stored run: its records, tables and predictions.

    Files are read on first use.

    Attributes:
        path: Folder of the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = RunFolder(path)

    def __repr__(self) -> str:
        record = self.record
        models = counted(len(record.models), "model")
        return (
            f"<Run {record.id}: {record.status}, {models}, "
            f"{len(self._trials)} of {counted(record.n_trials, 'trial')}>"
        )

    def __str__(self) -> str:
        return render(self._folder, "table")

    def _repr_html_(self) -> str:
        """Return the tables of the run as HTML, for notebooks."""
        return run_html(self.record, leaderboards(self.record, self._trials))

    @property
    def plot(self) -> Plots:
        """Draws figures as Altair charts, such as ``run.plot.pareto()``."""
        return Plots(self._folder)

    def report(self, file: str | os.PathLike[str]) -> Path:
        """Write tables, charts and trials as one HTML page that needs no network.

        Args:
            file: File to write.

        Returns:
            The file.

        Raises:
            UsageError: The packages of the extra ``report`` are not installed.
            ResultsError: The file cannot be written.
        """
        path = Path(file)
        save_page(path, page_of([self._folder], discover(), lambda line: None))
        return path

    @cached_property
    def record(self) -> RunRecord:
        """Settings, definitions, machine and software of the run."""
        return self._folder.read_run()

    @property
    def status(self) -> str:
        """``finished``, ``interrupted``, or ``started`` for a run that was killed."""
        return self.record.status

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row per model, data set and protocol, best models first.

        Columns are the data set, the protocol, the model, each metric with its
        standard deviation over folds and over seeds, coverage, seconds and memory;
        the same as those of the CSV.
        """
        import pandas as pd

        boards = leaderboards(self.record, self._trials)
        rows = [
            row_values(self.record, board, row)
            for board in boards
            for row in board.rows
        ]
        return pd.DataFrame(rows)

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """One row per trial, ordered by file name.

        Columns are the data set and protocol, the model, the fold, the replicate and
        repeat, status and reason, each metric, and seconds by phase.
        """
        import pandas as pd

        return pd.DataFrame([self._trial_row(trial) for trial in self._trials])

    def predictions(
        self, model: str, fold: str | None = None, *, stage: int = 0, replicate: int = 0
    ) -> "pd.DataFrame":
        """Return what a model predicted for the hidden ratings of a fold.

        The data set is loaded and split again. It is an error if the fold has changed.

        Args:
            model: Label of the model, as in `table`.
            fold: Name of the fold; optional if there is only one.
            stage: Index of the data set and protocol in the run's record.
            replicate: Number of the fit, from 0.

        Returns:
            One row per hidden rating: ``user`` and ``item`` (ids in the data),
            ``rating`` and ``prediction``, clipped if the run clips.

        Raises:
            UsageError: There is no such model, fold or replicate.
            ResultsError: The predictions were not stored, or the fold has changed.
        """
        import pandas as pd

        trial = self._find(model, fold, stage, replicate)
        stages = Stages(discover(), lambda line: None, self.record.config.columns)
        folds = {f.name: f for f in stages.rebuild(self.record, stage).folds}
        found = folds.get(trial.fold)
        if found is None or found.id != trial.fold_id:
            begun = self.record.stages[stage]
            why = older_rule(begun.fold_format)
            raise ResultsError(
                f"Fold {trial.fold!r} of {begun.label} has changed since run "
                f"{self.record.id}, so the predictions of that run do not match it"
                f"{': ' if why else ''}{why}. Run again."
            )
        hidden, predicted = found.hidden, self._folder.predictions(trial)
        if self.record.config.clip:
            predicted = hidden.scale.clip(predicted)
        return pd.DataFrame(
            {
                "user": _named(hidden.user_ids, hidden.users),
                "item": _named(hidden.item_ids, hidden.items),
                "rating": hidden.values,
                "prediction": predicted,
            }
        )

    @cached_property
    def _trials(self) -> list[TrialRecord]:
        found = self._folder.examine()
        for line in found.left_out:
            warnings.warn(f"Left out: {line}", stacklevel=2)
        return found.records

    def _find(
        self, model: str, fold: str | None, stage: int, replicate: int
    ) -> TrialRecord:
        mine = [t for t in self._trials if t.stage == stage and not t.repeat]
        labels = dict.fromkeys(t.label for t in mine)
        if model not in labels:
            raise UsageError(
                f"No model {model!r} in run {self.record.id}.{nearest(model, labels)} "
                f"Its models: {', '.join(labels) or 'none'}."
            )
        names = dict.fromkeys(t.fold for t in mine)
        if fold is None and len(names) > 1:
            raise UsageError(
                f"There are several folds. Name one of: {', '.join(names)}."
            )
        for trial in mine:
            is_meant = trial.label == model and trial.replicate == replicate
            if is_meant and fold in (None, trial.fold):
                return trial
        raise UsageError(
            f"{model} has no fit {replicate} on fold {fold!r}. Folds: "
            f"{', '.join(names)}."
        )

    def _trial_row(self, trial: TrialRecord) -> dict[str, object]:
        stage = self.record.stages[trial.stage]
        scores = {name: score.value for name, score in trial.metrics.items()}
        seconds = {f"{k}_seconds": s for k, s in trial.wall_seconds.items()}
        return {
            "stage": stage.label,
            "model": trial.label,
            "fold": trial.fold,
            "replicate": trial.replicate,
            "repeat": trial.repeat,
            "status": trial.status,
            "reason": trial.reason,
            **scores,
            **seconds,
            "peak_memory_bytes": trial.peak_memory_bytes,
            "device": trial.device,
            "key": trial.key,
        }


def _named(ids: Texts | None, index: IndexArray) -> NDArray[Any]:
    return index if ids is None else ids[index]

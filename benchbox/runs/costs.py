"""Costs: what a trial will probably take, from earlier trials or the author's hint."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

from benchbox.errors import ResultsError
from benchbox.records import PlannedModel, RunFolder, TrialRecord

_NEWEST_RUNS = 10
"""Runs looked at for earlier trials; older ones tell of another machine or version."""


class Costs:
    """Estimates of seconds per trial.

    Args:
        hints: Author's seconds per 100,000 ratings with default options, by model.
    """

    def __init__(self, hints: Mapping[str, float | None]) -> None:
        self._hints = hints
        self._measured: dict[str, list[float]] = {}

    def learn(self, label: str, n_train: int, record: TrialRecord) -> None:
        """Note what a trial of *label* took on *n_train* ratings."""
        if record.status == "ok" and n_train:
            self._measured.setdefault(label, []).append(record.seconds / n_train)

    def learn_from(self, folders: Iterable[RunFolder]) -> None:
        """Note the trials of earlier runs; a run that cannot be read is passed over."""
        for folder in folders:
            try:
                run, trials = folder.read_run(), folder.trials()
            except ResultsError:
                continue
            for trial in trials:
                folds = {f.name: f.n_train for f in run.stages[trial.stage].folds}
                self.learn(trial.label, folds.get(trial.fold, 0), trial)

    def seconds(self, model: PlannedModel, n_train: int) -> float | None:
        """Return the likely seconds of one trial; `None` if nothing is known.

        Time is taken to grow with the ratings, which fits all bundled models.
        """
        measured = self._measured.get(model.label)
        if measured:
            return median(measured) * n_train
        hint = self._hints.get(model.name)
        return None if hint is None else hint * n_train / 100_000

    def is_measured(self, model: PlannedModel) -> bool:
        """Return whether the estimate comes from trials, not from a hint."""
        return model.label in self._measured


def newest_runs(parent: Path) -> list[RunFolder]:
    """Return the newest runs below *parent*, newest first."""
    paths = sorted((p.parent for p in parent.glob("*/run.json")), reverse=True)
    return [RunFolder(path) for path in paths[:_NEWEST_RUNS]]

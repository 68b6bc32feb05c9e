"""Estimates the time of a trial from earlier trials or the author's hint."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

from benchbox.errors import ResultsError
from benchbox.records import PlannedModel, RunFolder, TrialRecord, run_paths

_NEWEST_RUNS = 10
"""Number of runs to look at; older ones may be of another machine or version."""

_MOST_MEASURED = 100
"""Number of trials of a model whose times are kept, the latest ones."""

_MOST_OF_A_RUN = 500
"""Number of trials of an earlier run to look at."""


class Costs:
    """Estimates of seconds per trial.

    Args:
        hints: Authors' estimates by model: seconds per 100,000 training ratings with
            default options.
    """

    def __init__(self, hints: Mapping[str, float | None]) -> None:
        self._hints = hints
        self._measured: dict[str, list[float]] = {}

    def learn(self, label: str, n_train: int, record: TrialRecord) -> None:
        """Record the time of a trial of *label* on *n_train* training ratings."""
        if record.status == "ok" and n_train:
            own = self._measured.setdefault(label, [])
            own.append(record.seconds / n_train)
            # The median is asked for with every trial.
            del own[:-_MOST_MEASURED]

    def learn_from(self, folders: Iterable[RunFolder]) -> None:
        """Record the trials of earlier runs; runs that cannot be read are ignored."""
        # The latest are kept.
        for folder in reversed([*folders]):
            try:
                run, trials = folder.read_run(), folder.examine(_MOST_OF_A_RUN).records
            except ResultsError:
                continue
            for trial in trials:
                folds = {f.name: f.n_train for f in run.stages[trial.stage].folds}
                self.learn(trial.label, folds.get(trial.fold, 0), trial)

    def seconds(self, model: PlannedModel, n_train: int) -> float | None:
        """Return the estimated seconds of one trial; `None` if unknown.

        The time is assumed to be proportional to the number of training ratings, which
        fits all bundled models.
        """
        measured = self._measured.get(model.label)
        if measured:
            return median(measured) * n_train
        hint = self._hints.get(model.name)
        return None if hint is None else hint * n_train / 100_000

    def is_measured(self, model: PlannedModel) -> bool:
        """Return whether the estimate comes from trials instead of a hint."""
        return model.label in self._measured


def newest_runs(parent: Path) -> list[RunFolder]:
    """Return the newest runs in *parent*, newest first."""
    paths = run_paths(parent)[-_NEWEST_RUNS:]
    return [RunFolder(path) for path in reversed(paths)]

"""Estimates the time and memory of a trial from earlier trials or the author's hint."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from math import inf
from pathlib import Path
from statistics import median

from benchbox.errors import ResultsError
from benchbox.records import PlannedModel, RunFolder, TrialRecord, run_paths
from benchbox.runs.plan import PlannedTrial

_NEWEST_RUNS = 10
"""Number of runs to look at; older ones may be of another machine or version."""

_MOST_MEASURED = 100
"""Number of trials of a model whose times are kept, the latest ones."""

_MOST_OF_A_RUN = 500
"""Number of trials of an earlier run to look at."""

_FIXED_BYTES, _BYTES_PER_RATING = 512 << 20, 200
"""Of a trial that nothing is known of: Python and torch; and the ratings by user and by
item, with what is computed from them."""

_MARGIN = 1.25

Earlier = tuple[int, TrialRecord]
"""A trial of an earlier run, after the number of its training ratings."""


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

    def learn_from(self, trials: Iterable[Earlier]) -> None:
        """Record the times of trials of earlier runs, of which the last are kept."""
        for n_train, trial in trials:
            self.learn(trial.label, n_train, trial)

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

    def longest_first(self, trials: Iterable[PlannedTrial]) -> list[PlannedTrial]:
        """Return *trials* with the longest of each round first.

        So the last to end, which nothing runs beside, is not a long one. Of unknown
        trials the worst is expected.
        """

        def cost(trial: PlannedTrial) -> float:
            known = self.seconds(trial.untuned, len(trial.fold.train))
            return inf if known is None else known

        rounds = groupby(trials, lambda trial: (trial.fold.id, trial.replicate))
        return [t for _, one in rounds for t in sorted(one, key=cost, reverse=True)]


class MemoryNeeds:
    """Estimates of the memory that a trial takes, from its data and earlier trials."""

    def __init__(self) -> None:
        self._measured: dict[str, float] = {}

    def learn(self, label: str, n_train: int, record: TrialRecord) -> None:
        """Record the memory of a trial of *label* on *n_train* training ratings."""
        if record.peak_memory_bytes and n_train:
            grown = record.peak_memory_bytes / _by_data(n_train)
            self._measured[label] = max(self._measured.get(label, 0.0), grown)

    def learn_from(self, trials: Iterable[Earlier]) -> None:
        """Record the memory of trials of earlier runs."""
        for n_train, trial in trials:
            self.learn(trial.label, n_train, trial)

    def bytes_of(self, trial: PlannedTrial) -> int:
        """Return an estimate for *trial*, rather too high than too low."""
        grown = self._measured.get(trial.model.label, 1.0)
        return int(_MARGIN * grown * _by_data(len(trial.fold.train)))


def _by_data(n_train: int) -> int:
    return _FIXED_BYTES + _BYTES_PER_RATING * n_train


def earlier_trials(parent: Path) -> list[Earlier]:
    """Return trials of the newest runs in *parent*, those of the newest run last.

    Runs that cannot be read are passed over.
    """
    found: list[Earlier] = []
    for path in run_paths(parent)[-_NEWEST_RUNS:]:
        folder = RunFolder(path)
        try:
            run, trials = folder.read_run(), folder.examine(_MOST_OF_A_RUN).records
        except ResultsError:
            continue
        folds = [{f.name: f.n_train for f in stage.folds} for stage in run.stages]
        found += ((folds[t.stage].get(t.fold, 0), t) for t in trials)
    return found

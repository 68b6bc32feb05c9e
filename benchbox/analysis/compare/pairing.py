"""Compares predictions of two runs on the hidden ratings that they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchbox.analysis.compare.sides import Subject, subject_of
from benchbox.analysis.measures import as_recorded
from benchbox.analysis.statistics.paired import Effect, compare
from benchbox.errors import ResultsError
from benchbox.metrics import Metric
from benchbox.ratings import Ratings, Values
from benchbox.records import RunFolder, TrialRecord

Hidden = Callable[[int], Mapping[str, Ratings]]
"""Returns the hidden ratings by fold id, given the number of the stage."""


@dataclass(frozen=True, eq=False)
class Pairing:
    """Compares the predictions of two runs; call it with a subject and a metric.

    Args:
        first: The baseline run.
        second: The run to judge.
        hidden: Loads the hidden ratings of a stage of the baseline; only called if
            predictions differ.
        installed: Installed metrics. A metric can be paired if it has a term, and its
            definition matches that in both runs.
    """

    first: RunFolder
    second: RunFolder
    hidden: Hidden
    installed: Sequence[Metric]

    def __call__(self, subject: Subject, metric: str) -> Effect | None:
        """Return the effect of the second run against the first, or `None`.

        It is `None` if the metric cannot be paired, a run has no saved predictions, or
        the data are not available.
        """
        if metric not in self._metrics:
            return None
        mine, other = (runs.get(subject, {}) for runs in self._trials)
        if not mine:
            return None
        truths = self.hidden(next(iter(mine.values())).stage)
        places = [place for place in mine if place in other and place[0] in truths]
        try:
            parts = [
                (
                    truths[place[0]],
                    _clipped(self.first, mine[place], truths[place[0]]),
                    _clipped(self.second, other[place], truths[place[0]]),
                )
                for place in places
            ]
        except ResultsError:
            return None
        if not parts:
            return None
        return compare(
            np.concatenate([truth.values for truth, _, _ in parts]),
            np.concatenate([after for _, _, after in parts]),
            np.concatenate([before for _, before, _ in parts]),
            np.concatenate([truth.users for truth, _, _ in parts]),
            metric=self._metrics[metric],
        )

    @cached_property
    def _metrics(self) -> dict[str, Metric]:
        """The metrics that can be paired, by name."""
        mine, other = (
            as_recorded(folder.read_run().metrics, self.installed)
            for folder in (self.first, self.second)
        )
        return {n: m for n, m in mine.items() if m.term is not None and n in other}

    @cached_property
    def _trials(self) -> list[dict[Subject, dict[tuple[str, int], TrialRecord]]]:
        return [_by_subject(folder) for folder in (self.first, self.second)]


def _by_subject(
    folder: RunFolder,
) -> dict[Subject, dict[tuple[str, int], TrialRecord]]:
    run = folder.read_run()
    found: dict[Subject, dict[tuple[str, int], TrialRecord]] = {}
    for trial in folder.trials():
        if trial.status == "ok" and not trial.repeat:
            place = (trial.fold_id, trial.replicate)
            found.setdefault(subject_of(run, trial), {})[place] = trial
    return found


def _clipped(folder: RunFolder, trial: TrialRecord, truth: Ratings) -> Values:
    predicted = folder.predictions(trial)
    return truth.scale.clip(predicted) if folder.read_run().config.clip else predicted

"""Interface for following the progress of a run."""

from collections.abc import Sequence
from typing import Protocol

from benchbox.records import (
    RunRecord,
    StudyRecord,
    TrialNews,
    TrialRecord,
    Tried,
    TuningBudget,
)
from benchbox.runs.costs import Costs
from benchbox.runs.plan import PlannedTrial


class Listener(Protocol):
    """Follows a run: its methods are called in the process of the runner."""

    def loading(self, what: str) -> None:
        """Called before the run starts when *what* is about to be loaded."""

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Called when *trials* are about to run; *costs* estimates their times."""

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Called when the search for one model on one fold, named by *label*, starts.

        Its trials follow, perhaps among those of other searches; `label_of_search`
        tells of which search a trial is. *budget* limits their number and time.
        """

    def search_tried(self, label: str, tried: Tried) -> None:
        """Called with the result of each setting that the search *label* has tried."""

    def trial_started(self, trial: PlannedTrial) -> None:
        """Called when *trial* starts."""

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Called with each message of a running trial, such as the end of an epoch.

        Trials that run at the same time take turns. *trial* is `None` for the fit of a
        model that is saved.
        """

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Called when *trial* has ended; *record* is already on disk."""

    def search_ended(self, label: str, record: StudyRecord | None) -> None:
        """Called with the result of a search; `None` if it was interrupted."""

    def run_ended(self, record: RunRecord) -> None:
        """Called when no more trials will run."""


class Silent:
    """A listener that does nothing; a base class for others."""

    def loading(self, what: str) -> None:
        """Do nothing."""

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Do nothing."""

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Do nothing."""

    def search_tried(self, label: str, tried: Tried) -> None:
        """Do nothing."""

    def trial_started(self, trial: PlannedTrial) -> None:
        """Do nothing."""

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Do nothing."""

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Do nothing."""

    def search_ended(self, label: str, record: StudyRecord | None) -> None:
        """Do nothing."""

    def run_ended(self, record: RunRecord) -> None:
        """Do nothing."""

"""Listener: whoever wants to know how a run is getting on."""

from collections.abc import Sequence
from typing import Protocol

from benchbox.records import (
    RunRecord,
    StudyRecord,
    TrialMessage,
    TrialRecord,
    Tried,
    TuningBudget,
)
from benchbox.runs.costs import Costs
from benchbox.runs.plan import PlannedTrial


class Listener(Protocol):
    """Is told of a run, as it goes on, in the runner's own process."""

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Take note that *trials* will run now, and what they may cost."""

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Take note that options are searched for the model and fold of *label*.

        Its trials follow, and *budget* says how many at most.
        """

    def search_tried(self, tried: Tried) -> None:
        """Take note of what came of the options tried last."""

    def trial_started(self, trial: PlannedTrial) -> None:
        """Take note that *trial* begins."""

    def trial_said(self, message: TrialMessage) -> None:
        """Take a message of the running trial, such as the end of an epoch."""

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Take note of how *trial* ended; *record* is on disk already."""

    def search_ended(self, record: StudyRecord | None) -> None:
        """Take note of what the search has found; `None` if it was interrupted."""

    def run_ended(self, record: RunRecord) -> None:
        """Take note of how the run stands now; *record* is on disk already."""


class Silent:
    """A listener that keeps to itself what it hears; a base for those that do not."""

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Do nothing."""

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Do nothing."""

    def search_tried(self, tried: Tried) -> None:
        """Do nothing."""

    def trial_started(self, trial: PlannedTrial) -> None:
        """Do nothing."""

    def trial_said(self, message: TrialMessage) -> None:
        """Do nothing."""

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Do nothing."""

    def search_ended(self, record: StudyRecord | None) -> None:
        """Do nothing."""

    def run_ended(self, record: RunRecord) -> None:
        """Do nothing."""

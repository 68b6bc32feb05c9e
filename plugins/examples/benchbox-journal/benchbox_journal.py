"""Journal: appends a line to a CSV file for each trial of every run."""

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox import hookimpl

if TYPE_CHECKING:
    from benchbox.records import RunRecord, TrialRecord

HEADER = ("finished", "run", "model", "setting", "fold", "seed", "status", "rmse")


class Journal:
    """Writes the journal; benchbox calls its hooks during a run."""

    def __init__(self) -> None:
        self._file = Path("journal.csv")

    @hookimpl
    def benchbox_run_started(self, folder: Path) -> None:
        """Choose the journal's file; a hook names only the arguments it needs."""
        beside = folder.parent / "journal.csv"
        self._file = Path(os.environ.get("BENCHBOX_JOURNAL") or beside)
        if not self._file.exists():
            self._write(HEADER)

    @hookimpl
    def benchbox_trial_ended(self, run: "RunRecord", trial: "TrialRecord") -> None:
        """Write a line; a failed trial has no score."""
        what = (trial.label, run.stages[trial.stage].label, trial.fold, trial.seed)
        rmse = trial.metrics["rmse"].value if "rmse" in trial.metrics else ""
        self._write((trial.finished, run.id, *what, trial.status, rmse))

    def _write(self, row: tuple[object, ...]) -> None:
        with self._file.open("a", newline="") as file:
            csv.writer(file).writerow(row)


journal = Journal()

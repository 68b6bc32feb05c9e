"""Journal: a line of CSV for each trial, over all runs."""

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchbox import hookimpl

if TYPE_CHECKING:
    from benchbox.records import RunRecord, TrialRecord

HEADER = ("finished", "run", "model", "setting", "fold", "seed", "status", "rmse")


class Journal:
    """Is told of runs and their trials, and keeps the book."""

    def __init__(self) -> None:
        self._file = Path("journal.csv")

    @hookimpl
    def benchbox_run_started(self, folder: Path) -> None:
        """Open the journal beside the run; of a hook's arguments, take any."""
        beside = folder.parent / "journal.csv"
        self._file = Path(os.environ.get("BENCHBOX_JOURNAL") or beside)
        if not self._file.exists():
            self._write(HEADER)

    @hookimpl
    def benchbox_trial_ended(self, run: "RunRecord", trial: "TrialRecord") -> None:
        """Write a line; the trial may have failed, and have no score then."""
        what = (trial.label, run.stages[trial.stage].label, trial.fold, trial.seed)
        rmse = trial.metrics["rmse"].value if "rmse" in trial.metrics else ""
        self._write((trial.finished, run.id, *what, trial.status, rmse))

    def _write(self, row: tuple[object, ...]) -> None:
        with self._file.open("a", newline="") as file:
            csv.writer(file).writerow(row)


journal = Journal()

"""Shows the progress of a run in a notebook, without any library of widgets."""

import sys
from collections.abc import Callable, Sequence
from html import escape
from time import monotonic
from typing import Any

from benchbox.errors import counted, one_line
from benchbox.records import EpochEnded, RunRecord, TrialNews, TrialRecord
from benchbox.runs.costs import Costs
from benchbox.runs.listener import Listener, Silent
from benchbox.runs.plan import PlannedTrial

_LEAST_SECONDS = 0.2
"""Between two updates, as epochs may end faster than a browser draws."""


def notebook_progress() -> Listener | None:
    """Return a listener that shows a bar, if this is a notebook; else `None`."""
    module: Any = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return NotebookProgress(_Cell(module)) if hasattr(shell, "kernel") else None


class NotebookProgress(Silent):
    """Shows a bar with the running trial, its epoch and the number of failures.

    Args:
        show: Shows HTML in place of what it showed before.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show_html = show
        self._shown = 0.0
        self._begun = monotonic()
        self._n_trials = self._n_ended = self._n_failed = 0
        self._running: dict[object, str] = {}

    def loading(self, what: str) -> None:
        """Show what is being loaded."""
        self._show(f"loading {what}", now=True)

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Show an empty bar."""
        self._n_trials = len(trials)
        self._show("starting", now=True)

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that a trial has started."""
        self._running[trial.place] = _name(trial)
        self._show(", ".join(self._running.values()))

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Show which epoch a running trial has reached."""
        if trial is not None and isinstance(message, EpochEnded):
            epoch = f"epoch {message.epoch}/{message.of}"
            self._running[trial.place] = f"{_name(trial)} {epoch}"
            self._show(", ".join(self._running.values()))

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Advance the bar."""
        self._running.pop(trial.place, None)
        self._n_ended += 1
        self._n_failed += record.status not in ("ok", "skipped")
        self._show(f"{record.fold} {record.label}")

    def run_ended(self, record: RunRecord) -> None:
        """Replace the bar by a summary."""
        took = f"{monotonic() - self._begun:.1f} s"
        trials = counted(self._n_ended, "trial")
        self._show(f"run {record.id}: {trials} in {took}", now=True)

    def _show(self, text: str, *, now: bool = False) -> None:
        if not now and monotonic() - self._shown < _LEAST_SECONDS:
            return
        self._shown = monotonic()
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        done = f"{self._n_ended}/{self._n_trials}{failed} " if self._n_trials else ""
        bar = (
            f'<progress max="{self._n_trials}" value="{self._n_ended}"></progress> '
            if self._n_trials
            else ""
        )
        self._show_html(f"<div>{bar}{done}{escape(one_line(text))}</div>")


def _name(trial: PlannedTrial) -> str:
    return f"{trial.fold.name} {trial.model.label}"


class _Cell:
    """Shows HTML below the running cell, always in the same place.

    Args:
        module: The package IPython, which is there since the notebook runs on it.
    """

    def __init__(self, module: Any) -> None:
        self._display, self._handle = module.display, None

    def __call__(self, html: str) -> None:
        content = self._display.HTML(html)
        if self._handle is None:
            self._handle = self._display.display(content, display_id=True)
        else:
            self._handle.update(content)

"""Shows the progress of a run: the current trial, its epoch, and the time left."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Timer
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from benchbox.cli.common import notify
from benchbox.cli.sparkline import sparkline
from benchbox.errors import one_line, printable
from benchbox.records import EpochEnded, RunRecord, TrialNews, TrialRecord, Waits
from benchbox.runs import Costs, PlannedTrial, Silent

SILENT_SECONDS = 5.0
"""Without a terminal, what is being loaded is said only if it takes longer."""

_PHASES = ("tuning", "fit", "predict", "distribution", "latency", "score")
_CURVE_WIDTH = 8
"""Characters of the curve of validation errors."""

_WORTH_SAYING = 0.05
"""Seconds; what took less would be printed as 0.0."""


class _Count(MofNCompleteColumn):
    """The number of trials that have ended, once it is known how many there are."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


@dataclass(slots=True)
class _Running:
    """A trial that runs, and its line on the terminal.

    Attributes:
        trial: The trial.
        task: Its own line; `None` where it has the line of the run.
        since: When it started.
        doing: Its epoch, or what it waits for.
        errors: Its validation errors so far.
    """

    trial: PlannedTrial
    task: TaskID | None
    since: float
    doing: str = ""
    errors: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The trial and what it is doing, in one line."""
        return one_line(_name(self.trial) + self.doing)


class TrialProgress(Silent):
    """Shows a run's progress on standard error: a bar on a terminal, otherwise lines.

    Trials that run at the same time have a line each on a terminal. As a context
    manager, it removes the bar at the end, whatever happens.

    Args:
        verbose: Also print a line per trial on a terminal.
        quiet: Show nothing at all.
    """

    def __init__(self, verbose: bool = False, *, quiet: bool = False) -> None:
        self._begun = monotonic()
        self._loaded_seconds: float | None = None
        self._phases: defaultdict[str, float] = defaultdict(float)
        self._what = ""
        self._patience: Timer | None = None
        self._console = Console(stderr=True, highlight=False, emoji=False, quiet=quiet)
        self._verbose = verbose
        self._left: dict[object, PlannedTrial] = {}
        self._running: dict[object, _Running] = {}
        self._most_running = 1
        self._n_trials = 0
        self._costs = Costs({})
        self._n_failed = 0
        self._bar = Progress(
            # Labels may hold brackets, which are no markup.
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=20),
            _Count(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, left="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calm()
        self._bar.stop()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is shown."""
        return self._console.quiet

    def tell(self, text: str) -> None:
        """Print *text* on standard error, above the bar if there is one."""
        if self._console.is_terminal and not self.is_quiet:
            self._console.print(printable(text), markup=False)
        else:
            notify(text)

    def loading(self, what: str) -> None:
        """Show what is being loaded: at once on a terminal, otherwise after a while."""
        self._what = f"loading {one_line(what)}"
        if self._console.is_terminal:
            self._bar.update(self._task, description=self._what)
            self._bar.start()
        elif self._patience is None:
            self._patience = Timer(SILENT_SECONDS, self._say_what)
            self._patience.daemon = True
            self._patience.start()

    def time_spent(self, first_use_seconds: float) -> str:
        """Return where the time of the run went, in a line.

        Args:
            first_use_seconds: What the first uses of the models took.
        """
        total = monotonic() - self._begun
        parts = {
            "loading": self._loaded_seconds or 0.0,
            "first use": first_use_seconds,
            "starting trials": self._phases["start"] + self._phases["load"],
            **{phase: self._phases[phase] for phase in _PHASES},
        }
        if self._most_running == 1:
            parts["rest"] = total - sum(parts.values())
        said = [f"{name} {s:.1f} s" for name, s in parts.items() if s >= _WORTH_SAYING]
        if not said:
            return ""
        # Trials that ran at once took their seconds at the same time.
        of = "of all trials together: " if self._most_running > 1 else ""
        return f"Time: {total:.1f} s ({of}{', '.join(said)})."

    def _say_what(self) -> None:
        self._say(f"{self._what} …")

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end_loading(self) -> None:
        """Show no more what is being loaded, once the first search or trial starts."""
        self._calm()
        if self._loaded_seconds is None:
            self._loaded_seconds = monotonic() - self._begun
            self._bar.stop()

    def run_started(self, trials: Sequence[PlannedTrial], costs: Costs) -> None:
        """Show a bar for *trials*; *costs* is updated when a trial ends."""
        self._end_loading()
        self._left = {trial.place: trial for trial in trials}
        self._n_trials, self._costs = len(trials), costs
        self._bar.update(self._task, description="starting", total=len(trials))
        self._bar.start()

    def run_ended(self, record: RunRecord) -> None:
        """Remove the bar."""
        self._bar.stop()

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that *trial* has started."""
        self._running[trial.place] = _Running(trial, None, monotonic())
        self._most_running = max(self._most_running, len(self._running))
        self._show()

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Show which epoch a trial has reached, or what it waits for."""
        running = None if trial is None else self._running.get(trial.place)
        if running is None:
            return
        if isinstance(message, EpochEnded):
            if message.validation_rmse is not None:
                running.errors.append(message.validation_rmse)
            curve = self._curve(running.errors)
            running.doing = f" epoch {message.epoch}/{message.of}{curve}"
        elif isinstance(message, Waits):
            running.doing = f" waits for {message.what}"
            if self._is_told:
                self._say(running.name)
        else:
            return
        self._show()

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Advance the bar, update the cost estimates, and print a line for *trial*."""
        del self._left[trial.place]
        self._forget(trial)
        for phase, seconds in record.wall_seconds.items():
            self._phases[phase] += seconds
        self._costs.learn(record.label, len(trial.fold.train), record)
        self._n_failed += record.status not in ("ok", "skipped")
        self._bar.advance(self._task)
        if self._is_told or record.status not in ("ok", "skipped"):
            done = self._n_trials - len(self._left)
            self._say(f"[{done}/{self._n_trials}] {_line(record)}")

    @property
    def _is_told(self) -> bool:
        return self._verbose or not self._console.is_terminal

    def _say(self, line: str) -> None:
        self._console.print(one_line(line), markup=False, soft_wrap=True)

    def _forget(self, trial: PlannedTrial) -> None:
        running = self._running.pop(trial.place, None)
        if running is not None and running.task is not None:
            self._bar.remove_task(running.task)

    def _show(self) -> None:
        """Show a single trial in the line of the run, or each in one of its own."""
        running = list(self._running.values())
        failed = f"{self._n_failed} failed" * bool(self._n_failed)
        left = ", ".join(filter(None, (failed, self._time_left())))
        if self._most_running == 1:
            self._bar.update(self._task, description=running[0].name, left=left)
            return
        several = f"{len(running)} at once"
        self._bar.update(self._task, description=several, left=left)
        for one in running:
            if one.task is None:
                one.task = self._bar.add_task("", total=None, left="")
            self._bar.update(one.task, description=one.name)

    def _curve(self, errors: list[float]) -> str:
        """Return how the validation error went, if the terminal can show it."""
        is_able = self._console.encoding.startswith("utf")
        return f" {sparkline(errors, _CURVE_WIDTH)}".rstrip() if is_able else ""

    def _time_left(self) -> str:
        if not self._console.is_terminal:
            return ""
        # There may be tens of thousands of trials, but few kinds of them.
        left = self._left.values()
        alike = Counter((t.model_number, t.fold) for t in left)
        one = {(t.model_number, t.fold): t for t in left}
        known: Counter[float] = Counter()
        for kind, n in alike.items():
            trial = one[kind]
            cost = self._costs.seconds(trial.untuned, len(trial.fold.train))
            if cost is not None:
                known[cost] += n
        if not known:
            return ""
        # Trials of unknown cost are assumed to take as long as the average trial.
        total = sum(s * n for s, n in known.items()) / known.total() * len(left)
        spent = sum(monotonic() - run.since for run in self._running.values())
        return f"about {clock(max(0.0, total - spent) / self._most_running)} left"


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _name(trial: PlannedTrial) -> str:
    return f"{trial.fold.name} {trial.model.label} r{trial.replicate}"


def _line(record: TrialRecord) -> str:
    where = f"{record.fold} {record.label} r{record.replicate}"
    if record.status != "ok":
        return f"{where}: {record.status}: {record.reason}"
    scores = [
        f"{name} {score.value:.4f}"
        for name, score in record.metrics.items()
        if score.value is not None
    ]
    fit = record.wall_seconds.get("fit", 0.0)
    return f"{where}: {', '.join(scores[:1])}, fit {fit:.2f} s"

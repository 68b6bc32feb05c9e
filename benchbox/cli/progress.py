"""Shows the progress of a run: the current trial, its epoch, and the time left."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from threading import Timer
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn
from rich.table import Column
from rich.text import Text

from benchbox.cli.common import notify
from benchbox.cli.sparkline import sparkline
from benchbox.errors import one_line, printable
from benchbox.records import EpochEnded, RunRecord, TrialMessage, TrialRecord
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


class TrialProgress(Silent):
    """Shows a run's progress on standard error: a bar on a terminal, otherwise lines.

    As a context manager, it removes the bar at the end, whatever happens.

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
        self._left: list[PlannedTrial] = []
        self._n_trials = 0
        self._costs = Costs({})
        self._started = monotonic()
        self._epoch, self._errors, self._n_failed = "", list[float](), 0
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
        parts["rest"] = total - sum(parts.values())
        said = [f"{name} {s:.1f} s" for name, s in parts.items() if s >= _WORTH_SAYING]
        return f"Time: {total:.1f} s ({', '.join(said)})." if said else ""

    def _say_what(self) -> None:
        self._console.print(f"{self._what} …", markup=False, soft_wrap=True)

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
        self._left, self._n_trials, self._costs = list(trials), len(trials), costs
        self._bar.update(self._task, description="starting", total=len(trials))
        self._bar.start()

    def run_ended(self, record: RunRecord) -> None:
        """Remove the bar."""
        self._bar.stop()

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that *trial* has started."""
        self._started, self._epoch = monotonic(), ""
        self._errors.clear()
        self._show(trial)

    def trial_said(self, message: TrialMessage) -> None:
        """Show which epoch the running trial has reached."""
        if isinstance(message, EpochEnded) and self._left:
            if message.validation_rmse is not None:
                self._errors.append(message.validation_rmse)
            self._epoch = f" epoch {message.epoch}/{message.of}{self._curve()}"
            self._show(self._left[0])

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Advance the bar, update the cost estimates, and print a line for *trial*."""
        self._left.remove(trial)
        for phase, seconds in record.wall_seconds.items():
            self._phases[phase] += seconds
        self._costs.learn(record.label, len(trial.fold.train), record)
        self._n_failed += record.status not in ("ok", "skipped")
        self._bar.advance(self._task)
        quiet = self._console.is_terminal and not self._verbose
        if not quiet or record.status not in ("ok", "skipped"):
            done = self._n_trials - len(self._left)
            self._console.print(
                f"[{done}/{self._n_trials}] {one_line(_line(record))}",
                markup=False,
                soft_wrap=True,
            )

    def _show(self, trial: PlannedTrial) -> None:
        name = f"{trial.fold.name} {trial.model.label} r{trial.replicate}{self._epoch}"
        failed = f"{self._n_failed} failed" * bool(self._n_failed)
        left = ", ".join(filter(None, (failed, self._time_left())))
        self._bar.update(self._task, description=one_line(name), left=left)

    def _curve(self) -> str:
        """Return how the validation error went, if the terminal can show it."""
        is_able = self._console.encoding.startswith("utf")
        return f" {sparkline(self._errors, _CURVE_WIDTH)}".rstrip() if is_able else ""

    def _time_left(self) -> str:
        if not self._console.is_terminal:
            return ""
        # There may be tens of thousands of trials, but few kinds of them.
        alike = Counter((t.model_number, t.fold) for t in self._left)
        one = {(t.model_number, t.fold): t for t in self._left}
        known: Counter[float] = Counter()
        for kind, n in alike.items():
            trial = one[kind]
            cost = self._costs.seconds(trial.untuned, len(trial.fold.train))
            if cost is not None:
                known[cost] += n
        if not known:
            return ""
        # Trials of unknown cost are assumed to take as long as the average trial.
        total = sum(s * n for s, n in known.items()) / known.total() * len(self._left)
        return f"about {clock(max(0.0, total - (monotonic() - self._started)))} left"


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


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

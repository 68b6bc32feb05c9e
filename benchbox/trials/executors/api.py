"""Executor: what a run asks of whatever runs its trials, on this machine or another."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Protocol, Self

from benchbox.machine import Environment, FoundDevices, GaugeRecord
from benchbox.records import (
    NOT_ENFORCED,
    Described,
    ModelQuestion,
    Pairs,
    Predicted,
    TrialJob,
    TrialNews,
    TrialOutcome,
)

Listen = Callable[[TrialNews], None]
"""Takes what is heard of a trial, for progress."""

AskAgain = Callable[[Predicted], Pairs | None]
"""Takes the news that a trial has predicted, and returns more pairs, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a trial's process ended.

    Attributes:
        outcome: What the trial said, or what its silence means.
        contended: What else used the machine meanwhile.
        foreign_cpus: Processors that other work kept busy; `None` if unknown.
        gauges: What the sensors of the machine said.
        confined: What kept the trial from reading and writing more than its own files.
        environment: Machine and software, if they are not the runner's.
    """

    outcome: TrialOutcome
    contended: tuple[str, ...] = ()
    foreign_cpus: float | None = None
    gauges: GaugeRecord = field(default_factory=GaugeRecord)
    confined: str = NOT_ENFORCED
    environment: Environment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """The machines that an executor runs trials on.

    Attributes:
        n_cpus: Processors of each.
        environment: One of them, with its software; accelerators are not looked for.
            `None` for the runner's own.
    """

    n_cpus: tuple[int, ...]
    environment: Environment | None = None

    def at_once(self, jobs: int, n_threads: int) -> int:
        """Return how many trials can run at once.

        Args:
            jobs: How many may on each machine.
            n_threads: Processors that each needs.
        """
        return max(1, sum(min(jobs, n // n_threads) for n in self.n_cpus))


class AgainError(Exception):
    """A trial was ended for no fault of its own, and is to be run again.

    Attributes:
        alone: Whether it then needs all the memory there is.
    """

    def __init__(self, reason: str, *, alone: bool = False) -> None:
        super().__init__(reason)
        self.alone = alone


class RunsTrials(Protocol):
    """Runs trials, one process each."""

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None = None,
        ask_again: AskAgain | None = None,
        memory_limit_bytes: int | None = None,
        expected_bytes: int | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to; see `Executor.run`."""


class Executor(Protocol):
    """Runs trials, one process each; a context manager that ends what it started."""

    def __enter__(self) -> Self:
        """Start what trials need."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything that was started."""

    def accelerators(self) -> FoundDevices:
        """Have a fresh process find the accelerators of this machine.

        Raises:
            BenchboxError: The process ended without an answer.
        """

    def describe(self, question: ModelQuestion) -> Described:
        """Have a fresh process tell what a class in a file says of itself.

        Args:
            question: The class and its options.

        Raises:
            BenchboxError: The process ended without an answer.
        """

    def run(
        self,
        job: TrialJob,
        *,
        log: Path,
        listen: Listen,
        hand_pairs: Callable[[], Pairs] | None = None,
        ask_again: AskAgain | None = None,
        memory_limit_bytes: int | None = None,
        expected_bytes: int | None = None,
        stop: Event | None = None,
    ) -> Finished:
        """Run one trial to whatever end it comes to.

        An executor that runs several trials at once is called by as many threads. Only
        then does it get the last two arguments.

        Args:
            job: The trial.
            log: File that takes what the model prints.
            listen: Takes the trial's messages.
            hand_pairs: Writes the pairs to predict, once the fit is over and not
                before, and says where; `None` for a job that keeps its model.
            ask_again: Called each time the trial has predicted what it was asked for:
                reads the predictions, and writes more pairs or returns `None`. Without
                it, the trial is asked once.
            memory_limit_bytes: Memory of the trial and all it starts at which it is
                ended; `None` for what the machine can give.
            expected_bytes: Memory that it will probably use; `None` for all there is.
            stop: Set by another thread that interrupts the trial.

        Raises:
            AgainError: It was ended for no fault of its own.
            KeyboardInterrupt: It was interrupted.
        """

"""Turns: the threads of a run work one at a time, but while they wait for trials.

So nothing that they share needs a lock of its own: files of folds, records, tables of
costs, and libraries that compute on all processors.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Event, Lock
from typing import Any, ParamSpec, TypeVar

from benchbox.machine import Environment
from benchbox.records import Pairs, TrialJob, TrialNews
from benchbox.trials import AskAgain, Executor, Finished, Listen

_Taken = ParamSpec("_Taken")
_Returned = TypeVar("_Returned")


class Turns:
    """Whose turn it is; use it as a context manager to have one's turn."""

    def __init__(self) -> None:
        self._changed = Condition(Lock())

    def __enter__(self) -> None:
        self._changed.acquire()

    def __exit__(self, *_: object) -> None:
        self._changed.notify_all()
        self._changed.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have their turns in the block, which touches nothing shared."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def inside(self, act: Callable[_Taken, _Returned]) -> Callable[_Taken, _Returned]:
        """Return *act* as it can be called from such a block."""

        def call(*args: _Taken.args, **named: _Taken.kwargs) -> _Returned:
            with self:
                return act(*args, **named)

        return call

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Let others have their turns until *is_so* returns true."""
        self._changed.wait_for(is_so)


class RunsAside:
    """Runs trials for the threads of a run, each outside its turn.

    Attributes:
        turns: Whose turn it is.
        stop: When set, all trials that run are interrupted, and none is begun.
        speaking: Held by the thread that tells the listener something.
        jobs: How many threads there are.

    Args:
        executor: What runs the trials.
        jobs: How many threads there are.
        met: Takes the machine and software of a trial, if they are not the runner's,
            before anything is made of it.
    """

    def __init__(
        self,
        executor: Executor,
        jobs: int,
        met: Callable[[Environment], None] = lambda environment: None,
    ) -> None:
        self.turns, self.stop = Turns(), Event()
        self._executor, self.jobs, self._met = executor, jobs, met
        self.speaking = Lock()

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

        def hear(news: TrialNews) -> None:
            # Not in turn: a trial must not be unwatched while others are scored.
            with self.speaking:
                listen(news)

        inside = self.turns.inside
        several: dict[str, Any] = {}
        if self.jobs > 1:
            several = {"expected_bytes": expected_bytes, "stop": self.stop}
        with self.turns.aside():
            finished = self._executor.run(
                job,
                log=log,
                listen=hear,
                hand_pairs=hand_pairs and inside(hand_pairs),
                ask_again=ask_again and inside(ask_again),
                memory_limit_bytes=memory_limit_bytes,
                **several,
            )
        if finished.environment is not None:
            self._met(finished.environment)
        return finished


def at_once(work: Callable[[], None], aside: RunsAside) -> None:
    """Call *work* in turn in each thread, and wait for all.

    If one fails, the others are stopped. A single thread is the caller's own.

    Raises:
        BaseException: What was raised in one of them, or here.
    """

    def in_turn() -> None:
        with aside.turns:
            work()

    if aside.jobs == 1:
        in_turn()
        return
    with ThreadPoolExecutor(aside.jobs, "trials") as threads:
        try:
            calls = [threads.submit(in_turn) for _ in range(aside.jobs)]
            done, _ = wait(calls, return_when=FIRST_EXCEPTION)
        finally:
            aside.stop.set()
    for call in sorted(done, key=_is_interrupted):
        call.result()
    for call in calls:
        call.result()


def _is_interrupted(call: Future[None]) -> bool:
    return isinstance(call.exception(), KeyboardInterrupt)

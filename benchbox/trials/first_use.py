"""First use: what a model costs once on a machine, paid before anything is timed.

Compilers fill their caches and the system reads libraries from disk when a model runs
for the first time. A trial on a few ratings takes that upon itself.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from benchbox.arrays.grouping import tally
from benchbox.arrays.positions import positions_where
from benchbox.data import write_ratings
from benchbox.ratings import Features, IndexArray, Ratings
from benchbox.records import Pairs, TrialJob, new_folder, remove_tree
from benchbox.trials.executors.api import RunsTrials

_LONGEST_SECONDS = 20.0
"""A model that hangs on a few ratings will say so in its own trials."""

_MOST_USERS, _MOST_ITEMS = 50, 100

_N_PAIRS = 32


class FirstUse:
    """Runs each model once on a few ratings, whatever may come of it.

    Attributes:
        wall_seconds: What that took, by model.

    Args:
        scratch: Folder for its files.
        executor: What runs the trials.
        wait_for: Lets other threads go on until a function returns true.
    """

    def __init__(
        self,
        scratch: Path,
        executor: RunsTrials,
        wait_for: Callable[[Callable[[], bool]], None] = lambda is_so: None,
    ) -> None:
        self.wall_seconds: dict[str, float] = {}
        self._scratch, self._executor, self._wait_for = scratch, executor, wait_for
        self._paying: set[str] = set()

    def pay(
        self,
        label: str,
        job: TrialJob,
        train: Ratings,
        memory_limit_bytes: int | None = None,
        *,
        with_times: bool = False,
        expected_bytes: int | None = None,
    ) -> bool:
        """Run the model of *job* on a few ratings like *train*, if it never has.

        How that ends is of no importance: the model's own trials will tell.

        Args:
            label: Name and options of the model.
            job: One of its trials.
            train: Ratings of that trial.
            memory_limit_bytes: Memory at which it is ended, as in a trial.
            with_times: Whether it is told when each question is asked.
            expected_bytes: Memory that it will probably use, as of a trial.

        Returns:
            Whether it was the first time.
        """
        self._wait_for(lambda: label not in self._paying)
        if label in self.wall_seconds:
            return False
        self._paying.add(label)
        try:
            self.wall_seconds[label] = self._pay(
                job, train, memory_limit_bytes, with_times, expected_bytes
            )
        finally:
            self._paying.discard(label)
        return True

    def _pay(
        self,
        job: TrialJob,
        train: Ratings,
        memory_limit_bytes: int | None,
        with_times: bool,
        expected_bytes: int | None,
    ) -> float:
        folder = new_folder(self._scratch)
        out = folder / "out"
        out.mkdir()
        few = made_up(few_ratings(train))
        pairs = _write_few(folder, few, with_times=with_times)
        ratings = str(folder / "train")
        limit = min(_LONGEST_SECONDS, job.time_limit_seconds or _LONGEST_SECONDS)
        finished = self._executor.run(
            msgspec.structs.replace(
                job,
                train=ratings,
                history=ratings,
                validation=job.validation and ratings,
                validation_history=job.validation_history and ratings,
                refit=job.refit and ratings,
                out=str(out),
                asked=str(folder),
                access=msgspec.structs.replace(job.access, compiles=True),
                latency=False,
                time_limit_seconds=limit,
            ),
            log=folder / "log",
            hand_pairs=lambda: pairs,
            listen=lambda message: None,
            memory_limit_bytes=memory_limit_bytes,
            expected_bytes=expected_bytes,
        )
        remove_tree(folder)
        return sum(finished.outcome.wall_seconds.values())


def few_ratings(ratings: Ratings) -> Ratings:
    """Return those ratings that the most active users gave to their usual items.

    Users and items are numbered anew, so that nothing grows with what is left out.
    """
    users = _most_frequent(ratings.users, ratings.n_users, _MOST_USERS)
    is_theirs = np.zeros(ratings.n_users, dtype=bool)
    is_theirs[users] = True
    by_them = positions_where(len(ratings), lambda part: is_theirs[ratings.users[part]])
    items = _most_frequent(ratings.items[by_them], ratings.n_items, _MOST_ITEMS)
    rows = by_them[np.isin(ratings.items[by_them], items)]
    times = ratings.timestamps
    return Ratings(
        users=np.searchsorted(users, ratings.users[rows]).astype(np.int32),
        items=np.searchsorted(items, ratings.items[rows]).astype(np.int32),
        values=ratings.values[rows],
        timestamps=None if times is None else times[rows],
        n_users=len(users),
        n_items=len(items),
        scale=ratings.scale,
        user_features=_features_of(ratings.user_features, users),
        item_features=_features_of(ratings.item_features, items),
    )


def made_up(ratings: Ratings) -> Ratings:
    """Return as many ratings, with users, items, values and times drawn at random.

    So what a first use leaves to later trials, such as compiled code, says nothing of
    what is hidden from them. Features are as in *ratings*.
    """
    draw = np.random.Generator(np.random.PCG64(0))
    n = len(ratings)
    cells = draw.choice(ratings.n_users * ratings.n_items, n, replace=False)
    users, items = np.divmod(np.sort(cells), ratings.n_items)
    levels = np.unique(ratings.values)
    times = ratings.timestamps
    return replace(
        ratings,
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=draw.choice(levels, n),
        timestamps=None if times is None else np.arange(n, dtype=np.int64),
    )


def _most_frequent(column: IndexArray, size: int, n: int) -> IndexArray:
    counts = tally(column, size)
    best = np.argsort(-counts, kind="stable")[:n]
    return np.sort(best[counts[best] > 0]).astype(np.int32)


def _features_of(features: Features | None, which: IndexArray) -> Features | None:
    if features is None:
        return None
    return {name: column[which] for name, column in features.items()}


def _write_few(folder: Path, few: Ratings, *, with_times: bool) -> Pairs:
    write_ratings(folder / "train", few)
    asked = few.take(np.arange(min(len(few), _N_PAIRS)))
    times = asked.timestamps if with_times else None
    return Pairs.written(folder, asked.users, asked.items, times)

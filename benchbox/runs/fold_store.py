"""Files and data that the trials on one fold share.

Only ratings that a trial may see are written to disk. The hidden ratings and the bias
model's predictions of them stay in the memory of the runner.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.parallel import long_slices
from benchbox.arrays.positions import positions_where
from benchbox.data import write_ratings
from benchbox.metrics import (
    Distribution,
    NormalDistribution,
    from_table,
    table_of,
)
from benchbox.models import BiasModel, Capabilities, fit_bias_model
from benchbox.protocols import carve_validation
from benchbox.ratings import Ratings, Values
from benchbox.records import TrialJob, new_folder, remove_tree
from benchbox.runs.asking import Asking, Known, PairsAsked
from benchbox.runs.plan import PlannedTrial
from benchbox.runs.scoring import Scores, scores
from benchbox.runs.seals import Seals
from benchbox.seeding import permutation


class FoldStore:
    """Files for the trials on a fold, and the hidden ratings for the runner.

    Attributes:
        fold: The fold.

    Args:
        trial: Any trial on the fold.
        scratch: Folder that the files are made in.
    """

    def __init__(self, trial: PlannedTrial, scratch: Path) -> None:
        self.fold = trial.fold
        self._trial, self._scratch = trial, scratch
        self._made: Path | None = None
        self._carved: dict[int, dict[str, str]] = {}
        self._seals, self._older = Seals(), list[tuple[Path, Seals]]()
        self._users: Counter[int] = Counter()
        history, train = self.fold.history, self.fold.train
        self._order = permutation(
            len(self.fold.hidden), trial.fold_seed("order"), "asked pairs"
        )
        self._cold_users = tally(history.users, history.n_users) == 0
        self._cold_items = tally(train.items, train.n_items) == 0

    @cached_property
    def train(self) -> str:
        """Folder of the training ratings."""
        return self._written("train", self.fold.train)

    @cached_property
    def history(self) -> str:
        """Folder of the ratings that a model may see while it predicts."""
        if self.fold.partition.is_warm:
            return self.train
        return self._written("history", self.fold.history)

    def carved(self, replicate: int) -> dict[str, str]:
        """Return the folders of ratings to fit, of validation and of its history.

        Each replicate has validation ratings of its own: else the spread over seeds
        within a run would be less than that between runs with different seeds.

        Args:
            replicate: Number of the fit on this fold. Only the files of the last one
                are kept, and of others that are in use.
        """
        if replicate not in self._carved:
            self._drop_carved()
            self._carved[replicate] = self._newly_carved(replicate)
        return self._carved[replicate]

    @contextmanager
    def in_use(self, replicate: int) -> Iterator[None]:
        """Keep the files for a trial in the block.

        Args:
            replicate: Number of the fit on this fold.
        """
        self._users[replicate] += 1
        try:
            yield
        finally:
            self._users[replicate] -= 1

    @property
    def is_in_use(self) -> bool:
        """Whether any trial uses the files."""
        return self._users.total() > 0

    def _newly_carved(self, replicate: int) -> dict[str, str]:
        seed = self._trial.fold_seed("validation", replicate)
        visible = carve_validation(self.fold, seed)
        parts = {
            "train": visible.train,
            "validation": visible.validation,
            "validation_history": visible.validation_history,
        }
        if visible.validation_history is visible.train:
            # Warm protocols: one copy on disk serves both.
            del parts["validation_history"]
        folders = {
            name: self._written(f"carved-{replicate}/{name}", ratings)
            for name, ratings in parts.items()
        }
        return {"validation_history": folders["train"]} | folders

    def _drop_carved(self) -> None:
        for replicate in [one for one in self._carved if not self._users[one]]:
            for folder in set(self._carved.pop(replicate).values()):
                self._seals.forget(Path(folder))
            remove_tree(self._root / f"carved-{replicate}")

    @cached_property
    def _bias(self) -> BiasModel:
        return fit_bias_model(self.fold.train)

    @cached_property
    def reference(self) -> Values:
        """The bias model's prediction of every hidden rating, shape ``(n,)``."""
        fitted = self._bias
        if not self.fold.partition.is_warm:
            own = fitted.user_bias_from(self.fold.history)
            fitted = replace(fitted, user_bias=own)
        return fitted.predict(self.fold.hidden.users, self.fold.hidden.items)

    @cached_property
    def reference_scores(self) -> Scores:
        """Scores of the bias model on the hidden ratings, by metric."""
        return scores(self.reference, self._trial)

    def asked_pairs(self, can: Capabilities) -> NDArray[np.int64]:
        """Return the positions of the hidden ratings to predict, in shuffled order."""
        hidden, order = self.fold.hidden, self._order
        users_known = ~self._cold_users | can.handles_cold_users
        items_known = ~self._cold_items | can.handles_cold_items
        if users_known.all() and items_known.all():
            return order

        def is_asked(part: slice) -> NDArray[np.bool_]:
            pairs = order[part]
            asked: NDArray[np.bool_] = users_known[hidden.users[pairs]]
            asked &= items_known[hidden.items[pairs]]
            return asked

        return mapped.gathered(order, positions_where(len(order), is_asked))

    def asking(
        self,
        job: TrialJob,
        asked: NDArray[np.int64],
        seed: int,
        *,
        with_times: bool = False,
    ) -> Asking:
        """Return what a trial is asked.

        Args:
            job: The trial.
            asked: Positions of the hidden ratings to predict, in that order.
            seed: Decides what is asked again, and among which other pairs.
            with_times: Whether it is told when each question is asked.
        """
        hidden = self.fold.hidden
        times = hidden.timestamps if with_times else None
        return Asking(
            job,
            PairsAsked(
                mapped.gathered(hidden.users, asked),
                mapped.gathered(hidden.items, asked),
                None if times is None else mapped.gathered(times, asked),
            ),
            self._known,
            hidden.scale,
            seed,
        )

    @cached_property
    def _known(self) -> Known:
        return Known(
            np.flatnonzero(~self._cold_users), np.flatnonzero(~self._cold_items)
        )

    def completed(self, predictions: Values, asked: NDArray[np.int64]) -> Values:
        """Return a prediction per hidden rating: the model's, or else the bias model's.

        Args:
            predictions: The model's predictions, in the order of *asked*, shape
                ``(m,)``.
            asked: Positions of the hidden ratings it predicted, shape ``(m,)``.
        """
        if len(asked) == len(self.fold.hidden):
            complete = mapped.empty(len(asked), np.float32)
        else:
            complete = mapped.copied(self.reference, np.float32)
        complete[asked] = predictions
        return complete

    def completed_distribution(
        self, distribution: Distribution, asked: NDArray[np.int64]
    ) -> Distribution:
        """Return a distribution per hidden rating, in float32.

        Where the bias model predicts instead, it is a normal distribution around its
        prediction, with the spread of its residuals in training.

        Args:
            distribution: The model's, in the order of *asked*.
            asked: Positions of the hidden ratings it predicted, shape ``(m,)``.
        """
        n_hidden = len(self.fold.hidden)
        table = table_of(distribution)
        is_normal = isinstance(distribution, NormalDistribution)
        own = slice(0 if is_normal else 1, None)
        complete = np.empty((n_hidden + (not is_normal), table.shape[1]), np.float32)
        complete[: own.start] = table[: own.start]
        if len(asked) < n_hidden:
            spread = np.full(n_hidden, self._bias_spread, dtype=np.float32)
            normal = NormalDistribution(self.reference, spread)
            filled = normal if is_normal else normal.on_steps(table[0])
            complete[own] = table_of(filled)[own]
        complete[own][asked] = table[own]
        return from_table(complete, n_hidden)

    @cached_property
    def _bias_spread(self) -> float:
        """Root mean squared residual of the bias model in training, above 0."""
        train, squares = self.fold.train, 0.0
        for part in long_slices(len(train)):
            predicted = self._bias.predict(train.users[part], train.items[part])
            rest = train.values[part] - predicted
            squares += float(np.square(rest, dtype=np.float64).sum())
        return math.sqrt(squares / len(train)) or 1e-3

    def changed(self, given: Collection[str]) -> str:
        """Return which file for trials has changed, in words; empty if none has.

        Args:
            given: Folders that the trial just ended was given.
        """
        folders = [Path(folder) for folder in given]
        older = (seals for _, seals in self._older if seals.knows(folders))
        return next(older, self._seals).changed(folders)

    def renew(self) -> None:
        """Have all files written again, elsewhere, when they are next asked for.

        Those that other trials read stay for so long.
        """
        if self._made is not None and self._users.total() > 1:
            self._older.append((self._made, self._seals))
            self._made = None
        else:
            self.clear()
        self._seals, self._carved = Seals(), {}
        for name in ("train", "history"):
            self.__dict__.pop(name, None)

    def new_folder(self) -> Path:
        """Return a new folder for the output of a trial."""
        return new_folder(self._root)

    @property
    def _root(self) -> Path:
        if self._made is None:
            self._made = new_folder(self._scratch)
        return self._made

    def clear(self) -> None:
        """Remove all files."""
        made = [] if self._made is None else [self._made]
        for folder in (*made, *(folder for folder, _ in self._older)):
            remove_tree(folder)
        self._made, self._older = None, []

    def _written(self, name: str, ratings: Ratings) -> str:
        folder = self._root / name
        write_ratings(folder, ratings)
        self._seals.seal(folder)
        return str(folder)


class Stores:
    """The files of the folds that trials run on at the moment.

    Args:
        scratch: Folder that the files are made in.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._current: FoldStore | None = None

    @contextmanager
    def lent(self, trial: PlannedTrial) -> Iterator[FoldStore]:
        """Keep the files of the fold of *trial* in the block.

        They stay for the next trial on it, unless one on another fold has begun.
        """
        store = self._current
        if store is None or store.fold is not trial.fold:
            if store is not None and not store.is_in_use:
                store.clear()
            store = self._current = FoldStore(trial, self._scratch)
        with store.in_use(trial.replicate):
            yield store
        if store is not self._current and not store.is_in_use:
            store.clear()

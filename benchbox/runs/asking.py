"""Asks a trial for its predictions, and for a sample of them again in other company.

A model that uses the other pairs it is asked for, such as how often an item is among
them, learns from the hidden pairs what nobody knows when a prediction is needed.
"""

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ModelError
from benchbox.metrics import Distribution
from benchbox.ratings import IndexArray, RatingScale, Values
from benchbox.records import AskedAgain, Pairs, Predicted, TrialJob, new_folder
from benchbox.seeding import permutation, raw_draws
from benchbox.trials import read_distribution, read_predictions

TOLERANCE = 1 / 400
"""By what share of the scale's width a prediction may change: 0.01 on a scale of 1–5.

Models that predict each pair by itself still round differently in calls of other sizes:
float32 sums by a thousandth of that. And what a model can tell from the other pairs,
if it changes predictions by less, lowers an RMSE of 0.9 by less than 0.0001.
"""

_SHARE = 0.02
"""Of the sample that may change by more: where two neighbours are equally near,
rounding decides."""

_VARYING = TOLERANCE / 10
"""By what share of the width the answer to the very same question must change to show
that it is drawn at random, or depends on earlier questions."""

_N_SAMPLE, _N_DECOYS = 200, 100
_N_CHUNKS = 4
_N_FAVOURITES = 8
"""Users and items that the second question is mostly about."""

_N_QUESTIONS = 3
"""The most there are, for the estimate of their cost."""

_LEAST_SECONDS, _MOST_SHARE = 0.3, 0.05
"""What they may take together: this, or a share of the trial so far."""


@dataclass(frozen=True, slots=True, eq=False)
class PairsAsked:
    """Pairs of users and items as a trial is asked for them.

    Attributes:
        users: User index per pair, shape ``(n,)``.
        items: Item index per pair, shape ``(n,)``.
        timestamps: When each question is asked, shape ``(n,)``; `None` for a model that
            is not told.
    """

    users: IndexArray
    items: IndexArray
    timestamps: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Users and items that models may see on a fold, from which decoys are drawn.

    Attributes:
        users: Users with visible ratings.
        items: Items with training ratings.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """The sample among decoys.

    Attributes:
        pairs: What is asked for, shape ``(m,)``.
        places: Place of each pair of the sample among them, shape ``(n,)``.
        chunk_size: Pairs per call.
    """

    pairs: PairsAsked
    places: NDArray[np.int64]
    chunk_size: int


class Asking:
    """What one trial is asked, and what it answers.

    Each answer is read before the next question, so nothing can change it later.

    Attributes:
        finding: What became of the predictions that were asked for again; `None` so
            far.

    Args:
        job: The trial.
        asked: The pairs to predict.
        known: What decoys are drawn from.
        scale: The rating scale.
        seed: Decides the sample and the decoys.
    """

    def __init__(
        self,
        job: TrialJob,
        asked: PairsAsked,
        known: Known,
        scale: RatingScale,
        seed: int,
    ) -> None:
        self.finding: AskedAgain | None = None
        self._job, self._asked, self._known = job, asked, known
        self._scale, self._seed = scale, seed
        self._began = self._handed = self._answered = monotonic()
        self._questions: Generator[_Question, Values, AskedAgain] | None = None
        self._n_expected = len(asked)

    @cached_property
    def predictions(self) -> Values:
        """The predictions of all pairs, shape ``(n,)``.

        Raises:
            ModelError: There are none, or they break the contract.
        """
        return read_predictions(Path(self._job.out), len(self._asked))

    @cached_property
    def distribution(self) -> Distribution | None:
        """The distributions of all pairs; `None` if the model predicts none.

        Raises:
            ModelError: There are none, or they break the contract.
        """
        if not self._job.distribution:
            return None
        return read_distribution(Path(self._job.out), len(self._asked))

    def hand_pairs(self) -> Pairs:
        """Write the pairs for the trial, once it is fitted."""
        handed = self._written(self._asked)
        self._handed = monotonic()
        return handed

    def ask_again(self, said: Predicted) -> Pairs | None:
        """Take the answer of the trial, and return the next question, if any."""
        try:
            question = self._next(said)
        except StopIteration as over:
            self.finding = over.value
            return None
        except ModelError as error:
            self.finding = AskedAgain(verdict="untested", reason=str(error))
            return None
        self._n_expected = len(question.pairs)
        return self._written(question.pairs, question.chunk_size)

    def _next(self, said: Predicted) -> _Question:
        if self._questions is None:
            # What is wrong with these fails the trial, once it has ended.
            _ = self.predictions, self.distribution
            self._answered = monotonic()
            self._questions = self._test()
            return next(self._questions)
        if said.trouble:
            raise ModelError(f"it failed when asked again: {said.trouble}")
        answer = read_predictions(Path(self._job.out), self._n_expected)
        return self._questions.send(answer)

    def _test(self) -> Generator[_Question, Values, AskedAgain]:
        """Ask questions until one gets other answers for good, or none is left."""
        if self._expected_seconds() > self._affordable_seconds():
            return AskedAgain(verdict="untested", reason="that would take too long")
        # They are in random order; these are from all chunks.
        n = len(self._asked)
        sample = np.linspace(0, n - 1, min(n, _N_SAMPLE)).astype(np.int64)
        first, largest = self.predictions[sample], 0.0
        for number, (n_favourites, n_chunks) in enumerate(
            ((None, 1), (_N_FAVOURITES, _N_CHUNKS))
        ):
            if number and monotonic() - self._answered > self._affordable_seconds():
                break
            question = self._question(number, sample, n_favourites, n_chunks)
            answer = yield question
            changes = self._changes(first, answer[question.places])
            largest = max(largest, float(np.abs(changes).max(initial=0.0)))
            n_moved = self._n_beyond(TOLERANCE, changes, first)
            if n_moved <= _SHARE * len(sample):
                continue
            again = yield question
            # The decoys count here, too.
            varies = self._n_beyond(_VARYING, self._changes(answer, again), answer)
            return AskedAgain(
                verdict="varies" if varies else "depends",
                n_pairs=len(sample),
                n_moved=n_moved,
                largest_change=largest,
            )
        return AskedAgain(verdict="same", n_pairs=len(sample), largest_change=largest)

    def _expected_seconds(self) -> float:
        """Return what the questions take if all pairs take as long as the first."""
        per_pair = (self._answered - self._handed) / max(len(self._asked), 1)
        return _N_QUESTIONS * (_N_SAMPLE + _N_DECOYS) * per_pair

    def _affordable_seconds(self) -> float:
        return max(_LEAST_SECONDS, _MOST_SHARE * (self._answered - self._began))

    def _question(
        self,
        number: int,
        sample: NDArray[np.int64],
        n_favourites: int | None,
        n_chunks: int,
    ) -> _Question:
        order = permutation(len(sample) + _N_DECOYS, self._seed, "order", number)

        def side(name: str, mine: IndexArray, known: NDArray[np.int64]) -> IndexArray:
            among: NDArray[Any] = known
            if n_favourites:
                among = self._drawn(known, n_favourites, "favourites", name)
            decoys = self._drawn(among, _N_DECOYS, "decoys", name, number)
            found: IndexArray = np.concatenate([mine[sample], decoys])[order]
            return found

        return _Question(
            PairsAsked(
                side("users", self._asked.users, self._known.users),
                side("items", self._asked.items, self._known.items),
                self._moments(number, sample, order),
            ),
            np.argsort(order)[: len(sample)],
            -(-len(order) // n_chunks),
        )

    def _moments(
        self, number: int, sample: NDArray[np.int64], order: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """Return when each pair is asked: decoys at times of other questions."""
        times = self._asked.timestamps
        if times is None:
            return None
        draws = raw_draws(_N_DECOYS, self._seed, "asked again", "times", number)
        others = times[(draws % np.uint64(len(times))).astype(np.int64)]
        return np.concatenate([times[sample], others])[order]

    def _drawn(self, known: NDArray[Any], n: int, *path: str | int) -> IndexArray:
        """Return *n* of the known users or items, shape ``(n,)``, some repeatedly."""
        draws = raw_draws(n, self._seed, "asked again", *path)
        found: IndexArray = known[draws % np.uint64(len(known))].astype(np.int32)
        return found

    def _changes(self, before: Values, after: Values) -> NDArray[np.float64]:
        return after.astype(np.float64) - before

    def _n_beyond(
        self, share: float, changes: NDArray[np.float64], before: Values
    ) -> int:
        # Off the scale, rounding grows with the prediction.
        width = self._scale.high - self._scale.low
        allowed = share * np.maximum(width, np.abs(before))
        return int(np.count_nonzero(np.abs(changes) > allowed))

    def _written(self, pairs: PairsAsked, chunk_size: int = 0) -> Pairs:
        # A new folder: one whose name is known could hold a link or a pipe.
        folder = new_folder(Path(self._job.asked))
        columns = pairs.users, pairs.items, pairs.timestamps
        return Pairs.written(folder, *columns, chunk_size=chunk_size)

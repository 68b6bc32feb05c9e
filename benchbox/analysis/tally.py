"""Tally: what is added up of each model's predictions, fold by fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from benchbox.metrics import (
    LOSSES,
    READINGS,
    Breakdown,
    Floats,
    Scored,
    Slicing,
    break_down,
    slicing,
    summed,
)
from benchbox.protocols import Fold
from benchbox.ratings import Values


class Told:
    """The hidden ratings of one fold, and how they are parted."""

    def __init__(self, fold: Fold, clip: bool) -> None:
        hidden = self.hidden = fold.hidden
        self.clip = clip
        self.slicing: Slicing = slicing(fold.history.users, fold.train.items, hidden)
        self.is_cold: NDArray[np.bool_] = (self.slicing.activity[hidden.users] == 0) | (
            self.slicing.popularity[hidden.items] == 0
        )

    def scored(self, predictions: Values) -> Scored:
        """Return predictions as the run scores them, beside the truth."""
        hidden = self.hidden
        return Scored(
            predicted=hidden.scale.clip(predictions) if self.clip else predictions,
            actual=hidden.values,
            users=hidden.users,
            items=hidden.items,
        )


@dataclass(eq=False)
class Tally:
    """What is added up of one model, fold by fold; a fold's fits are averaged."""

    label: str
    n_users: int
    digests: list[frozenset[bytes]] = field(default_factory=list)
    readings: dict[str, list[list[float | None]]] = field(default_factory=dict)
    n_read: dict[str, int] = field(default_factory=dict)
    breakdowns: list[list[Breakdown]] = field(default_factory=list)
    counts: dict[str, Floats] = field(default_factory=dict)
    losses: dict[str, Floats] = field(default_factory=dict)

    def add(self, told: Told, fits: Sequence[Values]) -> None:
        """Add a model's predictions of one fold, an array per fit, if there are any."""
        if not fits:
            return
        scored = [told.scored(predictions) for predictions in fits]
        self.digests.append(
            frozenset(blake2b(s.predicted.tobytes()).digest() for s in scored)
        )
        self.breakdowns.append([break_down(s, told.slicing) for s in scored])
        for reading in READINGS:
            scores = [
                reading.of(s, predictions, told.is_cold)
                for s, predictions in zip(scored, fits, strict=True)
            ]
            values = [score.value for score in scores]
            self.readings.setdefault(reading.name, []).append(values)
            n = self.n_read.get(reading.name, 0) + scores[0].n_scored
            self.n_read[reading.name] = n
        for metric in LOSSES:
            self._add_losses(told, scored, metric)

    def _add_losses(self, told: Told, scored: list[Scored], metric: str) -> None:
        hidden = told.hidden
        predictions = [s.predicted for s in scored]
        counts, losses = summed(
            hidden.values, predictions, hidden.users, self.n_users, metric
        )
        before = np.zeros(self.n_users)
        self.counts[metric] = self.counts.get(metric, before) + counts
        self.losses[metric] = self.losses.get(metric, before) + losses.mean(axis=0)

    @property
    def rmse(self) -> float:
        """RMSE over all folds together."""
        return float(np.sqrt(self.losses["rmse"].sum() / self.counts["rmse"].sum()))

    @property
    def by_fold(self) -> list[list[float]]:
        """RMSE of each fit on each fold."""
        folds = self.readings[READINGS[0].name]
        return [[v for v in fits if v is not None] for fits in folds]

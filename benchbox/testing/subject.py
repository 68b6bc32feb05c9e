"""The model under test, fitted and asked for predictions as in a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.metrics import checked_distribution, table_of
from benchbox.models import (
    Capabilities,
    EpochReport,
    FitContext,
    ModelSpec,
    RatingModel,
)
from benchbox.options import decode, to_json
from benchbox.plugins import unavailable
from benchbox.ratings import IndexArray, Ratings
from benchbox.targets import resolve, target_of
from benchbox.testing.checks import ContractError
from benchbox.testing.surroundings import SEED
from benchbox.trials import ask_distribution, build_model, host_array

_FEW_EPOCHS = 2
"""Two epochs show whether a promise is broken; more would only take time."""


@dataclass(frozen=True, kw_only=True)
class ModelSubject:
    """A model under test.

    Attributes:
        spec: Its spec.
        settings: Options to test it with. An option ``epochs`` is 2 if not given.
        takes_keywords: Whether its class takes the options as keyword arguments
            instead of an options record.
    """

    spec: ModelSpec
    settings: Mapping[str, Any] = field(default_factory=dict)
    takes_keywords: bool = False

    @property
    def can(self) -> Capabilities:
        """What the model can do with these options."""
        if self.takes_keywords:
            return self.spec.capabilities
        options = decode(self.spec.options, self.options, self.spec.name)
        return self.spec.capabilities.under(options)

    @property
    def unavailable(self) -> str:
        """Why the model cannot run here; empty if it can."""
        return unavailable(self.spec)

    @property
    def known_breaches(self) -> Mapping[str, str]:
        """Promises that its spec says it breaks, by name of the check."""
        return self.spec.known_breaches

    @property
    def options(self) -> dict[str, Any]:
        """All options, with defaults filled in."""
        if self.takes_keywords:
            return dict(self.settings)
        names = {entry.name for entry in msgspec.structs.fields(self.spec.options)}
        few = {"epochs": _FEW_EPOCHS} if "epochs" in names else {}
        return to_json(
            decode(self.spec.options, {**few, **self.settings}, self.spec.name)
        )

    @property
    def options_type(self) -> str:
        """Target of the options record; empty for keyword arguments."""
        return "" if self.takes_keywords else target_of(self.spec.options)

    def build(self) -> RatingModel:
        """Return a new model, not fitted yet."""
        return build_model(self.spec.target, self.options_type, self.options)

    def fitted(self, train: Ratings, seed: int = SEED) -> RatingModel:
        """Return a new model, fitted to *train*."""
        model = self.build()
        self.fit(model, train, seed=seed)
        return model

    def fit(
        self,
        model: RatingModel,
        train: Ratings,
        *,
        seed: int = SEED,
        device: str = "cpu",
        epochs: int | None = None,
        on_note: Callable[[str, str], None] | None = None,
    ) -> list[EpochReport]:
        """Fit *model*, with validation ratings if it uses them; return its reports.

        Args:
            model: The model to fit.
            train: Training ratings; every eighth is set aside if the model validates.
            seed: Seed of the fit.
            device: Device to train on.
            epochs: Number of epochs of a refit, which has no validation ratings.
            on_note: Called with each note of the model.
        """
        reports: list[EpochReport] = []
        context = FitContext(
            seed=seed,
            device=device,
            n_threads=1,
            epochs=epochs,
            on_report=reports.append,
            on_note=on_note,
        )
        can = self.can
        # Too few ratings to set some aside: fit as in a refit.
        if can.uses_validation and epochs is None and len(train) >= _APART:
            train, validation = set_aside(train)
            context = replace(context, validation=validation, validation_history=train)
        elif can.uses_validation and epochs is None:
            context = replace(context, epochs=1)
        model.fit(train, context)
        return reports

    def answers(
        self, train: Ratings, pairs: "Pairs", *, seed: int = SEED
    ) -> NDArray[Any]:
        """Fit a new model to *train* and return its predictions for *pairs*."""
        return self.ask(self.fitted(train, seed), train, pairs)

    def ask(self, model: RatingModel, history: Ratings, pairs: "Pairs") -> NDArray[Any]:
        """Return the predictions of a fitted model, unchecked."""
        return host_array(model.predict(history, *self.columns(pairs)))

    def ask_distribution(
        self, model: RatingModel, history: Ratings, pairs: "Pairs"
    ) -> NDArray[np.float32]:
        """Return the distributions of a fitted model, checked, as a table.

        Raises:
            ModelError: They are none.
        """
        answered = ask_distribution(model, history, *self.columns(pairs))
        return table_of(checked_distribution(answered, len(pairs)))

    def columns(self, pairs: "Pairs") -> list[NDArray[Any]]:
        """Return copies of what `predict` gets: times only if the model asks."""
        told = (pairs.timestamps,) if self.can.uses_question_times else ()
        return [column.copy() for column in (pairs.users, pairs.items, *told)]

    def implements(self, *methods: str) -> bool:
        """Return whether the model's class has all *methods*."""
        kind = resolve(self.spec.target)
        return all(callable(getattr(kind, name, None)) for name in methods)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs to predict, each column of shape ``(n,)``.

    Attributes:
        users: User index.
        items: Item index.
        timestamps: When each question is asked, in seconds since 1970, int64.
    """

    users: IndexArray
    items: IndexArray
    timestamps: NDArray[np.int64]

    @classmethod
    def of(cls, ratings: Ratings) -> Self:
        """Return the pairs that *ratings* rate, asked when they were rated."""
        times = ratings.timestamps
        assert times is not None
        return cls(ratings.users.copy(), ratings.items.copy(), times.copy())

    def __len__(self) -> int:
        return len(self.users)

    def take(self, places: NDArray[np.int64]) -> Self:
        """Return the pairs at *places*, in that order."""
        return type(self)(
            self.users[places], self.items[places], self.timestamps[places]
        )


_APART = 8

_STRIDE = 1_299_709
"""Seconds from one question to the next, a prime, so that times do not repeat."""


def set_aside(ratings: Ratings) -> tuple[Ratings, Ratings]:
    """Split ratings into training ratings and every eighth, for validation."""
    is_validation = np.arange(len(ratings)) % _APART == _APART - 1
    train, validation = np.flatnonzero(~is_validation), np.flatnonzero(is_validation)
    return ratings.take(train), ratings.take(validation)


def all_pairs(ratings: Ratings) -> Pairs:
    """Return every pair of a user and an item, rated or not.

    They are asked at times all over those of the ratings.
    """
    number = np.arange(ratings.n_users * ratings.n_items)
    pairs = np.divmod(number, ratings.n_items)
    users, items = (side.astype(np.int32) for side in pairs)
    times = ratings.timestamps
    if times is None:
        return Pairs(users, items, number)
    first, last = int(times.min()), int(times.max())
    return Pairs(users, items, first + number * _STRIDE % (last - first + 1))


def require(condition: object, reason: str) -> None:
    """Fail a check unless *condition* holds.

    Raises:
        ContractError: The condition does not hold.
    """
    if not condition:
        raise ContractError(reason)


def gap(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the largest absolute difference; infinite if the shapes differ."""
    if one.shape != other.shape:
        return float("inf")
    if np.array_equal(one, other, equal_nan=True) or not one.size:
        return 0.0
    return float(np.nanmax(np.abs(one.astype(np.float64) - other)))

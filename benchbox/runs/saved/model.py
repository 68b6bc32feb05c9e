"""A model loaded from its folder, which predicts and recommends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import time
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import tally
from benchbox.data import data_id, map_ratings
from benchbox.errors import (
    BenchboxError,
    ModelError,
    UsageError,
    error_line,
    message_of,
)
from benchbox.models import BiasModel, RatingModel, fit_bias_model, read_state
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox.records import PlannedModel
from benchbox.runs.saved.catalogue import Asking, Catalogue
from benchbox.runs.saved.files import (
    RATINGS,
    STATE,
    SavedRecord,
    damaged,
    read_record,
)
from benchbox.runs.saved.source import beside, doubt_about
from benchbox.runs.trust import Trust
from benchbox.trials import build_model, check_predictions

Moments = int | Sequence[int] | NDArray[np.int64]
"""Seconds since 1970: one time for all pairs, or one per pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A recommended item, which the user has not rated.

    Attributes:
        item: Id of the item in the data.
        title: Its title; empty if the data have none.
        predicted: Predicted rating, on the rating scale.
    """

    item: str
    title: str
    predicted: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filled:
    """Predictions for pairs, some of which the bias model had to make.

    Attributes:
        values: Predicted rating per pair, on the rating scale, shape ``(n,)``.
        by_bias: Whether the bias model made it, shape ``(n,)``.
        unknown_users: Ids that the model was fitted without, in order of appearance.
        unknown_items: The same of items.
    """

    values: Values
    by_bias: NDArray[np.bool_]
    unknown_users: list[str]
    unknown_items: list[str]


def _ratings_of(record: SavedRecord, folder: Path) -> Ratings:
    try:
        ratings = map_ratings(folder / RATINGS)
    except Exception as error:  # noqa: BLE001
        # Half a file fails in many ways, deep within NumPy's reader of headers.
        raise damaged(
            folder, f"its ratings cannot be read: {message_of(error)}"
        ) from None
    # Where every file has its hash, theirs need not be computed again.
    if len(ratings) != record.n_ratings or not (
        record.digests or data_id(ratings) == record.data_id
    ):
        raise damaged(folder, "its ratings are not those it was fitted to")
    return ratings


def _built(planned: PlannedModel) -> RatingModel:
    try:
        return build_model(planned.target, planned.options_type, planned.options)
    except BenchboxError:
        raise
    except Exception as error:
        raise ModelError(
            f"The code of {planned.label} no longer makes the model that was saved: "
            f"{error_line(error)}. Fit it again."
        ) from error


@dataclass(frozen=True, eq=False, kw_only=True)
class SavedModel:
    """A fitted model loaded from a folder, ready to predict.

    Attributes:
        record: Description of the model.
        model: The model itself.
        ratings: Ratings it was fitted to.
        doubt: What to tell the user about its source, such as that it has changed since
            the fit; empty if there is nothing to tell.
    """

    record: SavedRecord
    model: RatingModel
    ratings: Ratings
    doubt: str = ""

    @classmethod
    def load(cls, folder: Path, trust: Trust) -> Self:
        """Return the model saved in *folder*.

        Args:
            folder: Where it is.
            trust: Whose code may run if the record names it.

        Raises:
            UsageError: The folder has no saved model, or its code is not trusted, gone
                or changed.
            ModelError: The record is damaged or from another version of benchbox.
        """
        record = read_record(folder)
        planned = trust.model(beside(record.model, folder))
        doubt = doubt_about(planned, may_differ=trust.everything)
        ratings = _ratings_of(record, folder)
        model = _built(planned)
        # Here a plugin's code runs, on a state that may be damaged.
        try:
            model.restore(read_state(folder / STATE))  # type: ignore[attr-defined]
        except BenchboxError:
            raise
        except Exception as error:  # noqa: BLE001
            raise damaged(
                folder, f"it cannot be restored: {error_line(error)}"
            ) from None
        return cls(record=record, model=model, ratings=ratings, doubt=doubt)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Users and items of the data, by their ids."""
        return Catalogue(self.ratings)

    @property
    def asks_times(self) -> bool:
        """Whether the model is told when each question is asked."""
        return self.record.model.capabilities.uses_question_times

    def predict(
        self, users: list[str], items: list[str], at: Moments | None = None
    ) -> Values:
        """Return a predicted rating per pair of ids, on the scale, shape ``(n,)``.

        Args:
            users: User id per pair.
            items: Item id per pair.
            at: When the questions are asked, in seconds since 1970, for a model that is
                told: one time for all, or one per pair; by default now.

        Raises:
            UsageError: An id is not in the data the model was fitted to, or a time is
                given to a model that is not told any.
        """
        return self._predicted(
            self.ratings,
            self.catalogue.users(users),
            self.catalogue.items(items),
            self._moments(at, len(users)),
        )

    def predict_filled(
        self, users: Sequence[str], items: Sequence[str], at: Moments | None = None
    ) -> Filled:
        """Return a predicted rating per pair of ids, whether they are known or not.

        For users and items the model was fitted without, the bias model predicts, as in
        a run: it gives them an offset of 0. The arguments are those of `predict`.
        """
        moments = self._moments(at, len(users))
        places, unknown = [], []
        ids = self.catalogue
        for names, known in ((users, ids.user_places), (items, ids.item_places)):
            found = np.array([known.get(name, -1) for name in names], dtype=np.int32)
            places.append(found)
            unknown.append([n for n in dict.fromkeys(names) if n not in known])
        by_bias = (places[0] < 0) | (places[1] < 0)
        values = np.empty(len(by_bias), dtype=np.float32)
        asked = ~by_bias
        if asked.any():
            known_users, known_items = (p[asked] for p in places)
            values[asked] = self._predicted(
                self.ratings, known_users, known_items, moments[asked]
            )
        if by_bias.any():
            filled = self._bias.predict(*(p[by_bias] for p in places))
            values[by_bias] = self.ratings.scale.clip(filled)
        return Filled(
            values=values,
            by_bias=by_bias,
            unknown_users=unknown[0],
            unknown_items=unknown[1],
        )

    def recommend(
        self, user: str, k: int, at: int | None = None
    ) -> list[Recommendation]:
        """Return the *k* items with the highest predictions that *user* has not rated.

        Args:
            user: Id of the user.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Raises:
            UsageError: The model was fitted without this user, or is not told times.
        """
        return self._recommended(self.catalogue.known(user), k, at)

    def recommend_to_new(
        self, own: Mapping[str, float], k: int, at: int | None = None
    ) -> list[Recommendation]:
        """Return the *k* items with the highest predictions for a new user.

        Args:
            own: The user's ratings by item id, on the rating scale of the data.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Raises:
            UsageError: The model cannot predict for new users or is not told times, an
                item is unknown, or a rating is off the scale.
        """
        return self._recommended(self.new(own), k, at)

    def new(self, own: Mapping[str, float]) -> Asking:
        """Return a new user with these ratings, by item id, to ask about.

        Raises:
            UsageError: The model cannot predict for new users, an item is unknown, or a
                rating is off the scale.
        """
        if not self.record.model.capabilities.inductive:
            raise UsageError(
                f"{self.record.model.name} cannot predict for new users (it is not "
                f"inductive). Give the id of a user in the data, or fit another model."
            )
        return self.catalogue.new(own)

    def best(self, asking: Asking, k: int, at: int | None = None) -> IndexArray:
        """Return the *k* items with the highest predictions, without those rated.

        Args:
            asking: The user.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Returns:
            Indexes of items, the best first, shape ``(k,)`` or less.
        """
        # Items without training ratings would be guesses, not recommendations.
        known = tally(self.ratings.items, self.ratings.n_items) > 0
        known[asking.rated] = False
        items = np.flatnonzero(known).astype(np.int32)
        users = np.full(len(items), asking.user, dtype=np.int32)
        moments = self._moments(at, len(items))
        predicted = self._predicted(asking.history, users, items, moments, clip=False)
        return items[np.argsort(-predicted, kind="stable")[:k]]

    def predicted_for(
        self, asking: Asking, items: IndexArray, at: int | None = None
    ) -> Values:
        """Return a predicted rating per item index, on the scale, shape ``(n,)``.

        Args:
            asking: The user.
            items: Item indexes, shape ``(n,)``.
            at: When it is asked, as for `predict`.
        """
        users = np.full(len(items), asking.user, dtype=np.int32)
        moments = self._moments(at, len(items))
        return self._predicted(asking.history, users, items, moments)

    def _recommended(
        self, asking: Asking, k: int, at: int | None
    ) -> list[Recommendation]:
        items = self.best(asking, k, at)
        return [
            Recommendation(
                item=self.catalogue.item_ids[item],
                title=self.catalogue.titles[item],
                predicted=float(value),
            )
            for item, value in zip(
                items.tolist(), self.predicted_for(asking, items, at), strict=True
            )
        ]

    def _moments(self, at: Moments | None, n_pairs: int) -> NDArray[np.int64]:
        """Return when each pair is asked, shape ``(n_pairs,)``."""
        if at is not None and not self.asks_times:
            raise UsageError(
                f"{self.record.model.label} predicts the same at any time. Leave the "
                f"time out."
            )
        moments = np.asarray(int(time()) if at is None else at, dtype=np.int64)
        if moments.shape not in ((), (n_pairs,)):
            raise UsageError(
                f"at has times of shape {moments.shape} for {n_pairs} pairs. Give one "
                f"time, or one per pair."
            )
        return np.full(n_pairs, moments)

    def _predicted(
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        moments: NDArray[np.int64],
        *,
        clip: bool = True,
    ) -> Values:
        told = (moments,) if self.asks_times else ()
        try:
            answered = self.model.predict(history, users, items, *told)
        except Exception as error:
            raise ModelError(f"The model failed: {error_line(error)}.") from error
        values = check_predictions(answered, len(users))
        return history.scale.clip(values) if clip else values

    @cached_property
    def _bias(self) -> BiasModel:
        """The bias model; its last user and item stand for all that are unknown."""
        known = self.ratings
        padded = replace(
            known,
            n_users=known.n_users + 1,
            n_items=known.n_items + 1,
            user_ids=None,
            item_ids=None,
            user_features=None,
            item_features=None,
        )
        return fit_bias_model(padded)

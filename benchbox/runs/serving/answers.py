"""Answers of a saved model to one user: predictions, recommendations, intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import tally
from benchbox.errors import ModelError, UsageError, error_line
from benchbox.metrics import checked_distribution, interval_of
from benchbox.ratings import IndexArray, Ratings
from benchbox.runs.saved.catalogue import Asking
from benchbox.runs.saved.model import SavedModel

LEVEL = 0.8
"""Probability that a rating lies in its interval, if the model is right."""

MOST_FOUND = 50
"""Items at most that a search returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A prediction for an item.

    Attributes:
        item: Id of the item in the data.
        title: Its title; empty if the data have none.
        predicted: Predicted rating, on the rating scale.
        low: Lower end of its interval, on the rating scale; `None` if the model
            predicts no distributions.
        high: Upper end.
    """

    item: str
    title: str
    predicted: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An item that a search has found.

    Attributes:
        item: Its id in the data.
        title: Its title; empty if the data have none.
        n_ratings: How many users have rated it.
    """

    item: str
    title: str
    n_ratings: int


class Answers:
    """Asks a saved model, one question at a time.

    Args:
        model: The model.
    """

    def __init__(self, model: SavedModel) -> None:
        self.model = model
        # Models need not be safe to ask from several threads at once.
        self._lock = Lock()

    def search(self, text: str, limit: int) -> list[Found]:
        """Return items whose title or id contains all words of *text*.

        Args:
            text: Words; empty for any item.
            limit: How many items at most; those with most ratings come first.
        """
        words, catalogue = text.casefold().split(), self.model.catalogue
        found = []
        for place in self._by_popularity:
            if all(word in self._searched[place] for word in words):
                found.append(
                    Found(
                        item=catalogue.item_ids[place],
                        title=catalogue.titles[place],
                        n_ratings=int(self._n_ratings[place]),
                    )
                )
                if len(found) >= min(limit, MOST_FOUND):
                    break
        return found

    def predict(self, asking: Asking, items: Sequence[str]) -> list[Answer]:
        """Return a prediction for each of some items.

        Args:
            asking: Who is asking.
            items: Ids of items.

        Raises:
            UsageError: An item is unknown.
            ModelError: The model failed.
        """
        places = self.model.catalogue.items(items)
        with self._lock:
            return self._answers(asking, places)

    def recommend(self, asking: Asking, k: int) -> list[Answer]:
        """Return the *k* items with the highest predictions that are not yet rated.

        Raises:
            ModelError: The model failed.
        """
        with self._lock:
            best = self.model.best(asking, k)
            return self._answers(asking, best)

    def _answers(self, asking: Asking, places: IndexArray) -> list[Answer]:
        values = self.model.predicted_for(asking, places)
        lows, highs = self._intervals(asking, places)
        catalogue = self.model.catalogue
        return [
            Answer(
                item=catalogue.item_ids[place],
                title=catalogue.titles[place],
                predicted=float(value),
                low=low,
                high=high,
            )
            for place, value, low, high in zip(
                places.tolist(), values, lows, highs, strict=True
            )
        ]

    def _intervals(
        self, asking: Asking, items: IndexArray
    ) -> tuple[Sequence[float | None], Sequence[float | None]]:
        """Return both ends of the interval of each item, if the model has any."""
        if not self.has_intervals or not len(items):
            return [None] * len(items), [None] * len(items)
        users = np.full(len(items), asking.user, dtype=np.int32)
        try:
            told = self.model.model.predict_distribution(  # type: ignore[attr-defined]
                asking.history, users, items
            )
        except Exception as error:
            raise ModelError(f"The model failed: {error_line(error)}.") from error
        scale = self.model.ratings.scale
        within = checked_distribution(told, len(items)).clipped(scale.low, scale.high)
        low, high = interval_of(within, LEVEL)
        return low.tolist(), high.tolist()

    @property
    def has_intervals(self) -> bool:
        """Whether the model predicts distributions."""
        return self.model.record.model.capabilities.predicts_distribution

    @cached_property
    def _n_ratings(self) -> NDArray[np.int64]:
        known: Ratings = self.model.ratings
        return tally(known.items, known.n_items)

    @cached_property
    def _by_popularity(self) -> list[int]:
        rated = np.argsort(-self._n_ratings, kind="stable")
        places: list[int] = rated[self._n_ratings[rated] > 0].tolist()
        return places

    @cached_property
    def _searched(self) -> list[str]:
        catalogue = self.model.catalogue
        pairs = zip(catalogue.titles, catalogue.item_ids, strict=True)
        return [f"{title} {item}".casefold() for title, item in pairs]


def asking_of(model: SavedModel, user: str | None, own: dict[str, float]) -> Asking:
    """Return who is asking: a user of the data, or a new one with ratings.

    Args:
        model: The model to ask.
        user: Id of a user in the data, or `None`.
        own: Ratings of a new user by item id; empty for a user of the data.

    Raises:
        UsageError: Both or none are given, or the model refuses them.
    """
    if (user is None) == (not own):
        raise UsageError("Give the id of a user, or ratings of a new one; not both.")
    return model.catalogue.known(user) if user is not None else model.new(own)

"""Users and items of the data that a saved model was fitted to, by their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchbox.errors import UsageError
from benchbox.ratings import Features, IndexArray, Ratings, Texts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asking:
    """A user whom a model is asked about.

    Attributes:
        history: What the model may see of the user.
        user: Index of the user.
        rated: Index of each item that the user has rated, shape ``(n,)``.
    """

    history: Ratings
    user: int
    rated: IndexArray


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Users and items of *ratings*, by their ids.

    Attributes:
        ratings: Ratings that a model was fitted to.
    """

    ratings: Ratings

    @cached_property
    def item_ids(self) -> list[str]:
        """Id of each item."""
        return _texts(self.ratings.item_ids, self.ratings.n_items)

    @cached_property
    def user_places(self) -> dict[str, int]:
        """Index of each user, by id."""
        names = _texts(self.ratings.user_ids, self.ratings.n_users)
        return {name: place for place, name in enumerate(names)}

    @cached_property
    def item_places(self) -> dict[str, int]:
        """Index of each item, by id."""
        return {name: place for place, name in enumerate(self.item_ids)}

    @cached_property
    def titles(self) -> list[str]:
        """Title of each item, with its year; empty if the data have none."""
        table = self.ratings.item_features or {}
        if "title" not in table:
            return [""] * self.ratings.n_items
        years = table.get("year", [""] * self.ratings.n_items)
        return [
            f"{title} ({year})" if str(year) and title else str(title)
            for title, year in zip(table["title"], years, strict=True)
        ]

    def knows(self, user: str, item: str) -> bool:
        """Return whether there is this user, or this item."""
        return user in self.user_places or item in self.item_places

    def users(self, names: Sequence[str]) -> IndexArray:
        """Return the index of each user, given by id, shape ``(n,)``.

        Raises:
            UsageError: There is no such user.
        """
        return _found(names, self.user_places, "user")

    def items(self, names: Sequence[str]) -> IndexArray:
        """Return the index of each item, given by id, shape ``(n,)``.

        Raises:
            UsageError: There is no such item.
        """
        return _found(names, self.item_places, "item")

    def known(self, user: str) -> Asking:
        """Return a user of the data, to ask about.

        Raises:
            UsageError: There is no such user.
        """
        place = int(self.users([user])[0])
        rated = self.ratings.items[self.ratings.users == place]
        return Asking(history=self.ratings, user=place, rated=rated)

    def new(self, own: Mapping[str, float]) -> Asking:
        """Return a new user with these ratings, by item id, to ask about.

        The user's index follows those of known users.

        Raises:
            UsageError: An item is unknown, or a rating is off the scale.
        """
        known = self.ratings
        for item, value in own.items():
            if not known.scale.low <= value <= known.scale.high:
                raise UsageError(
                    f"The rating {value:g} of item {item!r} is off the scale "
                    f"{known.scale}."
                )
        rated = self.items(list(own))
        order = np.argsort(rated)
        values = np.array(list(own.values()), dtype=np.float32)
        stamps = known.timestamps
        history = replace(
            known,
            users=np.full(len(rated), known.n_users, dtype=np.int32),
            items=rated[order],
            values=values[order],
            timestamps=None
            if stamps is None
            else np.full(len(rated), stamps.max(), dtype=np.int64),
            rows=None,
            n_users=known.n_users + 1,
            user_ids=None,
            user_features=_with_unknown_user(known.user_features),
        )
        return Asking(history=history, user=known.n_users, rated=rated)


def _texts(names: Texts | None, n: int) -> list[str]:
    return list(map(str, range(n))) if names is None else list(map(str, names))


def _found(names: Sequence[str], places: Mapping[str, int], what: str) -> IndexArray:
    for name in names:
        if name not in places:
            raise UsageError(
                f"The model was fitted without {what} {name!r}, so it cannot predict "
                f"for it. It knows {len(places):,} {what}s."
            )
    return np.array([places[name] for name in names], dtype=np.int32)


def _with_unknown_user(features: Features | None) -> Features | None:
    """Return *features* with one more row of missing values."""
    if features is None:
        return None
    longer = {}
    for name, column in features.items():
        if column.dtype.kind in "iu":
            column = column.astype(np.float64)
        nothing = np.array([np.nan if column.dtype.kind == "f" else ""])
        longer[name] = np.concatenate([column, nothing.astype(column.dtype)])
    return longer

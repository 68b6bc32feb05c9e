"""Folds: a partition of particular ratings under a recipe, known by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import FOLD_FORMAT, data_id, digest_of
from benchbox.errors import ProtocolError
from benchbox.options import Options, changed
from benchbox.protocols.partition import Partition, Protocol, hiding
from benchbox.protocols.splitting import carve_by, split_by
from benchbox.ratings import Positions, Ratings


class _Shelf:
    """Holds copies of the ratings of one fold at a time, the last one used."""

    def __init__(self) -> None:
        self._fold: Fold | None = None
        self._copies: dict[str, Ratings] = {}

    def get(self, fold: "Fold", part: str) -> Ratings:
        """Return the ratings in *part* of *fold*."""
        if self._fold is not fold:
            self._copies.clear()
            self._fold = fold
        if part not in self._copies:
            positions = getattr(fold.partition, part)
            self._copies[part] = fold.ratings.take(positions)
        return self._copies[part]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold:
    """A partition of particular ratings under a particular recipe.

    Attributes:
        ratings: All ratings of the data set.
        partition: Which of them are train, history and hidden.
        protocol: The protocol that made it.
        options: The protocol's options in force.
        data_id: `data_id` of the ratings.
        shelf: What keeps copies of its parts, for this and other folds.
    """

    ratings: Ratings
    partition: Partition
    protocol: Protocol
    options: Options
    data_id: str
    shelf: _Shelf = field(default_factory=_Shelf, repr=False)

    @property
    def name(self) -> str:
        """Name within the protocol, such as ``"u1"``."""
        return self.partition.name

    @property
    def train(self) -> Ratings:
        """The ratings a model may be fitted to."""
        return self.shelf.get(self, "train")

    @property
    def history(self) -> Ratings:
        """The ratings a model may look at while predicting."""
        return self.shelf.get(self, "train" if self.partition.is_warm else "history")

    @property
    def hidden(self) -> Ratings:
        """The ratings to predict; the process that fits a model never holds them."""
        return self.shelf.get(self, "hidden")

    @property
    def roles(self) -> NDArray[np.uint8]:
        """The parts each rating is in, shape ``(n,)``; see `Partition.roles`."""
        return self.partition.roles(len(self.ratings))

    @cached_property
    def id(self) -> str:
        """Hash of the data, the recipe and who is in which part.

        Two folds with one id hold the same ratings in the same roles, whatever
        file the data came from, and whatever the data set is called.
        """
        # Options at their defaults stay out, so that a new one moves no id.
        recipe = {"protocol": self.protocol.name, **changed(self.options)}
        return digest_of(
            b"fold %d" % FOLD_FORMAT,
            self.data_id.encode(),
            msgspec.json.encode(recipe, order="sorted"),
            self.name.encode(),
            self.roles,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Visible:
    """What one trial's model may see.

    Attributes:
        train: Ratings to fit.
        validation: Ratings to choose epochs and options by.
        validation_history: What is visible while predicting ``validation``.
    """

    train: Ratings
    validation: Ratings
    validation_history: Ratings


def make_folds(
    ratings: Ratings,
    protocol: Protocol,
    options: Options,
    shipped: Mapping[str, Positions],
) -> list[Fold]:
    """Return all folds of *protocol* over *ratings*.

    Args:
        ratings: The data set, in canonical order.
        protocol: The recipe.
        options: Its settings.
        shipped: Positions hidden by each fold that the data set itself ships, by name.

    Raises:
        ProtocolError: The data lack what the recipe needs, or a part comes out empty.
    """
    if not len(ratings):
        raise ProtocolError(
            f"Protocol {protocol.name!r} has nothing to split: there is no rating."
        )
    identity, shelf = data_id(ratings), _Shelf()
    partitions = {
        name: hiding(name, hidden, len(ratings)) for name, hidden in shipped.items()
    }
    folds: list[Fold] = []
    for partition in split_by(protocol, ratings, partitions, options):
        folds.append(
            Fold(
                ratings=ratings,
                partition=partition,
                protocol=protocol,
                options=options,
                data_id=identity,
                shelf=shelf,
            )
        )
    return folds


def carve_validation(fold: Fold, seed: int) -> Visible:
    """Set aside validation ratings from the fold's train, by its protocol's rule.

    Args:
        fold: The fold; its hidden ratings are not looked at.
        seed: Draws the validation ratings.

    Raises:
        ProtocolError: The training ratings are too few to set any aside.
    """
    train, parts = fold.train, _carve(fold, seed)
    fitted = train.take(parts.train)
    return Visible(
        train=fitted,
        validation=train.take(parts.hidden),
        validation_history=fitted if parts.is_warm else train.take(parts.history),
    )


def validation_fold(fold: Fold, seed: int) -> Fold:
    """Return a fold within the training ratings of *fold*, which hides some of them.

    It follows the same rule, and knows nothing of the ratings that *fold* hides: what
    is chosen on it is chosen by training ratings alone.

    Args:
        fold: The fold; its hidden ratings are not looked at.
        seed: Draws the validation ratings.

    Raises:
        ProtocolError: The training ratings are too few to set any aside.
    """
    train = fold.train
    return Fold(
        ratings=train,
        partition=replace(_carve(fold, seed), name=fold.name),
        protocol=fold.protocol,
        options=fold.options,
        data_id=data_id(train),
    )


def _carve(fold: Fold, seed: int) -> Partition:
    parts = carve_by(fold.protocol, fold.train, fold.options, seed)
    if not len(parts.train) or not len(parts.hidden):
        raise ProtocolError(
            f"Fold {fold.name!r} has {len(fold.train):,} training ratings, too few to "
            f"set validation ratings aside."
        )
    return parts

"""Folds: ratings split by a protocol, with an id that identifies the split."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import data_id, digest_of, take
from benchbox.errors import ProtocolError
from benchbox.options import Options, changed
from benchbox.protocols.partition import Partition, Protocol, hiding
from benchbox.protocols.splitting import carve_by, split_by
from benchbox.ratings import Positions, Ratings


class _Shelf:
    """Caches copies of the parts of one fold at a time: the one used last."""

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
            self._copies[part] = take(fold.ratings, positions)
        return self._copies[part]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold:
    """The ratings of a data set, split by a protocol with given options.

    Attributes:
        ratings: All ratings of the data set.
        partition: Positions of the train, history and hidden ratings.
        protocol: The protocol that made the split.
        options: Options of the protocol.
        data_id: `data_id` of the ratings.
        shelf: Cache of the parts, shared with other folds of the data set.
    """

    ratings: Ratings
    partition: Partition
    protocol: Protocol
    options: Options
    data_id: str
    shelf: _Shelf = field(default_factory=_Shelf, repr=False)

    def __repr__(self) -> str:
        parts = {
            part: len(getattr(self.partition, part)) for part in ("train", "hidden")
        }
        sizes = ", ".join(f"{n:,} {part}" for part, n in parts.items())
        return f"<Fold {self.name} of {self.protocol.name}: {sizes}>"

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
        """The ratings to predict; the process that fits a model never sees them."""
        return self.shelf.get(self, "hidden")

    @property
    def roles(self) -> NDArray[np.uint8]:
        """Role of each rating, shape ``(n,)``, uint8; see `Partition.roles`."""
        return self.partition.roles(len(self.ratings))

    @cached_property
    def train_id(self) -> str:
        """`data_id` of the training ratings, from which seeds are derived.

        Neither a hidden rating nor the name of a file or fold enters it.
        """
        return data_id(self.train)

    @cached_property
    def id(self) -> str:
        """Hash of the data, the recipe and the role of every rating.

        Two folds with the same id hold the same ratings in the same roles, whatever
        the name of the data set and whichever file it came from.
        """
        # Default options are left out, so that adding an option changes no id.
        recipe = {"protocol": self.protocol.name, **changed(self.options)}
        return digest_of(
            b"fold 1",
            self.data_id.encode(),
            msgspec.json.encode(recipe, order="sorted"),
            self.name.encode(),
            self.roles,
            # Validation decides figures too; most folds carve it by their protocol.
            *(() if self.partition.validation is None else [self.partition.validation]),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Visible:
    """The ratings that the model of one trial may see.

    Attributes:
        train: Ratings to fit the model to.
        validation: Ratings to choose epochs and options by.
        validation_history: Ratings that are visible while predicting ``validation``.
    """

    train: Ratings
    validation: Ratings
    validation_history: Ratings


def make_folds(
    ratings: Ratings,
    protocol: Protocol,
    options: Options,
    shipped: Mapping[str, Positions],
    validation: Mapping[str, Positions] = MappingProxyType({}),
) -> list[Fold]:
    """Return all folds of *protocol* over *ratings*.

    Args:
        ratings: Ratings of the data set, in canonical order.
        protocol: The protocol to split by.
        options: Options of the protocol.
        shipped: Hidden positions of each fold that comes with the data set, by name,
            each of shape ``(n_hidden,)``.
        validation: Validation positions of those among them that have any, by name,
            each of shape ``(n_validation,)``.

    Raises:
        ProtocolError: The data set lacks what the protocol needs, or a part of a fold
            would be empty.
    """
    if not len(ratings):
        raise ProtocolError(
            f"Protocol {protocol.name!r} has nothing to split: the data set has no "
            f"ratings."
        )
    identity, shelf = data_id(ratings), _Shelf()
    partitions = {
        name: hiding(name, hidden, len(ratings), validation.get(name))
        for name, hidden in shipped.items()
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
    """Set aside validation ratings from the training ratings, as the protocol does.

    Args:
        fold: The fold to carve; its hidden ratings are not read.
        seed: Seed that draws the validation ratings.

    Raises:
        ProtocolError: There are too few training ratings.
    """
    train, parts = fold.train, _carve(fold, seed)
    fitted = take(train, parts.train)
    return Visible(
        train=fitted,
        validation=take(train, parts.hidden),
        validation_history=fitted if parts.is_warm else take(train, parts.history),
    )


def validation_fold(fold: Fold, seed: int) -> Fold:
    """Return a fold of the training ratings of *fold*, which hides some of them.

    It is split by the same protocol and contains none of the ratings that *fold* hides,
    so options chosen on it are chosen by training ratings alone.

    Args:
        fold: The fold to carve; its hidden ratings are not read.
        seed: Seed that draws the validation ratings.

    Raises:
        ProtocolError: There are too few training ratings.
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
    if (shipped := fold.partition.validation) is not None:
        places = np.searchsorted(fold.partition.train, shipped)
        parts = hiding(fold.name, places, len(fold.train))
    else:
        parts = carve_by(fold.protocol, fold.train, fold.options, seed)
    if not len(parts.train) or not len(parts.hidden):
        raise ProtocolError(
            f"Fold {fold.name!r} has only {len(fold.train):,} training ratings, too "
            f"few to set validation ratings aside."
        )
    return parts

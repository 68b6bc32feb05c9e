"""Checks of a data set: that its files are as its card says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unittest import SkipTest

import numpy as np

from benchbox.data import (
    Dataset,
    DatasetCard,
    data_id,
    decode_sources,
    load_dataset,
    locate,
)
from benchbox.options import changed, decode, spell, to_json
from benchbox.plugins import Registry, discover
from benchbox.protocols import Fold, check_fold_ids, make_folds
from benchbox.testing.checks import Check, as_check
from benchbox.testing.subject import require


@dataclass(frozen=True)
class DatasetSubject:
    """A data set under test.

    Attributes:
        card: Its card.
        settings: Options to read it with.
        registry: Installed plugins, for the card's protocol and kinds of source.
    """

    card: DatasetCard
    settings: Mapping[str, Any] = field(default_factory=dict)
    registry: Registry = field(default_factory=discover)

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read once; nothing is downloaded.

        Raises:
            unittest.SkipTest: Its files are not on this machine.
        """
        return self.read()

    @cached_property
    def folds(self) -> list[Fold]:
        """The folds of the default protocol."""
        name = self.card.default_protocol
        protocol = self.registry.find("protocols", name).value
        dataset = self.dataset
        options = protocol.options()
        return make_folds(dataset.ratings, protocol, options, dataset.folds)

    def read(self) -> Dataset:
        """Read the data set again.

        Raises:
            SkipTest: Its files are not on this machine.
        """
        kind_of = self.registry.source_kind
        if not locate(self.card, kind_of=kind_of).is_here:
            raise SkipTest(
                f"its files are missing: run `benchbox data fetch {self.name}`"
            )
        return load_dataset(
            self.card, self.settings, kind_of=kind_of, notify=lambda _: None
        )

    @property
    def name(self) -> str:
        """Name of the card."""
        return self.card.name


def card_is_complete(subject: DatasetSubject) -> None:
    """The card has a title, summary, licence and options that can be stored as JSON."""
    card = subject.card
    for name in ("title", "summary"):
        require(getattr(card, name), f"The card has no {name}.")
    require(card.licence.text, "The card has no licence.text: state the terms of use.")
    require(
        callable(card.resolve(card.reader)),
        f"The reader {card.reader!r} is not a function.",
    )
    options = decode(card.options_type(), {}, card.name)
    again = decode(card.options_type(), to_json(options), card.name)
    require(
        again == options, "Its options change when they are stored as JSON and read."
    )


def files_are_verified(subject: DatasetSubject) -> None:
    """The card states the SHA-256 of every file."""
    card = subject.card
    for source in decode_sources(card.name, card.sources, subject.registry.source_kind):
        require(
            not source.unproved,
            f"The card has no SHA-256 for {', '.join(source.unproved)}. State it like "
            f'"ratings.csv" = "<sha256>".',
        )


def counts_are_stated(subject: DatasetSubject) -> None:
    """The card states the right numbers of users, items and ratings."""
    card, ratings = subject.card, subject.dataset.ratings
    if not card.sources:
        raise SkipTest("it is generated in any size")
    found = {
        "n_users": ratings.n_users,
        "n_items": ratings.n_items,
        "n_ratings": len(ratings),
    }
    for name, count in found.items():
        require(
            getattr(card, name) is not None,
            f"The card does not state {name} = {count}. Otherwise nobody would notice "
            f"a damaged file.",
        )


def ratings_are_on_the_scale(subject: DatasetSubject) -> None:
    """Every rating is finite and on the rating scale."""
    ratings = subject.dataset.ratings
    values, scale = ratings.values, ratings.scale
    require(np.isfinite(values).all(), "Some ratings are not finite.")
    off = np.flatnonzero((values < scale.low) | (values > scale.high))
    require(
        not len(off),
        f"{len(off)} ratings are off the scale {scale}, such as {values[off][:1]}.",
    )
    if scale.step:
        steps = (values - scale.low) / scale.step
        between = np.flatnonzero(np.abs(steps - np.round(steps)) > 1e-3)
        require(
            not len(between),
            f"{len(between)} ratings are between the steps of {scale.step:g}, such as "
            f"{values[between][:1]}.",
        )


def reading_again_gives_the_same(subject: DatasetSubject) -> None:
    """Reading it twice gives exactly the same ratings."""
    first, second = (data_id(one.ratings) for one in (subject.dataset, subject.read()))
    require(
        first == second, f"Reading it twice gives two data ids: {first} and {second}."
    )
    stated = subject.card.data_id
    if stated and subject.dataset.as_published:
        require(
            stated == first, f"The card states data id {stated}, but it is {first}."
        )


def default_protocol_splits_it(subject: DatasetSubject) -> None:
    """The default protocol splits it into the folds that the card pins."""
    check_fold_ids(subject.dataset, subject.folds)


def folds_are_pinned(subject: DatasetSubject) -> None:
    """The card pins the ids of its folds, so that everybody uses the same split."""
    first = subject.folds[0]
    recipe = spell(first.protocol.name, changed(first.options))
    ids = {fold.name: fold.id for fold in subject.folds}
    require(
        subject.settings or recipe in subject.card.expected_folds,
        f"The card does not pin its folds. Add expected_folds.{recipe} = {ids}",
    )


DATASET_CHECKS: tuple[Check[DatasetSubject], ...] = tuple(
    map(
        as_check,
        (
            card_is_complete,
            files_are_verified,
            counts_are_stated,
            ratings_are_on_the_scale,
            reading_again_gives_the_same,
            default_protocol_splits_it,
            folds_are_pinned,
        ),
    )
)
"""All checks of a data set."""

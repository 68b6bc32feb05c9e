"""Data: data sets by card, loaded in canonical order and checked against the card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from benchbox import digests, memo, sources
from benchbox.cache import cache_folder as cache_folder
from benchbox.cards import DatasetCard as DatasetCard
from benchbox.errors import DataError, SourceError
from benchbox.indexing import (
    IdColumn,
    Indexed,
    RawRatings,
    found_scale,
    index_ratings,
)
from benchbox.memo import Parsed
from benchbox.options import Options, changed, decode, spell, to_json
from benchbox.protocols import Fold, Partition, Protocol, hiding, make_folds
from benchbox.ratings import Positions, Ratings
from benchbox.slices import SliceOptions, cut, only_slices
from benchbox.sources import Fetched, Notify, Whereabouts

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set, read and checked.

    Attributes:
        card: Its card.
        ratings: All ratings, in canonical order.
        folds: Partitions the data set itself ships, by name.
        noise_floor: RMSE of the best possible predictor, where it is known.
        origin: Where the bytes came from, in a line.
        options: Its options in force.
        options_changed: Those that differ from their defaults.
    """

    card: DatasetCard
    ratings: Ratings
    folds: Mapping[str, Partition]
    noise_floor: float | None
    origin: str
    options: Mapping[str, Any]
    options_changed: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def as_published(self) -> bool:
        """Whether all options are at their defaults, so that the card speaks of it."""
        return not self.options_changed


def load_dataset(
    card: DatasetCard, settings: Mapping[str, Any] = _NONE, *, notify: Notify
) -> Dataset:
    """Fetch, read, index and check a data set.

    Args:
        card: Which.
        settings: Its options by name, typed or as text from the command line.
        notify: Takes a line for each source passed over and each download.

    Raises:
        UsageError: A setting is unknown or does not fit.
        SourceError: No source has the files.
        DataError: The files hold what they must not, or less than the card says.
    """
    options = decode(card.options_type(), settings, f"Data set {card.name!r}")
    fetched = fetch(card, notify=notify)
    key = memo.key_of(card, options, fetched.files)
    parsed = None if key is None else memo.recall(card.name, key)
    if parsed is None:
        parsed = _parse(card, options, fetched.files)
        # A file that changed while it was read is not the one the key speaks of.
        if key is not None and key == memo.key_of(card, options, fetched.files):
            _keep(card.name, key, parsed, notify)
    if not changed(options):
        ratings = parsed.ratings
        _check_counts(card, ratings.n_users, ratings.n_items, len(ratings))
    return Dataset(
        card=card,
        ratings=parsed.ratings,
        folds={
            name: hiding(name, hidden, len(parsed.ratings))
            for name, hidden in parsed.hidden.items()
        },
        noise_floor=parsed.noise_floor,
        origin=fetched.origin,
        options=to_json(options),
        options_changed=changed(options),
    )


def fetch(card: DatasetCard, *, notify: Notify) -> Fetched:
    """Return the files of a data set, verified; see `benchbox.sources.fetch`."""
    if not card.sources:
        return Fetched(files={}, origin=_generated(card))
    return sources.fetch(card.name, card.sources, card.licence, notify=notify)


def locate(card: DatasetCard) -> Whereabouts:
    """Say where the files of a data set are, or would be had from; fetches nothing."""
    if not card.sources:
        return Whereabouts(is_here=True, origin=_generated(card))
    return sources.locate(card.name, card.sources)


def clean(card: DatasetCard | None = None) -> int:
    """Remove what is kept of a data set, or of all; return the bytes freed."""
    name = None if card is None else card.name
    if name is None:
        digests.forget()
    return sources.clean(name) + memo.clean(name)


def pinned_ids(dataset: Dataset, folds: Sequence[Fold]) -> Mapping[str, str]:
    """Return the fold ids that the data set's card states for a recipe, by fold name.

    None are stated of a recipe the card does not know, or of a data set under other
    options than the published one.
    """
    if not dataset.as_published:
        return _NONE
    return dataset.card.expected_folds.get(_recipe(folds[0]), {})


def check_fold_ids(dataset: Dataset, folds: Sequence[Fold]) -> None:
    """Compare folds of one recipe with those the card expects.

    Raises:
        DataError: The ratings are not those the card speaks of, or a fold is not the
            one that others with this card have; says which of the two.
    """
    card, found = dataset.card, folds[0].data_id
    if dataset.as_published and card.data_id and found != card.data_id:
        raise DataError(
            f"The ratings of {card.name!r} are not those its card pins: they have id "
            f"{found}, expected {card.data_id}, so the data changed. Results cannot be "
            f"compared with others'; correct the files, or load them as your own."
        )
    for fold in folds:
        expected = pinned_ids(dataset, folds).get(fold.name, fold.id)
        if fold.id != expected:
            raise DataError(
                f"Fold {fold.name!r} of {_recipe(fold)!r} on {card.name!r} has id "
                f"{fold.id}, expected {expected}. The ratings are the same, so the "
                f"split changed: the protocol draws others, or its defaults are "
                f"others. Results cannot be compared with others'; report this."
            )


def fold_ids(
    dataset: Dataset, protocols: Sequence[Protocol]
) -> dict[str, dict[str, str]]:
    """Return the fold ids under default options, as a card's ``expected_folds``.

    Protocols that need what the data set lacks are left out.
    """
    ids = {}
    for protocol in protocols:
        if protocol.flaw or (protocol.name == "official" and not dataset.folds):
            continue
        if protocol.time_order and dataset.ratings.timestamps is None:
            continue
        folds = make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)
        ids[protocol.name] = {fold.name: fold.id for fold in folds}
    return ids


def _recipe(fold: Fold) -> str:
    return spell(fold.protocol.name, changed(fold.options))


def _generated(card: DatasetCard) -> str:
    return f"generated by {card.reader.partition('.')[0]}"


def _check_counts(
    card: DatasetCard, n_users: int, n_items: int, n_ratings: int
) -> None:
    found = {
        "users": (card.n_users, n_users),
        "items": (card.n_items, n_items),
        "ratings": (card.n_ratings, n_ratings),
    }
    for what, (expected, actual) in found.items():
        if expected is not None and expected != actual:
            raise DataError(
                f"Data set {card.name!r} has {actual:,} {what}, but its card says "
                f"{expected:,}. Correct the card or the files."
            )


def _parse(card: DatasetCard, options: Options, files: Mapping[str, Path]) -> Parsed:
    raw: RawRatings = card.resolve(card.reader)(files, card, options)
    scale = raw.scale or card.scale or found_scale(raw, card.name)
    duplicates = raw.duplicates or card.duplicates
    if isinstance(options, SliceOptions) and changed(options):
        if only_slices(options) and duplicates == "error":
            # The card speaks of the whole: a wrong file shows before it is cut.
            n_users, n_items = map(_n_used, (raw.users, raw.items))
            _check_counts(card, n_users, n_items, len(raw.values))
        raw = cut(raw, options, duplicates)
    indexed = index_ratings(raw, scale, duplicates)
    return Parsed(
        ratings=indexed.ratings,
        hidden={name: _places(indexed, rows) for name, rows in raw.folds.items()},
        noise_floor=raw.noise_floor,
    )


def _n_used(column: IdColumn) -> int:
    return int(np.count_nonzero(np.bincount(column.codes)))


def _keep(name: str, key: str, parsed: Parsed, notify: Notify) -> None:
    try:
        memo.keep(name, key, parsed)
    except (OSError, ValueError, SourceError) as error:
        notify(f"{name}: it will be read anew next time, since {error}.")


def _places(indexed: Indexed, rows: Positions) -> Positions:
    """Return where *rows* are in the ratings, rising, without dropped duplicates."""
    places = np.sort(indexed.positions[rows])
    return places[places >= 0]

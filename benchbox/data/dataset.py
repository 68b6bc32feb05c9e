"""Loads a data set from its card, in canonical order, and checks it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from msgspec import structs

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.parallel import long_slices
from benchbox.arrays.positions import marked
from benchbox.data import frames, parsed_cache
from benchbox.data.cards import DatasetCard
from benchbox.data.ids import plain_ids
from benchbox.data.indexing import Indexed, found_scale, index_ratings
from benchbox.data.parsed_cache import Parsed
from benchbox.data.raw import Duplicates, IdColumn, RawRatings
from benchbox.data.sources import digests, downloads, fetching
from benchbox.data.sources.declared import KindOf, decode_sources
from benchbox.data.sources.fetching import Fetched, Whereabouts
from benchbox.data.sources.source import Notify
from benchbox.data.subsets import SliceOptions, cut, only_slices
from benchbox.errors import (
    BenchboxError,
    DataError,
    PluginError,
    SourceError,
    error_line,
    shown,
)
from benchbox.options import Options, changed, decode, to_json
from benchbox.ratings import Positions, Ratings

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set, read and checked.

    Attributes:
        card: Its card.
        ratings: All ratings, in canonical order.
        folds: Positions of the hidden ratings by fold name, for folds that the data
            set ships.
        validation: Positions of the validation ratings by fold name, for folds that
            ship them.
        described: What the reader recognised in the files, by what it is about.
        noise_floor: RMSE of the best possible predictor; `None` if unknown.
        notes: Sentences about what reading found and users should know.
        origin: One line that says where the files came from.
        options: Values of all options by name.
        options_changed: Values of the options that differ from their defaults.
        files: The files it was read from.
    """

    card: DatasetCard
    ratings: Ratings
    folds: Mapping[str, Positions]
    validation: Mapping[str, Positions]
    described: Mapping[str, str]
    noise_floor: float | None
    notes: tuple[str, ...]
    origin: str
    options: Mapping[str, Any]
    options_changed: Mapping[str, Any]
    files: Sequence[Path] = ()

    def __repr__(self) -> str:
        split = f", split: {', '.join(self.folds)}" if self.folds else ""
        return f"<Dataset {self.name}: {self.ratings.summary}{split}>"

    def _repr_html_(self) -> str:
        """Return a summary and the first ratings as HTML, for notebooks."""
        return self.ratings._repr_html_()

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    def called(self, name: str) -> Self:
        """Return this data set under another name."""
        card = structs.replace(self.card, name=name, title=name)
        return self if name == self.name else replace(self, card=card)

    @property
    def as_published(self) -> bool:
        """Whether all options have their defaults, so the card's counts apply."""
        return not self.options_changed


def load_dataset(
    card: DatasetCard,
    settings: Mapping[str, Any] = _NONE,
    *,
    kind_of: KindOf,
    notify: Notify,
) -> Dataset:
    """Fetch, read, index and check a data set.

    Args:
        card: Card of the data set.
        settings: Its options by name, typed or as text from the command line.
        kind_of: Looks up a kind of source by its name.
        notify: Receives a line for each source skipped and each download.

    Raises:
        UsageError: A setting is unknown or has an invalid value.
        PluginError: The card declares a source that cannot be used.
        SourceError: No source has the files.
        DataError: The files are invalid, or the counts differ from the card's.
    """
    options = decode(card.options_type(), settings, f"Data set {card.name!r}")
    fetched = _fetch(card, options, kind_of, notify)
    key = parsed_cache.key_of(card, options, fetched.files)
    parsed = None if key is None else parsed_cache.recall(card.name, key)
    if parsed is None:
        parsed = _parse(card, options, fetched.files)
        # If a file changed while it was read, the key no longer describes the result.
        if key is not None and key == parsed_cache.key_of(card, options, fetched.files):
            parsed = _saved(card.name, key, parsed, notify)
        _free_unused()
    if not changed(options):
        ratings = parsed.ratings
        _check_counts(card, ratings.n_users, ratings.n_items, len(ratings))
    return Dataset(
        card=card,
        ratings=parsed.ratings,
        folds=parsed.hidden,
        validation=parsed.validation,
        described=parsed.described,
        noise_floor=parsed.noise_floor,
        notes=parsed.notes,
        origin=fetched.origin,
        options=to_json(options),
        options_changed=changed(options),
        files=tuple(fetched.files.values()),
    )


def fetch(
    card: DatasetCard,
    settings: Mapping[str, Any] = _NONE,
    *,
    kind_of: KindOf,
    notify: Notify,
) -> Fetched:
    """Return the verified files of a data set; see `sources.fetching.fetch`.

    Args:
        card: Card of the data set.
        settings: Its options by name, which may decide what is fetched.
        kind_of: Looks up a kind of source by its name.
        notify: Receives a line for each source skipped and each download.

    Raises:
        UsageError: A setting is unknown or has an invalid value.
        PluginError: The card declares a source that cannot be used.
        DataError: A file on this machine has the wrong content.
        SourceError: No source has the files.
    """
    options = decode(card.options_type(), settings, f"Data set {card.name!r}")
    return _fetch(card, options, kind_of, notify)


def _fetch(
    card: DatasetCard, options: Options, kind_of: KindOf, notify: Notify
) -> Fetched:
    if not card.sources:
        return Fetched(files={}, origin=_generated(card))
    sources = decode_sources(card.name, card.sources_for(options), kind_of)
    return fetching.fetch(card.name, sources, card.licence, notify=notify)


def locate(
    card: DatasetCard, settings: Mapping[str, Any] = _NONE, *, kind_of: KindOf
) -> Whereabouts:
    """Return where the files of a data set are or would come from; fetches nothing.

    Without *settings*, the files of its default options are meant. If the card declares
    a source that cannot be used, the origin is "nowhere".
    """
    if not card.sources:
        return Whereabouts(is_here=True, origin=_generated(card))
    try:
        options = decode(card.options_type(), settings, f"Data set {card.name!r}")
        sources = decode_sources(card.name, card.sources_for(options), kind_of)
    except PluginError as error:
        return Whereabouts(
            is_here=False,
            origin="nowhere",
            reasons=(str(error).rstrip("."),),
            advice="correct the card, or install the plugin it needs",
        )
    return fetching.locate(card.name, sources)


def clean(card: DatasetCard | None = None) -> int:
    """Delete the cached files of a data set, or of all; return the bytes freed."""
    name = None if card is None else card.name
    if name is None:
        digests.forget()
    freed = frames.clean() if name is None else 0
    return freed + downloads.clean(name) + parsed_cache.clean(name)


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
    raw = _read(card, options, files)
    _free_unused()
    users, user_notes = plain_ids(raw.users, "user", raw.where)
    items, item_notes = plain_ids(raw.items, "item", raw.where)
    raw = replace(raw, users=users, items=items)
    notes = (*raw.notes, *user_notes, *item_notes)
    scale = raw.scale or card.scale or found_scale(raw, card.name)
    duplicates = raw.duplicates or card.duplicates
    if isinstance(options, SliceOptions) and changed(options):
        if only_slices(options) and duplicates == "error":
            # The card's counts are for the uncut data, so check them before the cut.
            n_users, n_items = map(_n_used, (raw.users, raw.items))
            _check_counts(card, n_users, n_items, len(raw.values))
        raw = cut(raw, options, duplicates)
    indexed = index_ratings(raw, scale, duplicates)
    return Parsed(
        ratings=indexed.ratings,
        hidden={name: _places(indexed, rows) for name, rows in raw.folds.items()},
        validation={
            name: _places(indexed, rows) for name, rows in raw.validation.items()
        },
        described=raw.described,
        noise_floor=raw.noise_floor,
        notes=notes + _of_duplicates(indexed, duplicates),
    )


def _read(card: DatasetCard, options: Options, files: Mapping[str, Path]) -> RawRatings:
    """Return what the card's reader makes of the files; it may be a plugin's code."""
    reader = card.resolve(card.reader)
    try:
        raw: Any = reader(files, card, options)
    except (BenchboxError, OSError, MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # In a reader of benchbox it is a bug in benchbox, and keeps its traceback.
        if card.reader.startswith("benchbox."):
            raise
        raise DataError(
            f"The reader {card.reader!r} of data set {card.name!r} failed: "
            f"{error_line(error)}."
        ) from error
    if not isinstance(raw, RawRatings):
        raise DataError(
            f"The reader {card.reader!r} of data set {card.name!r} returned "
            f"{shown(raw)}, not RawRatings."
        )
    return raw


def _of_duplicates(indexed: Indexed, duplicates: Duplicates) -> tuple[str, ...]:
    n = indexed.n_rows - len(indexed.ratings)
    if not n:
        return ()
    which = "the latest rating counts" if duplicates == "last" else "their mean counts"
    rows = "row rates" if n == 1 else "rows rate"
    return (f"{n:,} {rows} an item again for the same user; {which}.",)


def _n_used(column: IdColumn) -> int:
    return int(np.count_nonzero(tally(column.codes, len(column.names))))


def _saved(name: str, key: str, parsed: Parsed, notify: Notify) -> Parsed:
    """Return *parsed* as it is in the cache now, or as it is, if it cannot be saved."""
    try:
        return parsed_cache.save(name, key, parsed)
    except (OSError, ValueError, SourceError) as error:
        notify(f"{name}: could not be cached, so the next run reads it again: {error}.")
        return parsed


def _free_unused() -> None:
    """Give back to the system what Arrow keeps for later: as much as the ratings."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()


def _places(indexed: Indexed, rows: Positions) -> Positions:
    """Return sorted positions of *rows* in the ratings, without dropped duplicates."""
    positions = indexed.positions
    is_named = mapped.zeros(len(indexed.ratings), np.bool_)
    for part in long_slices(len(rows)):
        places = positions[rows[part]]
        is_named[places[places >= 0]] = True
    return marked(is_named)

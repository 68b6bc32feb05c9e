"""Data sets with a number that means "not rated": BookCrossing and MyAnimeList."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from benchbox.data import (
    DatasetCard,
    RatingsTable,
    RawRatings,
    SliceOptions,
    read_ratings,
)
from benchbox.ratings import RatingScale


class UnratedOptions(SliceOptions, frozen=True):
    """Options of data sets with a number that means "not rated".

    Attributes:
        unrated: Whether to keep rows that mean "not rated", as ratings of that number.
    """

    unrated: bool = False


def read_rated(
    files: Mapping[str, Path], card: DatasetCard, options: UnratedOptions
) -> RawRatings:
    """Read the one file as the card says, without the rows that mean "not rated"."""
    ((name, path),) = files.items()
    # The card has a table; a file that is not an archive has no member.
    layout = card.ratings or RatingsTable(file=name)
    member = layout.member if path.suffix == ".zip" else ""
    return _read(path, structs.replace(layout, member=member), card, options)


def read_book_crossing(
    files: Mapping[str, Path], card: DatasetCard, options: UnratedOptions
) -> RawRatings:
    """Read BookCrossing, as copied or as its authors published it (in Latin-1)."""
    ((name, path),) = files.items()
    layout = card.ratings or RatingsTable(file=name)
    if name.startswith("BX"):
        layout = structs.replace(layout, encoding="latin-1")
    return _read(path, layout, card, options)


def _read(
    path: Path, layout: RatingsTable, card: DatasetCard, options: UnratedOptions
) -> RawRatings:
    if not options.unrated:
        return read_ratings(path, layout)
    raw = read_ratings(path, structs.replace(layout, missing=()))
    scale = card.scale or RatingScale(1, 10, 1)
    low = min(layout.missing, default=scale.low)
    return replace(raw, scale=RatingScale(low, scale.high, scale.step))

"""Goodbooks-10k: English books alone and one item per title, where that is wanted."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchbox.data import (
    DatasetCard,
    IdColumn,
    RawFeatures,
    RawRatings,
    SliceOptions,
    canonical_order,
    keep_rows,
    read_declared,
)
from benchbox.errors import DataError

ENGLISH = ("eng", "en", "en-US", "en-GB", "en-CA")
"""Codes that Goodreads gives to English books."""


class GoodbooksOptions(SliceOptions, frozen=True):
    """Options of Goodbooks-10k, taken before those that slice.

    Attributes:
        english: Whether books stay only if their language is known to be English.
        merge_titles: Whether books of one title become one item, known by the lowest
            of their ids. Of the ratings a user gave to several of them the last one
            stays (``ratings.csv`` is sorted by time), which is on the scale as it is.
    """

    english: bool = False
    merge_titles: bool = False


def read_goodbooks(
    files: Mapping[str, Path], card: DatasetCard, options: GoodbooksOptions
) -> RawRatings:
    """Read Goodbooks-10k; a missing title, year or language is an empty text.

    Raises:
        DataError: A book is rated that has no facts, and its language or title is
            asked for; or no rating is left.
    """
    raw = read_declared(files, card, options)
    if raw.item_features is None:
        return raw
    columns = dict(raw.item_features.columns)
    columns["year"] = np.array(
        [year.removesuffix(".0") for year in columns["year"].tolist()], dtype=np.str_
    )
    books = replace(raw.item_features, columns=columns)
    raw = replace(raw, item_features=books)
    if options.english:
        raw = _only_english(raw, books)
    return _with_merged_titles(raw, books) if options.merge_titles else raw


def _only_english(raw: RawRatings, books: RawFeatures) -> RawRatings:
    is_english = np.isin(_of_each_item(raw, books, "language"), ENGLISH)
    stays = is_english[raw.items.codes]
    if not stays.any():
        raise DataError("No rated book is English. Leave english=true out.")
    return keep_rows(raw, stays)


def _with_merged_titles(raw: RawRatings, books: RawFeatures) -> RawRatings:
    names, titles = raw.items.names, _of_each_item(raw, books, "title")
    merged = np.arange(len(names), dtype=np.int32)
    firsts: dict[str, int] = {}
    is_rated = np.bincount(raw.items.codes, minlength=len(names)) > 0
    for code in canonical_order(names).tolist():
        # Books without a title have nothing in common.
        if is_rated[code] and titles[code]:
            merged[code] = firsts.setdefault(titles[code], code)
    items = IdColumn(codes=merged[raw.items.codes], names=names)
    return replace(raw, items=items, duplicates="last")


def _of_each_item(raw: RawRatings, books: RawFeatures, fact: str) -> list[str]:
    known = dict(zip(books.ids, books.columns[fact].tolist(), strict=True))
    for book in raw.items.names:
        if book not in known:
            raise DataError(
                f"Book {book!r} is rated, but books.csv does not tell of it. Leave "
                f"english and merge_titles out, or replace the file."
            )
    return [known[book] for book in raw.items.names]

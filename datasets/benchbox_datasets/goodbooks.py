"""Goodbooks-10k: reader with options for English books only and one item per title."""

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
"""Language codes of Goodreads that mean English."""


class GoodbooksOptions(SliceOptions, frozen=True):
    """Options of Goodbooks-10k, applied before those that select a subset.

    Attributes:
        english: Whether to keep only books whose language is known to be English.
        merge_titles: Whether to merge books with the same title into one item, named by
            the lowest of their ids. If a user rated several of them, the last rating
            counts (``ratings.csv`` is sorted by time); a mean might be off the scale.
    """

    english: bool = False
    merge_titles: bool = False


def read_goodbooks(
    files: Mapping[str, Path], card: DatasetCard, options: GoodbooksOptions
) -> RawRatings:
    """Read Goodbooks-10k; a missing title, year or language is an empty string.

    Raises:
        DataError: The language or title of a rated book is needed but not in
            ``books.csv``, or no rating is left.
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
        raise DataError("No rated book is English. Leave out english=true.")
    return keep_rows(raw, stays)


def _with_merged_titles(raw: RawRatings, books: RawFeatures) -> RawRatings:
    names, titles = raw.items.names, _of_each_item(raw, books, "title")
    merged = np.arange(len(names), dtype=np.int32)
    firsts: dict[str, int] = {}
    is_rated = np.bincount(raw.items.codes, minlength=len(names)) > 0
    for code in canonical_order(names).tolist():
        # Books without a title are not the same book.
        if is_rated[code] and titles[code]:
            merged[code] = firsts.setdefault(titles[code], code)
    items = IdColumn(codes=merged[raw.items.codes], names=names)
    return replace(raw, items=items, duplicates="last")


def _of_each_item(raw: RawRatings, books: RawFeatures, fact: str) -> list[str]:
    known = dict(zip(books.ids, books.columns[fact].tolist(), strict=True))
    for book in raw.items.names:
        if book not in known:
            raise DataError(
                f"Book {book!r} is rated, but it is not in books.csv. Leave out "
                f"english and merge_titles, or replace the file."
            )
    return [known[book] for book in raw.items.names]

"""Makes cards for ratings in the user's own file, or in a train-test pair of files."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchbox.data.cards import DatasetCard, RatingsTable
from benchbox.data.raw import Duplicates, RawRatings
from benchbox.data.readers import read_ratings
from benchbox.data.subsets import SliceOptions
from benchbox.errors import UsageError
from benchbox.ratings import RatingScale

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_SCALE = re.compile(rf"({_NUMBER})-({_NUMBER})(?:/({_NUMBER}))?")
# The command line splits settings at commas, and tabs are hard to type in a shell.
_SPELT_OUT = {"tab": "\t", "comma": ",", "space": " "}
_TABLE_ENDINGS = {".csv", ".tsv", ".dat", ".data", ".inter", ".txt", ".parquet", ".pq"}


class FileOptions(SliceOptions, frozen=True):
    """Options of data sets in the user's own files, besides those for slices.

    Attributes:
        scale: Lowest and highest rating, and the step if there is one, as in
            ``"1-5"`` or ``"0.5-5/0.5"``; by default the range found.
        duplicates: How to handle a pair rated twice.
        delimiter: Field separator, or its name: tab, comma or space; by default
            guessed from the file.
        encoding: Text encoding.
    """

    scale: str = ""
    duplicates: Duplicates = "error"
    delimiter: str = ""
    encoding: str = "utf-8"


def is_file_choice(text: str) -> bool:
    """Return whether *text* is a file name rather than the name of a data set."""
    last = Path(text.removesuffix(".gz"))
    return last.suffix in _TABLE_ENDINGS or "/" in text or Path(text).is_file()


def card_for_files(text: str, columns: str | None = None) -> DatasetCard:
    """Return the card of a file of ratings, or of a pair ``train.csv+test.csv``.

    A pair becomes one data set that ships one fold, ``"test"``.

    Args:
        text: Path of the file, or two paths joined by ``+``.
        columns: Roles of the columns; see `benchbox.data.choose_columns`.

    Raises:
        UsageError: *text* is neither.
    """
    parts = [text] if Path(text).is_file() else text.split("+")
    if len(parts) > 2 or not all(parts):
        raise UsageError(
            f"{text!r} is not a data set. Give one file, or train.csv+test.csv."
        )
    keys = ("train", "test")[: len(parts)]
    name = "+".join(Path(part).name for part in parts)
    return DatasetCard(
        name=name,
        title=name,
        summary="ratings in your own file",
        sources=({"type": "path", "files": dict(zip(keys, parts, strict=True))},),
        reader="benchbox.data.own_files:read_own",
        options="benchbox.data.own_files:FileOptions",
        ratings=RatingsTable(file="train", columns=columns),
        default_protocol="official" if len(parts) > 1 else "holdout",
    )


def read_own(
    files: Mapping[str, Path], card: DatasetCard, options: FileOptions
) -> RawRatings:
    """Read a file, or a pair of files, the second of which holds the hidden ratings.

    Raises:
        DataError: A file cannot be read.
    """
    scale = parse_scale(options.scale) if options.scale else None
    layout = RatingsTable(
        file="",
        columns=card.ratings.columns if card.ratings else None,
        delimiter=separator(options.delimiter),
        encoding=options.encoding,
    )
    train, *rest = (read_ratings(path, layout) for path in files.values())
    raw = _joined(train, *rest) if rest else train
    return replace(raw, scale=scale, duplicates=options.duplicates)


def parse_scale(text: str) -> RatingScale:
    """Return the scale written as ``"low-high"`` or ``"low-high/step"``.

    Raises:
        UsageError: *text* has another form.
        DataError: The highest rating is not above the lowest.
    """
    match = _SCALE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a rating scale. Write it as 1-5, or as 0.5-5/0.5."
        )
    low, high, step = match.groups()
    return RatingScale(float(low), float(high), float(step) if step else None)


def separator(text: str) -> str | None:
    """Return the field separator that the option ``delimiter`` names, if any."""
    return _SPELT_OUT.get(text, text) or None


def _joined(train: RawRatings, test: RawRatings) -> RawRatings:
    n = len(train.values)
    timestamps = None
    if train.timestamps is not None and test.timestamps is not None:
        timestamps = np.concatenate([train.timestamps, test.timestamps])
    return RawRatings(
        users=train.users.followed_by(test.users),
        items=train.items.followed_by(test.items),
        values=np.concatenate([train.values, test.values]),
        timestamps=timestamps,
        where=lambda row: train.where(row) if row < n else test.where(row - n),
        folds={"test": np.arange(n, n + len(test.values))},
    )

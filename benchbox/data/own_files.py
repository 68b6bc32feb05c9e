"""Makes cards for ratings in the user's own files, and reads these."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from benchbox.data.cards import DatasetCard, RatingsTable
from benchbox.data.exports import export_of, read_export
from benchbox.data.file_names import (
    ROLES,
    Files,
    files_of,
    fold_names,
    names_of,
    parts_of,
)
from benchbox.data.folders import read_folder
from benchbox.data.matrices import First, Rows, read_matrix
from benchbox.data.monti import MARK, read_monti
from benchbox.data.own_folds import joined, pooled, stacked
from benchbox.data.raw import Duplicates, RawRatings
from benchbox.data.readers import (
    choice_of,
    is_matrix,
    open_layout,
    read_chosen,
    with_decimal,
    without,
)
from benchbox.data.subsets import SliceOptions
from benchbox.data.tables.parquet import is_parquet, open_partitioned
from benchbox.data.tables.table import Table
from benchbox.data.times import Unit
from benchbox.errors import DataError, UsageError
from benchbox.ratings import RatingScale

_PART = "part "
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_SCALE = re.compile(rf"({_NUMBER})-({_NUMBER})(?:/({_NUMBER}))?")
# The command line splits settings at commas, and tabs are hard to type in a shell.
_SPELT_OUT = {"tab": "\t", "comma": ",", "space": " ", "point": "."}


class FileOptions(SliceOptions, frozen=True):
    """Options of data sets in the user's own files, besides those for slices.

    Attributes:
        scale: Lowest and highest rating, and the step if there is one, as in
            ``"1-5"`` or ``"0.5-5/0.5"``; by default the range found.
        duplicates: How to handle a pair rated twice.
        delimiter: Field separator, or its name: tab, comma or space; by default
            guessed from the file.
        encoding: Text encoding.
        decimal: Decimal point of the ratings: point or comma; ``auto`` looks at them.
        member: Name of the file in a zip archive; by default the only table in it.
        time: Unit of timestamps that are numbers: s, ms, us or ns; ``auto``
            recognises it by their size.
        missing: Number that means "not rated", such as ``0``, or several, joined by
            ``+``, as in ``-1+99``. Rows with it are left out.
        layout: ``matrix`` for a row per user and a column per item, ``table`` for a row
            per rating; ``auto`` looks at the file.
        first: What the first column of a matrix holds: ids, the counts of the ratings
            in its row, or ratings; ``auto`` expects ids below a header.
        rows: Whose ratings a row of a matrix holds: users or items.
    """

    scale: str = ""
    duplicates: Duplicates = "error"
    delimiter: str = ""
    encoding: str = "utf-8"
    decimal: str = "auto"
    member: str = ""
    time: Unit = "auto"
    missing: str = ""
    layout: Literal["auto", "table", "matrix"] = "auto"
    first: First = "auto"
    rows: Rows = "users"


def card_for_files(
    text: str, columns: str | None = None, name: str | None = None
) -> DatasetCard:
    """Return the card of the user's own files.

    Files of training and hidden ratings become one data set that ships its folds.

    Args:
        text: Names of the files; see `benchbox.data.file_names`.
        columns: Roles of the columns; see `benchbox.data.choose_columns`.
        name: Name of the data set; by default the names of the files.

    Raises:
        UsageError: *text* does not name files, or the name of one is no text.
    """
    folds = files_of(text)
    name = name or names_of([folds])[0]
    return DatasetCard(
        name=name,
        title=name,
        summary="ratings in your own file",
        sources=({"type": "path", "files": _by_key(folds)},),
        reader="benchbox.data.own_files:read_own",
        options="benchbox.data.own_files:FileOptions",
        ratings=RatingsTable(file="train", columns=columns),
        default_protocol="official" if _ships_folds(folds[0]) else "holdout",
    )


def read_own(
    files: Mapping[str, Path], card: DatasetCard, options: FileOptions
) -> RawRatings:
    """Read a file of ratings, or several of one table, or those of folds.

    Raises:
        DataError: A file cannot be read, or folds do not hold the same ratings.
    """
    scale = parse_scale(options.scale) if options.scale else None
    codes = parse_codes(options.missing) if options.missing else ()
    layout = RatingsTable(
        file="",
        columns=card.ratings.columns if card.ratings else None,
        delimiter=separator(options.delimiter),
        encoding=options.encoding,
        decimal=_SPELT_OUT.get(options.decimal, options.decimal),
        member=options.member,
        time=options.time,
    )
    if all(key.startswith(_PART) for key in files):
        raw = _read_parts(list(files.values()), layout, options)
    else:
        raw = _read_folds(files, layout, options)
    if codes:
        raw = without(raw, codes)
    scale = scale or (None if codes else raw.scale)
    return replace(raw, scale=scale, duplicates=options.duplicates)


def _read_folds(
    files: Mapping[str, Path], layout: RatingsTable, options: FileOptions
) -> RawRatings:
    folds: dict[str, dict[str, RawRatings]] = {}
    for key, path in files.items():
        fold, _, role = key.rpartition("/")
        folds.setdefault(fold or "test", {})[role] = _read(path, layout, options)
    return pooled([joined(fold, parts) for fold, parts in folds.items()])


def _read_parts(
    files: Sequence[Path], layout: RatingsTable, options: FileOptions
) -> RawRatings:
    """Read the files of one table."""
    if not all(map(is_parquet, files)):
        return stacked([_read(file, layout, options) for file in files])
    folder = Path(os.path.commonpath([file.absolute().parent for file in files]))
    table = open_partitioned(folder, [file.absolute() for file in files])
    return _read_table(table, layout, options)


def _read(path: Path, layout: RatingsTable, options: FileOptions) -> RawRatings:
    """Read one file, or folder, of the user's own, of whatever form."""
    if path.is_dir():
        return read_folder(
            path,
            lambda table: _read_table(table, layout, options),
            lambda file: _read(file, layout, options),
        )
    with path.open("rb") as file:
        head = file.read(len(MARK))
    if head == MARK:
        return read_monti(path)
    return _read_table(open_layout(path, layout), layout, options)


def _read_table(table: Table, layout: RatingsTable, options: FileOptions) -> RawRatings:
    columns = layout.columns
    if options.layout == "matrix":
        if columns:
            raise UsageError(
                "layout=matrix and --columns exclude each other: a matrix has a column "
                "per item. Leave out one of them."
            )
        return read_matrix(with_decimal(table, layout), options.first, options.rows)
    if options.first != "auto" or options.rows != "users":
        raise UsageError(
            "The options first and rows are about matrices. Add layout=matrix, or "
            "leave them out."
        )
    if columns is None and (export := export_of(table)) is not None:
        user = table.path.name.partition(".")[0] or table.path.name
        # What the user states is left out of all files at once.
        missing = () if options.missing else export.missing
        return read_export(table, replace(export, missing=missing), layout, user)
    if columns is None and options.layout == "auto" and is_matrix(table):
        return read_matrix(with_decimal(table, layout))
    return read_chosen(table, choice_of(table, columns), layout)


def parse_scale(text: str) -> RatingScale:
    """Return the scale written as ``"low-high"`` or ``"low-high/step"``.

    Raises:
        UsageError: *text* has another form, or makes no scale.
    """
    match = _SCALE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a rating scale. Write it as 1-5, or as 0.5-5/0.5."
        )
    low, high, step = match.groups()
    try:
        return RatingScale(float(low), float(high), float(step) if step else None)
    except DataError as error:
        raise UsageError(str(error)) from None


def separator(text: str) -> str | None:
    """Return the field separator that the option ``delimiter`` names, if any."""
    return _SPELT_OUT.get(text, text) or None


def parse_codes(text: str) -> tuple[float, ...]:
    """Return the numbers in *text*, such as ``"0"``, ``"-1+99"`` or ``"[-1,99]"``.

    Raises:
        UsageError: *text* has another form.
    """
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    parts = [part.strip() for part in re.split(r"[+,]", inner)]
    if not all(re.fullmatch(_NUMBER, part) for part in parts):
        raise UsageError(
            f'missing={text} is not a number that means "not rated". Write it as '
            f"missing=0, or several as missing=-1+99."
        )
    return tuple(map(float, parts))


def _ships_folds(files: Files) -> bool:
    # Of files with a single split, those of Monti et al. alone are known.
    return len(files) > 1 or files[0].endswith(".mat")


def _by_key(folds: Sequence[Files]) -> dict[str, str]:
    """Return the path of each file by its role, within its fold if there are more.

    Files of one table are numbered.
    """
    if len(folds) == 1 and len(folds[0]) == 1:
        parts = parts_of(_at_home(folds[0][0]))
        if len(parts) > 1:
            return {f"{_PART}{n}": part for n, part in enumerate(parts, start=1)}
        folds = [parts]
    return {
        f"{name}/{role}" if len(folds) > 1 else role: _at_home(path)
        for name, files in zip(fold_names(folds), folds, strict=True)
        for role, path in zip(ROLES[len(files)], files, strict=True)
    }


def _at_home(path: str) -> str:
    # The shell leaves a ~ that follows a + or a comma.
    is_left = path.startswith("~/") and not Path(path).exists()
    return os.path.expanduser(path) if is_left else path

"""MovieLens: readers of its data sets, and of RecBole's copy of 100K."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from benchbox.data import (
    DatasetCard,
    FeatureTable,
    RatingsTable,
    RawFeatures,
    RawRatings,
    read_declared,
    read_features,
    read_ratings,
)
from benchbox.errors import DataError
from benchbox.options import Options
from benchbox.ratings import Positions

N_FOLDS = 5
N_TEST_PER_USER = 10

GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)

NO_GENRES = "(no genres listed)"

OCCUPATIONS = (
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)
"""Occupations of MovieLens 1M by code, from 0."""

# As in "Toy Story (1995)", "Fawlty Towers (1975-1979)" and "Grace (1995) (V)".
_YEAR = re.compile(r"(.*?)\s*\((\d{4})(?:[-–—](?:\d{4})?)?\)(?: \(V\))?", re.DOTALL)

_U_DATA = RatingsTable(
    file="u.data", columns="user,item,rating,timestamp", delimiter="\t"
)
_INTER = RatingsTable(file="ml-100k.inter", delimiter="\t")

_USER_COLUMNS = ("age", "gender", "occupation", "zip_code")
_U_USER = FeatureTable(
    file="u.user",
    id="id",
    header=("id", *_USER_COLUMNS),
    columns={name: name for name in _USER_COLUMNS},
    integers=("age",),
    delimiter="|",
)
_DOT_USER = FeatureTable(
    file="ml-100k.user",
    id="user_id",
    columns=_U_USER.columns,
    integers=("age",),
    delimiter="\t",
)

_U_ITEM = FeatureTable(
    file="u.item",
    id="id",
    header=("id", "title", "released", "released_on_video", "page", *GENRES),
    columns={name: name for name in ("title", *GENRES)},
    delimiter="|",
    encoding="latin-1",
)
_DOT_ITEM = FeatureTable(
    file="ml-100k.item",
    id="item_id",
    columns={"title": "movie_title", "year": "release_year", "genres": "class"},
    delimiter="\t",
)


def read_ml_100k(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read MovieLens 100K with its official folds.

    Fold *i* of u1–u5 hides the *i*-th fifth of the rows. Folds ua and ub are included
    only if their files are there.

    Raises:
        DataError: The files of ua or ub do not hold the official split.
    """
    if _U_DATA.file in files:
        raw = read_ratings(files[_U_DATA.file], _U_DATA)
        users = read_features(files[_U_USER.file], _U_USER)
        items = _from_u_item(read_features(files[_U_ITEM.file], _U_ITEM))
    else:
        raw = read_ratings(files[_INTER.file], _INTER)
        users = read_features(files[_DOT_USER.file], _DOT_USER)
        items = _from_dot_item(read_features(files[_DOT_ITEM.file], _DOT_ITEM))
    folds = {**_fifths(len(raw.values)), **_given_ten(files, raw)}
    return replace(raw, user_features=users, item_features=items, folds=folds)


def read_movielens(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read the tables that the card declares, and split the year off each title.

    The genres of an item that has none are an empty string.
    """
    raw = read_declared(files, card, options)
    if raw.item_features is None:
        return raw
    columns = raw.item_features.columns
    titles = [_split_title(title) for title in columns["title"].tolist()]
    genres = [g.replace(NO_GENRES, "") for g in columns["genres"].tolist()]
    return replace(raw, item_features=_items(raw.item_features.ids, titles, genres))


def read_ml_1m(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read MovieLens 1M, with names of occupations instead of codes.

    Raises:
        DataError: An occupation code is unknown.
    """
    raw = read_movielens(files, card, options)
    # The card declares a table of users, so this is not None.
    users = cast(RawFeatures, raw.user_features)
    names = dict(enumerate(OCCUPATIONS))
    codes = users.columns["occupation"].tolist()
    for user, code in zip(users.ids, codes, strict=True):
        if code not in names:
            raise DataError(
                f"User {user!r} has the occupation code {code}, but codes range from 0 "
                f"to {len(names) - 1}. Replace the file by the publisher's."
            )
    occupations = np.array([names[code] for code in codes], dtype=np.str_)
    columns = {**users.columns, "occupation": occupations}
    return replace(raw, user_features=replace(users, columns=columns))


def _fifths(n: int) -> dict[str, Positions]:
    parts = np.array_split(np.arange(n, dtype=np.int64), N_FOLDS)
    return {f"u{i}": part for i, part in enumerate(parts, start=1)}


def _given_ten(files: Mapping[str, Path], raw: RawRatings) -> dict[str, Positions]:
    """Return the hidden rows of ua and ub, if their files are there."""
    folds = {}
    for name in ("ua", "ub"):
        if f"{name}.base" in files and f"{name}.test" in files:
            base = _rows_of(files[f"{name}.base"], raw)
            test = _rows_of(files[f"{name}.test"], raw)
            _check_given_ten(name, base, test, raw)
            folds[name] = np.sort(test)
    return folds


def _rows_of(path: Path, raw: RawRatings) -> Positions:
    """Return the position of each row of *path* in the whole data set."""
    whole, part = _rating_keys(raw), _rating_keys(read_ratings(path, _U_DATA))
    order = np.lexsort(whole.T[::-1])
    merged = np.concatenate([whole, part])
    _, code = np.unique(merged, axis=0, return_inverse=True)
    code = code.reshape(-1)
    place = np.searchsorted(code[order], code[len(whole) :])
    rows: Positions = order[np.minimum(place, len(order) - 1)]
    is_unknown = (whole[rows] != part).any(axis=1)
    if is_unknown.any():
        raise DataError(
            f"{path.name}, line {int(is_unknown.argmax()) + 1} is not a rating of the "
            f"data set. Replace the file by the publisher's, or remove it."
        )
    return rows


def _rating_keys(raw: RawRatings) -> NDArray[np.int64]:
    """Return user, item, rating and timestamp of each row, shape ``(n, 4)``."""
    try:
        users, items = (np.array(c.names, dtype=int) for c in (raw.users, raw.items))
    except ValueError:
        raise DataError(
            "A fold file of ml-100k has an id that is not a number. Remove the file."
        ) from None
    return np.stack(
        [
            users[raw.users.codes],
            items[raw.items.codes],
            raw.values.astype(np.int64),
            # Both file formats have a timestamp.
            cast(NDArray[np.int64], raw.timestamps),
        ],
        axis=1,
    )


def _check_given_ten(
    name: str, base: Positions, test: Positions, raw: RawRatings
) -> None:
    n = len(raw.values)
    if not np.array_equal(np.sort(np.append(base, test)), np.arange(n)):
        raise DataError(
            f"{name}.base and {name}.test must together hold each of the {n:,} ratings "
            f"of the data set exactly once. Replace both files, or remove both."
        )
    counts = np.bincount(raw.users.codes[test], minlength=len(raw.users.names))
    if (counts != N_TEST_PER_USER).any():
        user = raw.users.names[int((counts != N_TEST_PER_USER).argmax())]
        raise DataError(
            f"{name}.test has {counts[counts != N_TEST_PER_USER][0]} ratings of user "
            f"{user!r} instead of {N_TEST_PER_USER}. Replace the file, or remove it."
        )


def _from_u_item(raw: RawFeatures) -> RawFeatures:
    flags = [raw.columns[genre].tolist() for genre in GENRES]
    genres = [
        "|".join(g for g, flag in zip(GENRES, marks, strict=True) if flag == "1")
        for marks in zip(*flags, strict=True)
    ]
    titles = [_split_title(title) for title in raw.columns["title"].tolist()]
    return _items(raw.ids, titles, genres)


def _from_dot_item(raw: RawFeatures) -> RawFeatures:
    # The copy has its own split into title and year, which is wrong for two of 1,682
    # items.
    titles = [
        (title.replace("unkonwn", "unknown"), year)
        if year.isdecimal()
        else _split_title(title.replace("unkonwn", "unknown"))
        for title, year in zip(
            raw.columns["title"].tolist(), raw.columns["year"].tolist(), strict=True
        )
    ]
    genres = ["|".join(text.split()) for text in raw.columns["genres"].tolist()]
    return _items(raw.ids, titles, genres)


def _split_title(title: str) -> tuple[str, str]:
    """Split ``"Toy Story (1995)"`` into its title and its (first) year, as text."""
    found = _YEAR.fullmatch(title.strip())
    if found is None:
        return title.strip(), ""
    return found[1], found[2]


def _items(ids: Any, titles: list[tuple[str, str]], genres: list[str]) -> RawFeatures:
    return RawFeatures(
        ids=ids,
        columns={
            "title": np.array([title for title, _ in titles], dtype=np.str_),
            "year": np.array([year for _, year in titles], dtype=np.str_),
            "genres": np.array(genres, dtype=np.str_),
        },
    )

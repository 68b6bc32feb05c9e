"""Readers: a layout is all it takes to read a table of ratings or features."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbox.data.cards import FeatureTable, RatingsTable
from benchbox.data.raw import RawFeatures
from benchbox.data.readers import read_features, read_ratings
from benchbox.errors import DataError

MOVIES = "movieId,title,year\n1,Heat,1995\n2,Ran,1985\n"
PATH_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder: Path, text: str, name: str = "movies.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def features(path: Path, **layout: object) -> RawFeatures:
    settled = {"file": "", "id": "movieId", "columns": {"name": "title"}, **layout}
    return read_features(path, FeatureTable(**settled))


@PATH_IS_REUSED
@given(times=st.lists(st.floats(-1e9, 2e9), min_size=1, max_size=9))
def test_timestamps_are_cut_to_whole_seconds(tmp_path, times) -> None:
    lines = "".join(f"{n},1,3,{time!r}\n" for n, time in enumerate(times))

    raw = read_ratings(
        write(tmp_path, lines),
        RatingsTable(file="", columns="user,item,rating,timestamp"),
    )

    assert raw.timestamps.dtype == np.int64
    for found, time in zip(raw.timestamps.tolist(), times, strict=True):
        # Less than a nanosecond before a second may be that second.
        assert found in (np.floor(time), np.floor(time + 1e-9))


def test_ratings_without_time_have_none(tmp_path) -> None:
    assert (
        read_ratings(write(tmp_path, "1,2,3\n"), RatingsTable(file="")).timestamps
        is None
    )


def test_a_row_knows_its_line(tmp_path) -> None:
    path = write(tmp_path, "user,item,rating\n\n1,2,3\n", "r.csv")

    assert read_ratings(path, RatingsTable(file="")).where(0) == "r.csv, line 3"


def test_features_are_called_as_the_layout_calls_them(tmp_path) -> None:
    found = features(write(tmp_path, MOVIES))

    assert found.ids == ["1", "2"]
    assert list(found.columns) == ["name"]
    assert found.columns["name"].tolist() == ["Heat", "Ran"]


def test_whole_numbers_are_so_where_the_layout_says(tmp_path) -> None:
    layout = {"columns": {"y": "year", "name": "title"}, "integers": ("y",)}

    found = features(write(tmp_path, MOVIES), **layout)

    assert found.columns["y"].tolist() == [1995, 1985]
    assert found.columns["name"].tolist() == ["Heat", "Ran"]


def test_a_feature_that_is_no_number_is_named_by_its_line(tmp_path) -> None:
    path = write(tmp_path, MOVIES + "3,Solaris,unknown\n")

    with pytest.raises(DataError, match=r"movies\.csv, line 4: the y 'unknown' is no"):
        features(path, columns={"y": "year"}, integers=("y",))


def test_a_feature_column_that_is_not_there_is_told_with_those_that_are(
    tmp_path,
) -> None:
    with pytest.raises(DataError, match=r"no column 'titel'.*mean 'title'.*movieId"):
        features(write(tmp_path, MOVIES), columns={"name": "titel"})


def test_a_layout_can_name_the_columns_a_file_does_not(tmp_path) -> None:
    path = write(tmp_path, "1|Heat|1995\n", "u.item")

    found = features(path, header=("movieId", "title", "year"), delimiter="|")

    assert found.columns["name"].tolist() == ["Heat"]


def test_commas_and_quotes_in_titles_are_read(tmp_path) -> None:
    path = write(tmp_path, 'movieId,title\n1,"Big ""B"", The (1990)"\n')

    assert features(path).columns["name"].tolist() == ['Big "B", The (1990)']

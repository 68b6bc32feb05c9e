"""Own files: any usual file of ratings is a data set, and a pair ships its fold."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.file_names import is_file_choice
from benchbox.data.identity import data_id
from benchbox.data.own_files import card_for_files, parse_scale
from benchbox.errors import DataError, UsageError
from benchbox.ratings import RatingScale
from tests.support.source_kinds import kind_of

ROWS = [(5, 10, 4.0, 1000), (5, 9, 2.0, 1001), (40, 10, 5.0, 999)]


def load(path: object, columns: str | None = None, **settings: str) -> Dataset:
    return load_dataset(
        card_for_files(str(path), columns),
        settings,
        kind_of=kind_of,
        notify=pytest.fail,
    )


def write(path: Path, header: str = "", delimiter: str = ",", rows=ROWS) -> Path:
    lines = [delimiter.join(map(str, row)) for row in rows]
    path.write_text("\n".join([header] * bool(header) + lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "header", "delimiter"),
    [
        ("u.data", "", "\t"),
        ("ratings.dat", "", "::"),
        ("ratings.csv", "userId,movieId,rating,timestamp", ","),
        ("ratings.tsv", "user\titem\trating\ttimestamp", "\t"),
        (
            "x.inter",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
            "\t",
        ),
    ],
)
def test_the_same_ratings_in_any_format_are_the_same_data(
    tmp_path, name, header, delimiter
) -> None:
    plain = load(write(tmp_path / "plain.csv"))

    other = load(write(tmp_path / name, header, delimiter, rows=ROWS[::-1]))

    assert data_id(other.ratings) == data_id(plain.ratings)
    assert other.ratings.user_ids.tolist() == ["5", "40"]
    assert other.ratings.item_ids.tolist() == ["9", "10"]
    assert other.name == name


def test_parquet_with_numbers_is_the_same_data_too(tmp_path) -> None:
    frame = pd.DataFrame(ROWS, columns=["user", "item", "rating", "timestamp"])
    frame.to_parquet(tmp_path / "r.parquet")

    one = load(tmp_path / "r.parquet")
    other = load(write(tmp_path / "plain.csv"))

    assert data_id(one.ratings) == data_id(other.ratings)


def test_fractions_of_seconds_are_cut(tmp_path) -> None:
    rows = [(*row[:3], row[3] + 0.5) for row in ROWS]

    one = load(write(tmp_path / "one.csv", rows=rows))
    other = load(write(tmp_path / "other.csv"))

    assert data_id(one.ratings) == data_id(other.ratings)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n_test=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_pair_hides_exactly_its_second_file(tmp_path, n_test, seed) -> None:
    order = np.random.default_rng(seed).permutation(40)
    rows = [(int(k) // 8, int(k) % 8, 1.0 + k % 5) for k in order]
    one = write(tmp_path / "train.csv", rows=rows[n_test:])
    two = write(tmp_path / "test.csv", rows=rows[:n_test])

    dataset = load(f"{one}+{two}")

    frame = dataset.ratings.to_frame()
    hidden = frame.iloc[dataset.folds["test"]]
    found = {(int(u), int(i), float(r)) for u, i, r in hidden.itertuples(index=False)}
    assert found == set(rows[:n_test])
    assert len(dataset.folds["test"]) == n_test
    assert dataset.name == "train.csv+test.csv"
    assert dataset.card.default_protocol == "official"


def test_a_pair_that_shares_a_rating_is_refused_with_both_lines(tmp_path) -> None:
    one = write(tmp_path / "train.csv", "user,item,rating,time")
    two = write(tmp_path / "test.csv", "user,item,rating,time", rows=ROWS[2:])

    with pytest.raises(DataError, match=r"train\.csv, line 4 and test\.csv, line 2"):
        load(f"{one}+{two}")


def test_a_plus_in_a_file_name_is_no_pair(tmp_path) -> None:
    assert len(load(write(tmp_path / "a+b.csv")).ratings) == len(ROWS)


def test_time_is_left_out_where_one_of_the_pair_has_none(tmp_path) -> None:
    one = write(tmp_path / "train.csv")
    two = write(tmp_path / "test.csv", rows=[(7, 7, 3.0)])

    assert load(f"{one}+{two}").ratings.timestamps is None


@pytest.mark.parametrize(
    "text", ["a.csv+b.csv+c.csv+d.csv", "a.csv+", "+a.csv", "a.csv,b.csv"]
)
def test_anything_but_a_file_or_a_pair_is_a_usage_error(text) -> None:
    with pytest.raises(UsageError, match="is not a data set"):
        card_for_files(text)


def test_options_change_what_is_read(tmp_path) -> None:
    path = write(tmp_path / "r.csv", rows=[*ROWS, (5, 10, 1.0, 2000)])

    dataset = load(path, scale="0-10/0.5", duplicates="last")

    assert dataset.ratings.scale == RatingScale(0, 10, 0.5)
    assert dataset.ratings.values.tolist() == [2.0, 1.0, 5.0]
    assert dataset.options["duplicates"] == "last"


def test_a_delimiter_can_be_stated(tmp_path) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("1, a\t2\t3\n4\t5\t1\n")

    assert load(path, delimiter="tab").ratings.user_ids.tolist() == ["1, a", "4"]


def test_delimiters_no_command_line_can_hold_are_spelt_out(tmp_path) -> None:
    path = tmp_path / "odd.data"
    path.write_text("a\tb,2,3\n4,5,1\n")

    assert load(path, delimiter="comma").ratings.user_ids.tolist() == ["4", "a\tb"]


def test_columns_can_be_stated(tmp_path) -> None:
    path = write(
        tmp_path / "r.csv", "when,stars,what,who", rows=[(1, 2, 3, 4), (1, 5, 6, 7)]
    )

    ratings = load(path, "user=who,item=what,rating=stars,timestamp=when").ratings

    assert ratings.user_ids.tolist() == ["4", "7"]
    assert ratings.timestamps.tolist() == [1, 1]


@pytest.mark.parametrize("scale", ["5-1", "1-1", "1-5/0", "1-5/9"])
def test_a_scale_that_cannot_be_is_a_usage_error(tmp_path, scale) -> None:
    with pytest.raises(UsageError, match=r"of a (rating )?scale must be above"):
        load(write(tmp_path / "r.csv"), scale=scale)


@pytest.mark.parametrize("scale", ["five", "1", "1-5-9"])
def test_a_scale_that_is_none_is_a_usage_error(tmp_path, scale) -> None:
    with pytest.raises(UsageError, match=rf"'{scale}' is not a rating scale"):
        load(write(tmp_path / "r.csv"), scale=scale)


@pytest.mark.parametrize("settings", [{"duplicates": "first"}, {"colour": "red"}])
def test_a_setting_that_does_not_fit_is_a_usage_error(tmp_path, settings) -> None:
    with pytest.raises(UsageError, match=r"r\.csv"):
        load(write(tmp_path / "r.csv"), **settings)


def test_a_file_without_ratings_is_said_so(tmp_path) -> None:
    with pytest.raises(DataError, match=r"r\.csv has a header but no ratings"):
        load(write(tmp_path / "r.csv", "user,item,rating", rows=[]))


def test_a_missing_file_is_said_so(tmp_path) -> None:
    write(tmp_path / "ratings.csv")

    with pytest.raises(DataError, match=r"Did you mean 'ratings\.csv'"):
        load(tmp_path / "ratngs.csv")


def test_a_folder_without_ratings_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="has no files of ratings"):
        load(tmp_path)


def test_a_rating_off_a_stated_scale_is_named_by_its_line(tmp_path) -> None:
    with pytest.raises(DataError, match=r"r\.csv, line 3: the rating 5 is off"):
        load(write(tmp_path / "r.csv"), scale="1-4")


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1-5", RatingScale(1, 5)),
        ("0.5-5/0.5", RatingScale(0.5, 5, 0.5)),
        ("-10-10", RatingScale(-10, 10)),
        ("-10--5", RatingScale(-10, -5)),
        ("0-1/.25", RatingScale(0, 1, 0.25)),
    ],
)
def test_scales_are_written_plainly(text, scale) -> None:
    assert parse_scale(text) == scale


@pytest.mark.parametrize("text", ["5", "a-b", "1-5/", "1–5", ""])
def test_other_texts_are_no_scale(text) -> None:
    with pytest.raises(UsageError, match="is not a rating scale"):
        parse_scale(text)


@pytest.mark.parametrize(
    "text", ["r.csv", "a.csv+b.csv", "x/y", "r.csv.gz", "r.parquet"]
)
def test_files_are_told_from_names(text) -> None:
    assert is_file_choice(text)


@pytest.mark.parametrize("text", ["ml-100k", "synthetic", "ml-100k.v2"])
def test_names_are_told_from_files(text) -> None:
    assert not is_file_choice(text)


@pytest.mark.parametrize(
    ("missing", "left"),
    [
        ("0", [-1, 3, 4, 99]),
        ("-1", [0, 0, 3, 4, 99]),
        ("-1+99", [0, 0, 3, 4]),
        ("[0,-1,99]", [3, 4]),
        ("7", [-1, 0, 0, 3, 4, 99]),
    ],
)
def test_codes_for_not_rated_are_left_out(tmp_path, missing, left) -> None:
    values = [0, 3, 99, 0, 4, -1]
    path = write(tmp_path / "r.csv", rows=[(1, n, v) for n, v in enumerate(values)])

    dataset = load(path, missing=missing)

    assert sorted(dataset.ratings.values.tolist()) == left
    assert dataset.ratings.scale == RatingScale(min(left), max(left))
    n = len(values) - len(left)
    assert [note.partition(":")[0] for note in dataset.notes] == ["Left out"]
    assert sum(map(int, re.findall(r"(\d+) ratings? of", dataset.notes[0]))) == n


@pytest.mark.parametrize("missing", ["x", "0+", "0-5", "[0", "nan", "inf"])
def test_what_is_no_code_is_a_usage_error(tmp_path, missing) -> None:
    with pytest.raises(UsageError, match="missing=0"):
        load(write(tmp_path / "r.csv"), missing=missing)


def test_codes_are_left_out_of_folds_too(tmp_path) -> None:
    one = write(tmp_path / "train.csv", rows=[(1, 1, 0), (1, 2, 3), (1, 3, 4)])
    two = write(tmp_path / "test.csv", rows=[(2, 1, 5), (2, 2, 0)])

    dataset = load(f"{one}+{two}", missing="0")

    assert dataset.ratings.values[dataset.folds["test"]].tolist() == [5]


def test_ratings_that_all_mean_not_rated_are_refused(tmp_path) -> None:
    path = write(tmp_path / "r.csv", rows=[(1, 1, 0), (1, 2, 0)])

    with pytest.raises(DataError, match="All ratings mean"):
        load(path, missing="0")

"""Times of ratings: any usual form is recognised, and nothing else is guessed."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data import data_id
from benchbox.data.dataset import Dataset, load_dataset
from benchbox.data.own_files import card_for_files
from benchbox.data.raw import IdColumn
from benchbox.data.times import from_numbers, from_texts, seconds_of
from benchbox.errors import DataError, UsageError
from tests.support.source_kinds import kind_of

MOMENTS = [1004279348, 1007922960, 1006539906]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda when: when.replace(microsecond=0)
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def where(row: int) -> str:
    return f"row {row}"


def load(path: Path, columns: str | None = None, **settings: str) -> Dataset:
    return load_dataset(
        card_for_files(str(path), columns),
        settings,
        kind_of=kind_of,
        notify=pytest.fail,
    )


def write(path: Path, times, header: str = "user,item,rating,timestamp") -> Path:
    rows = [f"1,{n},{n},{time}" for n, time in enumerate(times, start=1)]
    path.write_text("\n".join([header] * bool(header) + rows) + "\n")
    return path


def day(seconds: int, form: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


@given(when=moments, zone=zones)
def test_any_iso_date_time_with_any_zone_is_its_moment(when, zone) -> None:
    local = when.replace(tzinfo=zone)
    expected = (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)

    assert seconds_of(local.isoformat()) == expected
    assert seconds_of(local.isoformat(" ")) == expected


@given(when=moments)
def test_a_time_without_a_zone_is_in_utc(when) -> None:
    text = when.isoformat()
    expected = seconds_of(f"{text}Z")

    assert seconds_of(text) == seconds_of(text.replace("T", " ")) == expected
    assert seconds_of(text.replace("-", "/")) == expected
    column = IdColumn(codes=np.zeros(2, dtype=np.int32), names=[text])
    assert from_texts(column, "auto", where).seconds.tolist() == [expected] * 2


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2001-10-28", "2001-10-28T00:00:00"),
        ("2001/1/5", "2001-01-05"),
        ("2001.10.28", "2001-10-28"),
        ("2001-10-28 4:09", "2001-10-28T04:09:00"),
        ("2001-10-28T14:29:08.999Z", "2001-10-28T14:29:08"),
        ("2001-10-28 14:29:08 UTC", "2001-10-28T14:29:08"),
        ("2001-10-28T14:29:08+0900", "2001-10-28T05:29:08"),
        ("2001-10-28T14:29:08+09", "2001-10-28T05:29:08"),
        ("10 28, 2001", "2001-10-28"),
        (" 2001-10-28 ", "2001-10-28"),
    ],
)
def test_other_spellings_are_the_same_time(text, same) -> None:
    assert seconds_of(text) == seconds_of(same) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "today", "NaT", "June", "2001", "2001-10", "28/10/2001"),
        *("2001-02-30", "2001-13-01", "2001-10/28", "2001-10-28T25:00", "0000-01-01"),
        *("2001-10-28T14:29:08+09:00+2001", "10/28/01", "٢٠٠١-١٠-٢٨"),
    ],
)
def test_what_is_no_time_is_not_guessed(text) -> None:
    assert seconds_of(text) is None


@pytest.mark.parametrize("unit", PER_SECOND)
@pytest.mark.parametrize("header", ["user,item,rating,timestamp", ""])
@pytest.mark.parametrize("suffix", ["", "x"])
def test_the_unit_of_numbers_is_recognised_by_their_size(
    tmp_path, unit, header, suffix
) -> None:
    plain = load(write(tmp_path / "s.csv", MOMENTS))
    rows = [moment * PER_SECOND[unit] + PER_SECOND[unit] // 2 for moment in MOMENTS]
    if suffix and header:
        # With a column more, the file is read in another way.
        header += ",note"
        rows = [f"{row},{suffix}" for row in rows]

    dataset = load(write(tmp_path / "r.csv", rows, header))

    assert data_id(dataset.ratings) == data_id(plain.ratings)
    assert "since 1970" in dataset.described["timestamp column"]


@pytest.mark.parametrize("unit", PER_SECOND)
def test_parquet_of_any_unit_is_the_same_data(tmp_path, unit) -> None:
    plain = load(write(tmp_path / "s.csv", MOMENTS))
    frame = pd.DataFrame({"user": ["1"] * 3, "item": [1, 2, 3], "rating": [1, 2, 3.0]})
    as_numbers = frame.assign(timestamp=np.array(MOMENTS) * PER_SECOND[unit])
    as_times = frame.assign(
        timestamp=np.array(MOMENTS, dtype="datetime64[s]").astype(f"datetime64[{unit}]")
    )
    as_texts = frame.assign(date=[day(m, "%Y-%m-%d %H:%M:%S") for m in MOMENTS])

    for one in (as_numbers, as_times, as_texts):
        one.to_parquet(tmp_path / "r.parquet")
        dataset = load(tmp_path / "r.parquet")
        assert data_id(dataset.ratings) == data_id(plain.ratings)


def test_dates_of_parquet_are_days(tmp_path) -> None:
    frame = pd.DataFrame({"user": [1, 1], "item": [1, 2], "rating": [1, 2.0]})
    frame["date"] = [datetime(2001, 10, 28).date(), datetime(2001, 10, 29).date()]
    frame.to_parquet(tmp_path / "r.parquet")

    stamps = load(tmp_path / "r.parquet").ratings.timestamps

    assert stamps.tolist() == [seconds_of("2001-10-28"), seconds_of("2001-10-29")]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%m %d, %Y"])
@pytest.mark.parametrize("name", ["timestamp", "date", "review_date", "reviewTime"])
def test_days_are_recognised_under_any_usual_name(tmp_path, form, name) -> None:
    texts = [f'"{day(moment, form)}"' for moment in MOMENTS]
    header = f"user,item,rating,{name}"

    stamps = load(write(tmp_path / "r.csv", texts, header)).ratings.timestamps

    assert stamps.tolist() == [moment // 86_400 * 86_400 for moment in MOMENTS]


def test_a_unit_can_be_asked_for(tmp_path) -> None:
    path = write(tmp_path / "r.csv", [1000, 2500, 3000])

    assert load(path, time="ms").ratings.timestamps.tolist() == [1, 2, 3]
    assert load(path).ratings.timestamps.tolist() == [1000, 2500, 3000]


def test_an_unknown_unit_is_refused_with_those_there_are(tmp_path) -> None:
    with pytest.raises(UsageError, match="not one of auto, s, ms, us, ns"):
        load(write(tmp_path / "r.csv", MOMENTS), time="m")


def test_dates_have_no_unit(tmp_path) -> None:
    with pytest.raises(DataError, match=r"Leave out time=ms\."):
        load(write(tmp_path / "r.csv", ["2001-10-28"] * 2), time="ms")


@pytest.mark.parametrize(
    ("time", "settings", "says"),
    [
        ("1004279348000000000000000", {}, "too large for seconds, milliseconds"),
        ("-1004279348000000000000000", {}, "too large for seconds, milliseconds"),
        ("1004279348123", {"time": "s"}, "in seconds since 1970 is not between"),
        ("-99999999999", {"time": "s"}, "in seconds since 1970 is not between"),
    ],
)
def test_a_time_out_of_range_is_refused_with_its_line(
    tmp_path, time, settings, says
) -> None:
    path = write(tmp_path / "r.csv", [1000, time])

    with pytest.raises(DataError, match=rf"r\.csv, line 3: .*{says}"):
        load(path, **settings)


@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_are_times_within_the_calendar_or_refused(numbers) -> None:
    try:
        times = from_numbers(np.array(numbers, dtype=np.int64), "auto", where)
    except DataError:
        return
    for seconds in times.seconds.tolist():
        datetime.fromtimestamp(seconds, UTC)


def test_a_time_that_is_none_is_refused_with_its_line(tmp_path) -> None:
    for texts, line in (
        (["soon", "2001-10-28"], 2),
        (["2001-10-28", "soon"], 3),
        (["2001-10-28T14:00Z", "2001-10-28T1z:00Z"], 3),
    ):
        path = write(tmp_path / "r.csv", texts)
        with pytest.raises(DataError, match=rf"line {line}: the timestamp .*under"):
            load(path)


@pytest.mark.parametrize("times", [["a while ago", "b"], ["2001-10-28", "June"]])
def test_a_doubtful_column_that_holds_no_times_is_left_out_with_a_note(
    tmp_path, times
) -> None:
    dataset = load(write(tmp_path / "r.csv", times, "user,item,rating,date"))

    assert dataset.ratings.timestamps is None
    assert "'date' is left out" in " ".join(dataset.notes)
    assert dataset.described["unused columns"] == "date"

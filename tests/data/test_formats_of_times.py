"""Times are read exactly, so the same rows have one id in every format."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchbox.data.cards import RatingsTable
from benchbox.data.readers import read_ratings
from tests.support.commands import Benchbox

# One nanosecond before a second: a float64 would round it up to that second.
JUST_BEFORE = [1_004_279_347_999_999_999 + k * 10**15 for k in range(20)]
SECONDS = [time // 10**9 for time in JUST_BEFORE]


def rows(times: Sequence[object], more: str = "") -> bytes:
    lines = [f"{k % 5},{k},{1 + k % 5},{t}{more}" for k, t in enumerate(times)]
    header = "user,item,rating,timestamp" + (",note" if more else "")
    return "\n".join([header, *lines, ""]).encode()


def write_plain(path: Path, times: Sequence[object]) -> Path:
    (path / "a.csv").write_bytes(rows(times))
    return path / "a.csv"


def write_wider(path: Path, times: Sequence[object]) -> Path:
    (path / "d.csv").write_bytes(rows(times, ",hi"))
    return path / "d.csv"


def write_packed(path: Path, times: Sequence[object]) -> Path:
    (path / "b.csv.gz").write_bytes(gzip.compress(rows(times)))
    return path / "b.csv.gz"


def write_int64(path: Path, times: Sequence[object]) -> Path:
    count = range(len(times))
    columns = {
        "user": [k % 5 for k in count],
        "item": list(count),
        "rating": [1.0 + k % 5 for k in count],
        "timestamp": pa.array(times, pa.int64()),
    }
    parquet.write_table(pa.table(columns), path / "c.parquet")
    return path / "c.parquet"


WRITERS = (write_plain, write_wider, write_packed, write_int64)


def seconds_in(file: Path) -> list[int]:
    timestamps = read_ratings(file, RatingsTable(file=file.name)).timestamps
    assert timestamps is not None
    return timestamps.tolist()


@pytest.mark.parametrize("write", WRITERS)
def test_nanoseconds_are_rounded_down_exactly_in_every_format(
    tmp_path: Path, write: Callable[[Path, Sequence[object]], Path]
) -> None:
    assert seconds_in(write(tmp_path, JUST_BEFORE)) == SECONDS
    assert np.float64(JUST_BEFORE[0]) // 10**9 != SECONDS[0]


@pytest.mark.parametrize("write", [write_plain, write_wider, write_packed])
def test_fractions_beside_large_numbers_leave_both_exact(
    tmp_path: Path, write: Callable[[Path, Sequence[object]], Path]
) -> None:
    times = [f"{JUST_BEFORE[0]}.25", *JUST_BEFORE[1:]]

    assert seconds_in(write(tmp_path, times)) == SECONDS


@pytest.mark.parametrize("write", [write_plain, write_wider, write_packed])
def test_times_in_exponents_and_with_many_digits_are_still_read(
    tmp_path: Path, write: Callable[[Path, Sequence[object]], Path]
) -> None:
    times = ["1.25e9", "1250000000.123456789012345", "-0.5"]

    assert seconds_in(write(tmp_path, times)) == [1_250_000_000, 1_250_000_000, -1]


def test_moments_before_1970_are_rounded_down_too(tmp_path: Path) -> None:
    times = pa.array([-500, -1000, 500], pa.timestamp("ms"))
    columns = {"user": [1, 2, 3], "item": [1, 2, 3], "rating": [1.0, 2.0, 3.0]}
    file = tmp_path / "early.parquet"
    parquet.write_table(pa.table({**columns, "timestamp": times}), file)

    assert seconds_in(file) == [-1, -1, 0]


def test_the_same_rows_have_one_fold_id_in_every_format(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    ids = set()
    for write in WRITERS:
        done = benchbox(f"data folds {write(tmp_path, JUST_BEFORE)} -p holdout")
        assert done.code == 0, done.err
        ids.add(
            next(row for row in done.out.splitlines() if row[:8] == "holdout ")[-32:]
        )

    assert len(ids) == 1

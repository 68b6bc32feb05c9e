"""Tables in batches: they are read as they would be whole, a batch at a time."""

import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from benchbox.arrays import mapped
from benchbox.data.tables import id_codes, stream
from benchbox.data.tables import parquet as parquet_tables
from benchbox.data.tables.fields import Columns, Wanted
from benchbox.data.tables.id_codes import IdCodes
from benchbox.data.tables.parquet import open_parquet, open_partitioned
from benchbox.data.tables.stream import Stream
from benchbox.errors import DataError
from tests.support.maps import is_mapped

KINDS = {"user": "id", "item": "id", "rating": "number", "timestamp": "seconds"}
N = 23
BATCH = 4


@pytest.fixture(autouse=True)
def short_batches(monkeypatch) -> None:
    monkeypatch.setattr(stream, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(parquet_tables, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(id_codes, "_LEAST_WAITING", BATCH + 1)


def columns_of(**changed: object) -> dict[str, object]:
    rows = range(N)
    whole: dict[str, object] = {
        "user": [n * 7 % 5 for n in rows],
        "item": [f"i{n * 3 % 8}" for n in rows],
        "rating": [n / 2 for n in rows],
        "timestamp": [10**9 + n for n in rows],
    }
    return whole | changed


def write(path: Path, columns: dict[str, object], group: int = 2 * BATCH - 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=group)
    return path


def read(path: Path) -> Columns:
    """Read a file, or all files in a folder."""
    if path.is_dir():
        table = open_partitioned(path, sorted(path.rglob("*.parquet")))
    else:
        table = open_parquet(path)
    wanted = {name: Wanted(table.first.index(name), k) for name, k in KINDS.items()}
    return table.read(wanted)


def ids_of(columns: Columns, name: str) -> list[str]:
    column = columns.ids[name]
    return [column.names[code] for code in column.codes]


def texts(values: object) -> list[str]:
    return list(map(str, values))


USERS = {
    "small": [n * 7 % 5 for n in range(N)],
    "sparse": [n * 7 % 5 * 10**12 for n in range(N)],
    "negative in a later batch": [n % 6 if n < 17 else -n for n in range(N)],
    "large in a later batch": [n % 6 if n < 17 else 2**62 + n for n in range(N)],
    "text": [f"é{n % 6}" for n in range(N)],
}


@pytest.mark.parametrize("users", USERS.values(), ids=USERS)
@pytest.mark.parametrize("group", [1, 3, N])
def test_ids_of_all_batches_are_one_column(tmp_path, users, group) -> None:
    columns = read(write(tmp_path / "r.parquet", columns_of(user=users), group))

    assert ids_of(columns, "user") == texts(users)
    assert len(columns.ids["user"].names) == len(set(users))
    assert ids_of(columns, "item") == columns_of()["item"]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint64"])
def test_ids_of_any_whole_type_are_read_alike(tmp_path, kind) -> None:
    users = pa.array(USERS["small"], getattr(pa, kind)())

    columns = read(write(tmp_path / "r.parquet", columns_of(user=users)))

    assert ids_of(columns, "user") == texts(USERS["small"])


@given(
    batches=st.lists(
        st.lists(st.integers(-3, 12) | st.sampled_from([2**40, 2**40 + 1]), max_size=9),
        max_size=9,
    )
)
def test_codes_are_those_of_all_ids_at_once(batches) -> None:
    ids = [one for batch in batches for one in batch]
    codes = IdCodes(len(ids))

    for batch, end in zip(batches, np.cumsum([*map(len, batches)]), strict=True):
        codes.put(slice(end - len(batch), end), pa.array(batch, pa.int64()))
    column = codes.column()

    assert [column.names[code] for code in column.codes] == texts(ids)
    assert sorted(column.names) == sorted(texts(set(ids)))


def test_ids_are_looked_up_for_several_batches_at_once(monkeypatch) -> None:
    monkeypatch.setattr(id_codes, "_LEAST_WAITING", 1)
    calls, look_up = [], IdCodes._look_up
    monkeypatch.setattr(
        IdCodes, "_look_up", lambda self: (calls.append(1), look_up(self))[1]
    )
    codes = IdCodes(1000)

    for n in range(1000):
        codes.put(slice(n, n + 1), pa.array([f"{n}"]))
    column = codes.column()

    # Each look-up makes the known ids five times as many.
    assert len(calls) <= 7
    assert column.names == texts(range(1000))


RATINGS = {
    "decimal": [Decimal(n) / 4 for n in range(N)],
    "half": np.arange(N, dtype=np.float16),
    "single": pa.array(np.arange(N) / 10, pa.float32()),
    "double": np.arange(N) / 10,
    "whole": list(range(N)),
    "texts": [f"{n}.5" for n in range(N)],
}


@pytest.mark.parametrize("ratings", RATINGS.values(), ids=RATINGS)
def test_numbers_of_all_batches_are_one_column(tmp_path, ratings) -> None:
    columns = read(write(tmp_path / "r.parquet", columns_of(rating=ratings)))

    stored = ratings.to_pylist() if isinstance(ratings, pa.Array) else ratings
    assert columns.numbers["rating"].tolist() == [float(one) for one in stored]


def test_times_are_rounded_down_in_every_batch(tmp_path) -> None:
    times = [10**18 + n - N // 2 for n in range(N)]
    stored = pa.array(times, pa.timestamp("ns"))

    columns = read(write(tmp_path / "r.parquet", columns_of(timestamp=stored)))

    assert columns.seconds["timestamp"].tolist() == [n // 10**9 for n in times]


@pytest.mark.parametrize("row", [0, BATCH, 2 * BATCH + 1, N - 1])
@pytest.mark.parametrize("name", KINDS)
def test_a_missing_field_is_named_by_its_row_in_the_whole(tmp_path, name, row) -> None:
    column = list(columns_of()[name])
    column[row] = None
    path = write(tmp_path / "r.parquet", columns_of(**{name: column}))

    with pytest.raises(DataError, match=rf"r\.parquet, row {row + 1}: the {name} is"):
        read(path)


def test_a_wrong_number_is_named_by_its_row_in_the_whole(tmp_path) -> None:
    ratings = [1.0] * N
    ratings[BATCH + 1], ratings[-1] = np.nan, 1e39

    with pytest.raises(DataError, match=rf"row {BATCH + 2}: the rating"):
        read(write(tmp_path / "r.parquet", columns_of(rating=ratings)))


def test_an_empty_id_is_named_by_its_row_in_the_whole(tmp_path) -> None:
    users = [f"u{n}" for n in range(N)]
    users[BATCH + 2] = " "

    with pytest.raises(DataError, match=rf"row {BATCH + 3}: the user id is empty"):
        read(write(tmp_path / "r.parquet", columns_of(user=users)))


def encoded(values: object) -> pa.DictionaryArray:
    return pa.array(values).dictionary_encode()


def test_files_with_other_dictionaries_are_one_table(tmp_path) -> None:
    for n, names in enumerate(["abc", "bcd", "zab"]):
        users = encoded([names[k % 3] for k in range(N)])
        write(tmp_path / "s" / f"{n}.parquet", columns_of(user=users))

    columns = read(tmp_path / "s")

    expected = [names[k % 3] for names in ["abc", "bcd", "zab"] for k in range(N)]
    assert ids_of(columns, "user") == expected
    assert sorted(columns.ids["user"].names) == sorted("abcdz")
    assert columns.numbers["rating"].tolist() == 3 * columns_of()["rating"]


def test_files_of_other_types_are_read_in_those_of_the_first(tmp_path) -> None:
    write(tmp_path / "s" / "1.parquet", columns_of())
    whole = pa.array(range(N), pa.int8())
    write(tmp_path / "s" / "2.parquet", columns_of(user=whole, rating=whole))

    columns = read(tmp_path / "s")

    assert ids_of(columns, "user")[N:] == texts(range(N))
    assert columns.numbers["rating"][N:].tolist() == list(range(N))


def test_folders_state_columns_of_all_their_batches(tmp_path) -> None:
    without_users = {n: c for n, c in columns_of().items() if n != "user"}
    for user in (7, 11):
        write(tmp_path / "s" / f"user={user}" / "r.parquet", without_users)

    assert ids_of(read(tmp_path / "s"), "user") == ["11"] * N + ["7"] * N


def test_a_file_without_rows_is_no_obstacle(tmp_path) -> None:
    table = pa.table(columns_of())
    for n, rows in enumerate([table[:0], table, table[:0]]):
        path = tmp_path / "s" / f"{n}.parquet"
        write(path, dict(zip(rows.column_names, rows.columns, strict=True)))

    columns = read(tmp_path / "s")

    assert columns.n_rows == N
    assert ids_of(columns, "item") == columns_of()["item"]


def test_types_are_refused_even_where_there_are_no_rows(tmp_path) -> None:
    columns = {name: pa.array([], pa.float64()) for name in KINDS}

    with pytest.raises(DataError, match=r"user column holds double.*ids"):
        read(write(tmp_path / "r.parquet", columns))


def test_a_file_that_lacks_a_column_is_named_with_its_first_row(tmp_path) -> None:
    write(tmp_path / "s" / "1.parquet", columns_of())
    others = {n: c for n, c in columns_of().items() if n != "rating"}
    write(tmp_path / "s" / "2.parquet", others)

    with pytest.raises(DataError, match=r"s/2\.parquet, row 1: the rating is empty"):
        read(tmp_path / "s")


def test_a_file_that_is_damaged_behind_its_first_batch_is_named(tmp_path) -> None:
    for n in (1, 2):
        write(tmp_path / "s" / f"{n}.parquet", columns_of())
    path = tmp_path / "s" / "2.parquet"
    last = parquet.ParquetFile(path).metadata.row_group(3).column(0)
    content = bytearray(path.read_bytes())
    start = last.dictionary_page_offset or last.data_page_offset
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"s/2\.parquet is not a Parquet file, or is"):
        read(tmp_path / "s")


@pytest.mark.parametrize("n_rows", [N - 1, N + 1])
def test_a_file_with_other_rows_than_it_states_is_refused(
    tmp_path, monkeypatch, n_rows
) -> None:
    path = write(tmp_path / "r.parquet", columns_of())
    monkeypatch.setattr(parquet_tables._Part, "n_rows", n_rows)

    with pytest.raises(DataError, match=f"has other rows than the {n_rows}"):
        read(path)


def test_dates_are_read_batch_by_batch(tmp_path) -> None:
    days = [datetime.date(2001, 1, 1 + n) for n in range(N)]
    table = open_parquet(write(tmp_path / "r.parquet", {"timestamp": days}))

    columns = table.read({"timestamp": Wanted(0, "id")})

    assert ids_of(columns, "timestamp") == texts(days)


def test_a_group_of_all_rows_is_read_in_batches(tmp_path) -> None:
    path = write(tmp_path / "r.parquet", columns_of(), group=N)

    opened = open_parquet(path).load(["user", "rating"])
    lengths = list(map(len, opened))

    assert opened.n_rows == N
    assert lengths[0] == 0
    assert sum(lengths) == N
    assert max(lengths) <= BATCH


def test_a_table_in_memory_is_gone_through_in_batches() -> None:
    table = pa.table({"n": range(N)})

    batches = list(Stream.of(table))

    assert max(map(len, batches)) <= BATCH
    assert [n for batch in batches for n in batch["n"].to_pylist()] == list(range(N))


def test_what_was_gone_through_of_a_table_is_freed(monkeypatch) -> None:
    n = 1 << 17
    monkeypatch.setattr(stream, "BATCH_ROWS", n)
    before = pa.total_allocated_bytes()
    chunks = pa.chunked_array([pa.array([1.5, 2.5] * n)[:n] for _ in range(6)])
    opened = Stream.of(pa.table({"n": chunks}))
    del chunks

    held = [pa.total_allocated_bytes() - before for _ in opened]

    assert held[0] >= 6 * 8 * n
    assert all(later < earlier for earlier, later in pairwise(held[1:]))


def test_long_columns_are_mapped_from_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", N)
    path = write(tmp_path / "r.parquet", columns_of())

    columns = read(path)

    whole = (columns.ids["user"].codes, columns.ids["item"].codes)
    for column in (*whole, columns.numbers["rating"], columns.seconds["timestamp"]):
        assert is_mapped(column)
    assert ids_of(columns, "user") == texts(columns_of()["user"])

"""Tables: what is written is what is read, and what is wrong is named by its line."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchbox.data.tables.fields import Columns, Wanted
from benchbox.data.tables.table import ArrowTable, Table, open_table
from benchbox.errors import DataError

WANTED = {
    "user": Wanted(0, "id"),
    "item": Wanted(1, "id"),
    "rating": Wanted(2, "number"),
}
PATH_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def table_of(folder: Path, text: str, name: str = "r.csv", **layout: str) -> Table:
    path = folder / name
    path.write_bytes(text.encode())
    return open_table(path, **layout)


def read(table: Table, *, headed: bool = False) -> Columns:
    return table.read(WANTED, headed=headed)


def ids_of(columns: Columns, name: str) -> list[str]:
    column = columns.ids[name]
    return [column.names[code] for code in column.codes]


fields = st.text("ab1 é'#-", min_size=1, max_size=5).filter(str.strip)
numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
rows_strategy = st.lists(st.tuples(fields, fields, numbers), min_size=1, max_size=20)


@PATH_IS_REUSED
@given(rows=rows_strategy, delimiter=st.sampled_from(["\t", ",", ";", "|", "::"]))
def test_what_is_written_is_read(tmp_path, rows, delimiter) -> None:
    text = "".join(f"{u}{delimiter}{i}{delimiter}{r}\n" for u, i, r in rows)

    columns = read(table_of(tmp_path, text, delimiter=delimiter))

    assert ids_of(columns, "user") == [row[0].strip() for row in rows]
    assert ids_of(columns, "item") == [row[1].strip() for row in rows]
    assert columns.numbers["rating"].tolist() == [row[2] for row in rows]


@PATH_IS_REUSED
@given(rows=rows_strategy)
def test_parquet_and_text_are_read_alike(tmp_path, rows) -> None:
    users, items, values = zip(*rows, strict=True)
    path = tmp_path / "r.parquet"
    pa.parquet.write_table(pa.table({"u": users, "i": items, "r": values}), path)

    columns = open_table(path).read(WANTED, headed=True)

    assert ids_of(columns, "user") == [user.strip() for user in users]
    assert ids_of(columns, "item") == [item.strip() for item in items]
    assert columns.numbers["rating"].tolist() == list(values)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.data", "1\t2\t3\n4\t5\t1\n"),
        ("r.csv", "1,2,3\n4,5,1\n"),
        ("r.csv", "1;2;3\n4;5;1\n"),
        ("r.csv", '"1","2",3\n"4","5",1\n'),
        ("r.dat", "1::2::3\n4::5::1\n"),
        ("r.tsv", "1\t2\t3\r\n4\t5\t1\r\n"),
        ("r.txt", "1 2 3\n4 5 1\n"),
        ("r.csv", "\n1,2,3\n\n4,5,1\n\n"),
        ("r.csv", "\ufeff1,2,3\n4,5,1"),
    ],
)
def test_usual_files_need_no_layout(tmp_path, name, text) -> None:
    columns = read(table_of(tmp_path, text, name))

    assert ids_of(columns, "user") == ["1", "4"]
    assert ids_of(columns, "item") == ["2", "5"]
    assert columns.numbers["rating"].tolist() == [3.0, 1.0]


def test_a_header_is_no_row(tmp_path) -> None:
    columns = read(table_of(tmp_path, "u,i,r\n1,2,3\n"), headed=True)

    assert columns.n_rows == 1


@pytest.mark.parametrize("text", ["u,i,r", "u,i,r\n", "\n\nu,i,r\n\n"])
def test_a_header_alone_is_a_table_without_rows(tmp_path, text) -> None:
    columns = read(table_of(tmp_path, text), headed=True)

    assert columns.n_rows == 0
    assert len(columns.ids["user"]) == 0


def test_compressed_text_is_read(tmp_path) -> None:
    path = tmp_path / "r.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n"))

    assert ids_of(read(open_table(path)), "item") == ["2"]


def test_ids_are_kept_as_they_are_spelt(tmp_path) -> None:
    columns = read(table_of(tmp_path, "007,NA,3\nnull,1.0,4\n"))

    assert ids_of(columns, "user") == ["007", "null"]
    assert ids_of(columns, "item") == ["NA", "1.0"]


def test_many_blocks_share_one_spelling_of_each_id(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchbox.data.tables.text._BLOCK_BYTES", 256)
    text = "".join(f"{n % 7},{n},3\n" for n in range(500))

    columns = read(table_of(tmp_path, text))

    assert ids_of(columns, "user") == [str(n % 7) for n in range(500)]
    assert len(columns.ids["user"].names) == 7


def test_latin_1_is_read_when_stated(tmp_path) -> None:
    path = tmp_path / "u.item"
    path.write_bytes("1|Misérables|3\n".encode("latin-1"))

    assert ids_of(read(open_table(path, encoding="latin-1")), "item") == ["Misérables"]


def test_another_encoding_than_stated_is_said_so(tmp_path) -> None:
    path = tmp_path / "u.item"
    path.write_bytes("1|Misérables|3\n".encode("latin-1"))

    with pytest.raises(DataError, match=r"is not utf-8 text.*encoding=latin-1"):
        open_table(path)


def test_a_quote_is_a_letter_outside_csv(tmp_path) -> None:
    columns = read(table_of(tmp_path, '"a\tb"\t3\n', "r.tsv"))

    assert ids_of(columns, "user") == ['"a']


def test_quoted_fields_hold_delimiters_and_line_breaks(tmp_path) -> None:
    table = table_of(tmp_path, '1,2,3,"a,b\nc"\n4,"5,5",6,d\n')

    columns = table.read({**WANTED, "title": Wanted(3, "text")}, headed=False)

    assert columns.texts["title"].tolist() == ["a,b\nc", "d"]
    assert ids_of(columns, "item") == ["2", "5,5"]


def test_names_of_columns_may_have_line_breaks(tmp_path) -> None:
    table = table_of(tmp_path, '\n"the\nuser",i,r,x\n1,2,3,4\n5,6,7,8\n')

    columns = table.read(WANTED, headed=True)

    assert table.first[0] == "the\nuser"
    assert ids_of(columns, "user") == ["1", "5"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("1,2", "line 4 has 2 columns instead of 3"),
        ("1,2,3,4", "line 4 has 4 columns instead of 3"),
        ("1,2,good", "line 4: the rating 'good' is not a finite number"),
        ("1,2,", "line 4: the rating '' is not a finite number"),
        ("1,2,nan", "line 4: the rating 'nan' is not a finite number"),
        ("1,2,inf", "line 4: the rating 'inf' is not a finite number"),
        ("1,2,1_0", "line 4: the rating '1_0' is not a finite number"),
        (",2,3", "line 4: the user id is empty"),
        ("1,,3", "line 4: the item id is empty"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", "\t", "::"])
def test_a_wrong_line_is_named(tmp_path, wrong, message, delimiter) -> None:
    text = f"u,i,r\n\n9,9,3\n{wrong}\n8,8,3\n".replace(",", delimiter)

    with pytest.raises(DataError) as raised:
        read(table_of(tmp_path, text, delimiter=delimiter), headed=True)

    assert message in str(raised.value)
    assert "r.csv" in str(raised.value)


@PATH_IS_REUSED
@given(n_blank=st.integers(0, 3), row=st.integers(0, 4), headed=st.booleans())
def test_where_counts_blank_and_header_lines(tmp_path, n_blank, row, headed) -> None:
    lines = ["u,i,r"] * headed + [""] * n_blank + [f"{n},1,3" for n in range(5)]

    where = table_of(tmp_path, "\n".join(lines)).where(row, headed=headed)

    assert where == f"r.csv, line {lines.index(f'{row},1,3') + 1}"


def test_an_empty_file_is_said_so(tmp_path) -> None:
    with pytest.raises(DataError, match=r"r\.csv is empty"):
        table_of(tmp_path, "\n\n")


def test_a_line_without_end_is_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchbox.data.tables.text._BLOCK_BYTES", 1 << 20)
    table = table_of(tmp_path, "a,2,3\n" + "b" * (2 << 20) + ",2,3\n")

    with pytest.raises(DataError, match=r"r\.csv .*: a line is longer than 1 MiB"):
        read(table)


def test_there_is_no_line_for_a_row_that_is_not_there(tmp_path) -> None:
    with pytest.raises(IndexError):
        table_of(tmp_path, "1,2,3\n").where(1, headed=False)


def test_a_broken_parquet_file_is_said_so(tmp_path) -> None:
    with pytest.raises(DataError, match=r"r\.parquet is not a Parquet file"):
        table_of(tmp_path, "1,2,3\n", "r.parquet")


def parquet_table(folder: Path, **columns: object) -> Table:
    pa.parquet.write_table(pa.table(columns), folder / "r.parquet")
    return open_table(folder / "r.parquet")


def test_a_parquet_row_without_a_rating_is_named(tmp_path) -> None:
    table = parquet_table(tmp_path, u=[1, 2], i=[1, 2], r=[3.0, None])

    with pytest.raises(DataError, match=r"r\.parquet, row 2: the rating is empty"):
        read(table)


def test_a_parquet_row_with_nan_is_named(tmp_path) -> None:
    table = parquet_table(tmp_path, u=[1, 2, 3], i=[1, 2, 3], r=[3.0, np.nan, 1.0])

    with pytest.raises(DataError, match=r"row 2: the rating"):
        read(table)


def test_parquet_text_is_no_number(tmp_path) -> None:
    table = parquet_table(tmp_path, u=[1], i=[1], r=["good"])

    with pytest.raises(DataError, match="rating column holds string"):
        read(table)


def test_parquet_fractions_are_no_ids(tmp_path) -> None:
    table = parquet_table(tmp_path, u=[1.0], i=[1], r=[3.0])

    with pytest.raises(DataError, match=r"user column holds double.*ids"):
        read(table)


def test_parquet_times_are_seconds(tmp_path) -> None:
    times = pa.array([1_500_000_000_123], pa.timestamp("ms"))
    table = parquet_table(tmp_path, t=times)

    columns = table.read({"timestamp": Wanted(0, "number")}, headed=True)

    assert columns.numbers["timestamp"].tolist() == [1_500_000_000.0]


@pytest.mark.parametrize("kind", ["int8", "uint64", "int64"])
def test_parquet_integers_are_ids_as_they_are_written(tmp_path, kind) -> None:
    users = [7, 100, 7] if kind == "int8" else [7, 2**63 - 1, 7]
    table = parquet_table(
        tmp_path, u=pa.array(users, getattr(pa, kind)()), i=[-1, 0, 12], r=[1] * 3
    )

    columns = read(table)

    assert ids_of(columns, "user") == list(map(str, users))
    assert ids_of(columns, "item") == ["-1", "0", "12"]


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("float32", "float32"), ("int8", "float32"), ("int32", "float64")],
)
def test_parquet_ratings_keep_their_values_in_the_smaller_type_that_holds_them(
    tmp_path, kind, kept
) -> None:
    values = [0.5, 0.1, -4.5] if kind == "float32" else [1, 0, -4]
    stored = pa.array(values, getattr(pa, kind)())
    table = parquet_table(tmp_path, u=[1, 2, 3], i=[1, 2, 3], r=stored)

    numbers = read(table).numbers["rating"]

    assert numbers.tolist() == stored.to_pylist()
    assert numbers.dtype == kept


def test_parquet_dictionaries_are_ids(tmp_path) -> None:
    table = parquet_table(
        tmp_path,
        u=pa.array(["b", "a", "b"]).dictionary_encode(),
        i=[1, 2, 3],
        r=[1] * 3,
    )

    assert ids_of(read(table), "user") == ["b", "a", "b"]


def test_text_columns_keep_empty_fields(tmp_path) -> None:
    table = table_of(tmp_path, "1,,3\n2,b,4\n")

    columns = table.read({"title": Wanted(1, "text")}, headed=False)

    assert columns.texts["title"].tolist() == ["", "b"]


@PATH_IS_REUSED
@example(lines=[["a", "a", '"'], ["a", '""', "a"]], delimiter=",")
@given(
    lines=st.lists(
        st.lists(st.text('ab" ', min_size=1, max_size=3), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from([",", ";", "\t", " "]),
)
def test_quotes_never_make_one_row_of_several(tmp_path, lines, delimiter) -> None:
    rows = [list("ab3c"), *([*fields[:2], "3", fields[2]] for fields in lines)]
    text = "".join(delimiter.join(row) + "\n" for row in rows)
    try:
        columns = read(table_of(tmp_path, text, delimiter=delimiter))
    except DataError:
        return

    assert columns.n_rows == len(rows)
    for names in (columns.ids["user"].names, columns.ids["item"].names):
        assert all(name == name.strip() and "\n" not in name for name in names)


def test_descriptions_may_have_lines_with_as_many_commas_as_rows(tmp_path) -> None:
    table = table_of(tmp_path, 'id,text,x\n1,"one\na, b, c",2\n3,"two",4\n')

    columns = table.read({"text": Wanted(1, "text")}, headed=True)

    assert columns.texts["text"].tolist() == ["one\na, b, c", "two"]


def test_long_ids_are_read_past_the_limit_of_pythons_own_reader(tmp_path) -> None:
    long = "x" * 200_000

    columns = read(table_of(tmp_path, f"{long},2,3\n1,{long},3\n"))

    assert ids_of(columns, "user") == [long, "1"]
    assert ids_of(columns, "item") == ["2", long]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(pa.string(), True), (pa.date32(), True), (pa.int64(), False)],
)
def test_a_column_whose_type_is_known_is_not_read_to_find_it(kind, expected) -> None:
    schema = pa.schema([("user", pa.int64()), ("time", kind)])
    table = ArrowTable(Path("r.parquet"), ("user", "time"), pytest.fail, schema=schema)

    assert table.holds_dates(1) is expected

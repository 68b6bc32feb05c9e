"""Plain text: taken only if every spelling is the shortest, and then read alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbox.data.tables import compiled_text, fast_text
from benchbox.data.tables.fast_text import looks_plain, read_plain
from benchbox.data.tables.fields import Columns, Wanted
from benchbox.data.tables.plain_columns import PlainText
from benchbox.data.tables.table import TextTable

WANTED = {
    "user": Wanted(0, "id"),
    "item": Wanted(1, "id"),
    "rating": Wanted(2, "number"),
    "timestamp": Wanted(3, "seconds"),
}
PATH_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

ids = st.integers(0, 10**8 - 1)
rows_strategy = st.lists(
    st.tuples(ids, ids, st.sampled_from(["1", "3.0", "4.50", "0.1"]), st.integers(0)),
    min_size=1,
    max_size=30,
)


@pytest.fixture(params=["by Arrow", "compiled"], autouse=True)
def reader(request, monkeypatch) -> str:
    """Read every file as a large one, in small blocks, or none."""
    is_compiled = request.param == "compiled"
    monkeypatch.setattr(fast_text, "LARGE_BYTES", 0 if is_compiled else 1 << 62)
    monkeypatch.setattr(compiled_text, "_BLOCK_BYTES", 16)
    return request.param


def plain(
    folder: Path, text: str, delimiter: str = ",", wanted: dict[str, Wanted] = WANTED
) -> Columns | None:
    path = folder / "r.csv"
    path.write_bytes(text.encode())
    layout = PlainText(
        path=path, delimiter=delimiter, n_columns=4, n_skipped=0, block_bytes=1 << 10
    )
    return read_plain(layout, wanted)


def spelt(columns: Columns, name: str) -> list[str]:
    column = columns.ids[name]
    return [column.names[code] for code in column.codes]


@PATH_IS_REUSED
@given(
    rows=st.lists(
        st.tuples(
            ids, ids, st.sampled_from(["1", "4.50", "0.1"]), st.integers(0, 9**9)
        ),
        min_size=1,
        max_size=30,
    ),
    delimiter=st.sampled_from([",", "\t", "::"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    has_end=st.booleans(),
)
def test_plain_text_is_read(tmp_path, rows, delimiter, end, has_end) -> None:
    text = end.join(delimiter.join(map(str, row)) for row in rows) + end * has_end

    columns = plain(tmp_path, text, delimiter)

    assert columns is not None
    assert spelt(columns, "user") == [str(row[0]) for row in rows]
    assert spelt(columns, "item") == [str(row[1]) for row in rows]
    assert columns.numbers["rating"].tolist() == [float(row[2]) for row in rows]
    assert columns.seconds["timestamp"].tolist() == [row[3] for row in rows]
    assert columns.ids["user"].names == [
        str(number) for number in sorted({row[0] for row in rows})
    ]


@pytest.mark.parametrize(
    "strange",
    [
        "07,2,3,4",
        " 7,2,3,4",
        "7 ,2,3,4",
        "0x7,2,3,4",
        "0x5F5E100,2,3,4",
        "100000000,2,3,4",
        "-7,2,3,4",
        "+7,2,3,4",
        '"7",2,3,4',
        "7,2,3,04",
        "7,2,3,4.5",
        "7,2,3,-4",
        "7,2,nan,4",
        "7,2,inf,4",
        "7,2,x,4",
        "7,2,,4",
        "7,2,3,",
        ",2,3,4",
        "a,2,3,4",
        "7,2,3",
        "7,2,3,4,5",
    ],
)
def test_anything_else_is_left_to_the_other_reader(tmp_path, strange) -> None:
    assert plain(tmp_path, f"1,2,3,4\n{strange}\n5,6,3,4\n") is None


def test_a_short_spelling_never_makes_up_for_a_long_one(tmp_path) -> None:
    # The ratings 3 and 3.0 are one number, yet each counts as it is spelt.
    assert plain(tmp_path, "1,2,3.0,4\n07,2,3,4\n7,2,3.0,4\n") is None


def test_a_field_between_two_delimiters_is_noticed(tmp_path) -> None:
    assert plain(tmp_path, "1::2::3::4\n1:9:3::3::4\n", "::") is None


def test_ratings_keep_their_precision(tmp_path) -> None:
    halves = plain(tmp_path, "1,2,3.5,4\n")
    tenths = plain(tmp_path, "1,2,3.7,4\n")

    assert halves is not None
    assert tenths is not None
    assert halves.numbers["rating"].dtype == np.float32
    assert tenths.numbers["rating"].tolist() == [3.7]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["7", "2", "3", "4"], True),
        (["07", "2", "3", "4"], False),
        (["7", "b", "3", "4"], False),
        (["7", "2", "3", "4.5"], False),
        (["7", "2", "3"], False),
    ],
)
def test_the_head_tells_whether_an_attempt_pays_off(row, expected) -> None:
    assert looks_plain([["1", "2", "3", "4"], row], WANTED) is expected


def test_ratings_of_many_levels_are_parsed_as_numbers() -> None:
    head = [["1", "2", f"0.{n}", "4"] for n in range(1000)]

    assert not looks_plain(head, WANTED)


def test_nothing_is_not_plain() -> None:
    assert not looks_plain([], WANTED)


@PATH_IS_REUSED
@given(lines=st.lists(st.text('0179,."\r -x', max_size=12), min_size=1, max_size=6))
def test_what_is_plain_is_read_as_the_other_reader_reads_it(tmp_path, lines) -> None:
    text = "1,2,3.0,4\n" + "\n".join(lines)
    columns = plain(tmp_path, text)
    if columns is None:
        return

    table = TextTable(tmp_path / "r.csv", ("1", "2", "3.0", "4"), delimiter=",")
    records = [fields for _, fields in table.records()]

    assert spelt(columns, "user") == [fields[0] for fields in records]
    assert spelt(columns, "item") == [fields[1] for fields in records]
    assert columns.numbers["rating"].tolist() == [float(f[2]) for f in records]
    assert columns.seconds["timestamp"].tolist() == [int(f[3]) for f in records]


@PATH_IS_REUSED
@given(
    rows=rows_strategy,
    order=st.permutations(["user", "item", "rating", "timestamp"]),
    delimiter=st.sampled_from([",", "\t", "::", "|", "-", "e", "0"]),
)
def test_columns_may_stand_in_any_order(tmp_path, rows, order, delimiter) -> None:
    named = [dict(zip(WANTED, map(str, row), strict=True)) for row in rows]
    text = "\n".join(delimiter.join(row[name] for name in order) for row in named)
    wanted = {
        name: Wanted(place, WANTED[name].kind) for place, name in enumerate(order)
    }
    columns = plain(tmp_path, text, delimiter, wanted)

    if delimiter in (",", "\t", "::", "|") and all(row[3] < 2**63 for row in rows):
        assert columns is not None
    if columns is not None:
        assert spelt(columns, "item") == [str(row[1]) for row in rows]
        assert columns.seconds["timestamp"].tolist() == [row[3] for row in rows]
        assert columns.numbers["rating"].tolist() == [float(row[2]) for row in rows]

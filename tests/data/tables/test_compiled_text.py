"""The compiled reader: every row once, whatever the blocks, or none."""

from pathlib import Path

import pytest

from benchbox.arrays import mapped
from benchbox.data.tables import compiled_text
from benchbox.data.tables.compiled_text import read_compiled
from benchbox.data.tables.fields import Columns, Wanted
from benchbox.data.tables.plain_columns import NotPlainError, PlainText
from tests.support.maps import is_mapped

WANTED = {
    "user": Wanted(0, "id"),
    "item": Wanted(1, "id"),
    "rating": Wanted(2, "number"),
    "timestamp": Wanted(3, "seconds"),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(compiled_text, "_BLOCK_BYTES", 16)


def read(folder: Path, text: bytes, n_skipped: int = 0) -> Columns:
    path = folder / "r.csv"
    path.write_bytes(text)
    layout = PlainText(
        path=path, delimiter=",", n_columns=4, n_skipped=n_skipped, block_bytes=1
    )
    return read_compiled(layout, WANTED)


def items_of(columns: Columns) -> list[str]:
    column = columns.ids["item"]
    return [column.names[code] for code in column.codes]


def test_long_columns_are_mapped_from_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 1)

    found = read(tmp_path, b"1,2,3.5,4\n5,2,4.5,8\n")

    codes = [found.ids[name].codes for name in ("user", "item")]
    numbers = [found.numbers["rating"], found.seconds["timestamp"]]
    assert all(map(is_mapped, [*codes, *numbers]))
    assert [column.tolist() for column in codes] == [[0, 1], [0, 0]]
    assert [column.tolist() for column in numbers] == [[3.5, 4.5], [4, 8]]


@pytest.mark.parametrize("size", range(8, 40))
def test_rows_are_read_once_wherever_blocks_begin(tmp_path, monkeypatch, size) -> None:
    monkeypatch.setattr(compiled_text, "_BLOCK_BYTES", size)
    lines = [f"{n},{n * n},{n % 7},{n * 10**6}" for n in range(200)]
    for end, has_end in (("\n", True), ("\n", False), ("\r\n", True)):
        text = "user,item,rating,timestamp\n" + end.join(lines) + end * has_end

        found = read(tmp_path, text.encode(), n_skipped=1)

        assert found.n_rows == 200
        assert items_of(found) == [str(n * n) for n in range(200)]
        assert found.seconds["timestamp"].tolist() == [n * 10**6 for n in range(200)]
        assert found.numbers["rating"].tolist() == [float(n % 7) for n in range(200)]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"1,2,3,4\n\n5,6,3,4\n",
        b"1,2,3,4\r5,6,3,4\n",
        b"1,2,3.00000001,4\n",
        b"1,2,3,1234567890123456789\n",
        b"1,2,3_0,4\n",
        b"1,2,e,4\n",
        b"1,2,1e99,4\n",
        b"\xef\xbb\xbf1,2,3,4\n",
        b"1,2,3,4\n5,6",
        b"1,2,3,4" + b" " * 5000 + b"\n",
    ],
)
def test_the_compiled_reader_leaves_what_it_does_not_know(tmp_path, text) -> None:
    with pytest.raises(NotPlainError):
        read(tmp_path, text)


def test_a_header_of_several_lines_is_left_to_others(tmp_path) -> None:
    text = b"user,item,rating,time\r1,2,3,4\n5,6,3,4\n"

    with pytest.raises(NotPlainError):
        read(tmp_path, text, n_skipped=1)


def test_a_file_may_have_more_spellings_than_a_block(tmp_path) -> None:
    rows = [f"1,{n},{n / 100},4\n".encode() for n in range(300)]

    found = read(tmp_path, b"".join(rows))

    assert found.numbers["rating"].tolist() == [n / 100 for n in range(300)]


def test_a_block_may_have_as_many_spellings_as_a_byte_has_values(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(compiled_text, "_BLOCK_BYTES", 1 << 20)
    rows = [f"1,{n},{n / 100},4\n".encode() for n in range(256)]

    found = read(tmp_path, b"".join(rows))

    assert found.numbers["rating"].tolist() == [n / 100 for n in range(256)]


def test_too_many_spellings_in_a_block_are_left_to_others(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(compiled_text, "_BLOCK_BYTES", 1 << 20)
    rows = b"".join(f"1,{n},{n / 100},4\n".encode() for n in range(257))

    with pytest.raises(NotPlainError):
        read(tmp_path, rows)

"""Ids obey one rule: blanks around them do not count, and some texts are no ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.ids import flaw_of, plain_id, plain_ids
from benchbox.data.raw import IdColumn
from benchbox.errors import DataError


def where(row: int) -> str:
    return f"row {row + 1}"


def spelt(column: IdColumn) -> list[str]:
    return [column.names[code] for code in column.codes]


@given(ids=st.lists(st.text(min_size=1).filter(lambda text: flaw_of(text) is None)))
def test_every_id_becomes_plain_and_keeps_its_row(ids) -> None:
    column, notes = plain_ids(IdColumn.of(ids), "user", where)

    assert spelt(column) == [plain_id(text) for text in ids]
    assert len(set(column.names)) == len(column.names)
    assert bool(notes) == any(text != plain_id(text) for text in ids)


def test_plain_ids_are_left_as_they_are() -> None:
    column = IdColumn.of(["b", "a b", "b"])

    assert plain_ids(column, "user", where) == (column, ())


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        ("", "is empty"),
        (" \t", "is empty"),
        ("a\0", "NUL"),
        ("\0", "NUL"),
        ("a\nb", "line break"),
        ("a\r", "line break"),
    ],
)
def test_what_is_no_id_is_refused_with_its_first_row(wrong, flaw) -> None:
    with pytest.raises(DataError, match=rf"row 3: the item id .*{flaw}"):
        plain_ids(IdColumn.of(["a", " b", wrong, wrong]), "item", where)


def test_ids_that_no_row_has_do_not_count() -> None:
    column = IdColumn(codes=np.zeros(2, dtype=np.int32), names=["a", "", "b "])

    assert plain_ids(column, "user", where) == (column, ())


def test_a_column_of_texts_keeps_each_of_them_whole() -> None:
    assert spelt(IdColumn.of(["5", "5\0", "5"])) == ["5", "5\0", "5"]
    assert spelt(IdColumn.of(np.array([7, 5]))) == ["7", "5"]
    assert spelt(IdColumn.of([7, 5])) == ["7", "5"]


def test_a_column_of_texts_takes_no_more_than_its_own_space() -> None:
    long = "x" * 1_000_000

    column = IdColumn.of([long, *map(str, range(50_000))])  # 200 GB of fixed width.

    assert spelt(column)[0] == long

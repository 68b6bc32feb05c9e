"""Fitting: no line is wider than the terminal, and what is not shown is said."""

from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import counted
from benchbox.reports.fitting import TextTable, fitted, paragraph, remark

LABELS = ["bias", "stacked-autoencoder:hidden_units=300-50-300,dropout=0.5"]

TABLE = TextTable(
    headings=["model", "RMSE", "MAE", "coverage", "parameters"],
    rows=[
        [LABELS[0], "0.9000 ±0.0100", "0.7000 ±0.0100", "100 %", "501"],
        [LABELS[1], "0.8500 ±0.0200", "0.6500 ±0.0200", "99.9 %", "12 k"],
    ],
    gives_way=[4, 3, 2],
    short={1: ["0.9000", "0.8500"], 2: ["0.7000", "0.6500"]},
)

labels = st.text("ab-:,=1 ", max_size=60)
cells = st.text("0123.±", max_size=12)


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_table_that_fits_is_shown_in_full() -> None:
    table = fitted(TABLE, 120)

    assert table.text.splitlines()[0].split() == [*TABLE.headings]
    assert LABELS[1] in table.text
    assert table.left_out == []
    assert remark(table.left_out, 120, "elsewhere") == []


def test_spreads_go_first_then_labels_are_folded_then_columns_go() -> None:
    without_spreads, folded, without_columns, least = (
        fitted(TABLE, width) for width in (101, 80, 50, 40)
    )

    assert without_spreads.left_out == ["some ±"]
    assert LABELS[1] in without_spreads.text
    assert "0.8500 ±0.0200  0.6500" in without_spreads.text
    assert folded.left_out == ["some ±"]
    assert LABELS[1] not in folded.text
    assert [len(lines) for lines in folded.rows] == [1, 3]
    assert without_columns.left_out == ["parameters", "coverage", "some ±"]
    assert least.left_out == ["parameters", "coverage", "MAE", "some ±"]
    assert "0.8500 ±" not in least.text


def test_a_folded_label_ends_its_lines_where_options_end() -> None:
    (_, lines) = fitted(TABLE, 66).rows

    parts = [line.split("  0.85")[0].strip() for line in lines]
    assert "".join(parts) == LABELS[1]
    assert all(part.endswith((",", ":")) for part in parts[:-1])


def test_numbers_stay_whole_where_text_is_folded() -> None:
    table = TextTable(headings=["what"], rows=[["1,000,209 ratings by 6,040 users"]])

    (lines,) = fitted(table, 24).rows

    assert lines == ["1,000,209 ratings by", "6,040 users"]


@given(
    rows=st.lists(st.tuples(labels, cells, cells, cells, cells), max_size=4),
    width=st.integers(40, 200),
)
def test_no_line_is_ever_wider_than_the_terminal(rows, width) -> None:
    table = TextTable(
        headings=["model", "one", "two", "three", "four"],
        rows=rows,
        gives_way=[4, 2, 3],
        short={1: [row[1][:6] for row in rows], 4: [row[4][:6] for row in rows]},
    )

    found = fitted(table, width)

    assert widest(found.text) <= width
    assert len(found.rows) == len(rows)
    # Columns go in the order stated.
    names = [name for name in found.left_out if name != "some ±"]
    assert names == ["four", "two", "three"][: len(names)]


@given(
    names=st.lists(st.text("abc", min_size=1, max_size=30), min_size=1),
    width=st.integers(60, 200),
)
def test_what_was_left_out_is_said_in_one_line_that_fits(names, width) -> None:
    (line,) = remark(names, width, "report -f csv")

    assert len(line) <= width
    assert names[0] in line or counted(len(names), "column") in line


def test_several_folded_columns_share_what_is_left() -> None:
    words = " ".join(["word"] * 30)
    table = TextTable(
        headings=["one", "two", "n"],
        rows=[[words, words, "1"]],
        words=(0, 1),
        folds=(0, 1),
    )

    narrow, wide = (fitted(table, width) for width in (60, 81))

    assert [len(part) for part in narrow.head[1].split()] == [24, 24, 1]
    assert [len(part) for part in wide.head[1].split()] == [34, 34, 1]
    assert narrow.left_out == wide.left_out == []


def test_headings_of_several_lines_stand_above_their_column() -> None:
    table = TextTable(headings=["model", "over\nusers"], rows=[["bias", "1"]])

    assert fitted(table, 80).text.splitlines() == [
        "model   over",
        "       users",
        "-----  -----",
        "bias       1",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    table = fitted(TextTable(headings=["model", "RMSE"], rows=[]), 80)

    assert table.text == "model  RMSE\n-----  ----"


def test_paragraphs_keep_names_with_hyphens_whole() -> None:
    text = paragraph("see stacked-autoencoder and biased-mf-sgd", 30, indent=2)

    assert text.splitlines() == ["see stacked-autoencoder and", "  biased-mf-sgd"]


def test_paragraphs_keep_a_number_and_its_unit_on_one_line() -> None:
    text = paragraph("in 12 s, of 80 % and 3 models", 9)

    assert text.splitlines() == ["in 12 s,", "of 80 %", "and 3", "models"]


def test_no_spread_is_missed_where_there_was_none() -> None:
    table = TextTable(
        headings=["model", "RMSE", "cost"],
        rows=[["bias", "0.9000", "1" * 30]],
        gives_way=[2, 1],
        short={1: ["0.9000"]},
    )

    assert fitted(table, 20).left_out == ["cost"]

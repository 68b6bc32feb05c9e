"""Numbers: the unit of a metric decides how its figures are written."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.metrics.metric import MAPE, RMSE
from benchbox.reports.numbers import (
    common_decimals,
    count,
    heading,
    mebibytes,
    number,
    percent,
    plain,
    score,
    seconds,
    signed,
)

BITS = replace(RMSE, title="log score", unit="bits")
FLAWED = replace(MAPE, title="MAPE × density", flaw="emptier data look better")


@pytest.mark.parametrize(
    ("metric", "head", "plain", "with_unit", "difference"),
    [
        (RMSE, "RMSE", "0.1235", "0.1235", "+0.1235"),
        (MAPE, "MAPE %", "12.35", "12.35 %", "+12.35"),
        (BITS, "log score bits", "0.1235", "0.1235 bits", "+0.1235"),
        (FLAWED, "⚠ MAPE × density %", "12.35", "12.35 %", "+12.35"),
    ],
)
def test_figures_are_written_by_their_unit(
    metric, head, plain, with_unit, difference
) -> None:
    assert heading(metric) == head
    assert number(metric, 0.123456) == plain
    assert score(metric, 0.123456) == with_unit
    assert signed(metric, 0.123456) == difference
    assert number(metric, None) == "–"


@given(n_answered=st.integers(0, 10_000), n_hidden=st.integers(1, 10_000))
def test_only_all_is_a_hundred_per_cent(n_answered, n_hidden) -> None:
    share = min(n_answered, n_hidden) / n_hidden

    assert (percent(share) == "100 %") == (share == 1)
    assert float(percent(share)[:-2]) <= share * 100 + 1e-9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (percent(None), "–"),
        (percent(0.12345), "12.3 %"),
        (percent(0.0), "0 %"),
        (seconds(None), "–"),
        (seconds(0.01234), "0.012"),
        (seconds(1.26), "1.3"),
        (seconds(0.3), "0.30"),
        (seconds(0.996), "1.0"),
        (seconds(123.4), "123"),
        (mebibytes(None), "–"),
        (mebibytes(3 * 2**19), "2"),
        (count(None), "–"),
        (count(9_999), "9999"),
        (count(12_345), "12 k"),
        (count(1_234_567), "1.23 M"),
    ],
)
def test_numbers_keep_the_digits_that_matter(text, value) -> None:
    assert text == value


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.1, 0.96], ["0.10", "0.96"]),
        ([3, 12], ["3", "12"]),
        ([0.12345, 100], ["0.1235", "100.0000"]),
        ([1e-9, 0.5], ["1e-09", "0.5"]),
        ([math.nan, 0.25], ["nan", "0.25"]),
    ],
)
def test_numbers_of_a_column_have_equal_decimals(values, shown) -> None:
    decimals = common_decimals(values)

    assert [plain(value, decimals) for value in values] == shown

"""Distributions: any answer of a model is checked, and survives being stored."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchbox.errors import ModelError
from benchbox.metrics.distribution import (
    NormalDistribution,
    StepDistribution,
    checked_distribution,
    from_table,
    table_of,
)

GOOD = [
    StepDistribution(np.array([1, 2]), np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]])),
    StepDistribution(np.array([3]), np.ones((3, 1))),
    NormalDistribution(np.array([1, 2, 3]), np.array([0.5, 1, 2])),
]


@pytest.mark.parametrize("given", GOOD)
def test_a_distribution_is_the_same_after_it_was_stored(given) -> None:
    checked = checked_distribution(given, 3)
    table = table_of(checked)
    again = from_table(table, 3)

    assert type(again) is type(given)
    assert table.dtype == np.float32
    assert table_of(again).tolist() == table.tolist()
    assert len(again) == 3


def test_any_record_with_these_fields_will_do() -> None:
    found = checked_distribution(SimpleNamespace(mean=[1, 2], spread=[1.0, 0.5]), 2)

    assert isinstance(found, NormalDistribution)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "returned a NoneType"),
        (NormalDistribution(np.zeros(2), np.ones(3)), r"a mean of shape \(2,\)"),
        (NormalDistribution(np.zeros(3), np.zeros(3)), "0 or below for 3 of 3"),
        (NormalDistribution(np.full(3, np.nan), np.ones(3)), "NaN or infinity in mean"),
        (NormalDistribution(np.array(["a"] * 3), np.ones(3)), "must be numbers"),
        (StepDistribution(np.array([2, 1]), np.ones((3, 2)) / 2), "rising steps"),
        (StepDistribution(np.arange(200), np.ones((3, 200)) / 200), "1 to 128"),
        (StepDistribution(np.array([1, 2]), np.ones((3, 2))), "the first sum to 2"),
        (
            StepDistribution(np.array([1, 2]), np.tile([1.5, -0.5], (3, 1))),
            "below 0",
        ),
        (
            StepDistribution(np.array([1, 2]), np.ones((2, 2)) / 2),
            r"it must be \(3, 2\)",
        ),
    ],
)
def test_what_is_no_distribution_is_refused_with_the_reason(
    answer: object, reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        checked_distribution(answer, 3)


@pytest.mark.parametrize(
    "answer",
    [
        NormalDistribution(np.zeros(3, np.float32), np.ones(3, np.float32)),
        StepDistribution(np.array([1, 2]), np.ones((3, 2)) / 2),
    ],
)
def test_nobody_who_is_given_distributions_can_change_them(answer) -> None:
    checked = checked_distribution(answer, 3)

    for name in ("mean", "spread", "steps", "probabilities"):
        if hasattr(checked, name):
            with pytest.raises(ValueError, match="read-only"):
                getattr(checked, name)[0] = 0
            assert getattr(answer, name).flags.writeable

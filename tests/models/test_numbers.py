"""Numbers: taken of every kind, and refused in one line where they are none."""

from typing import Any

import numpy as np
import pytest
import torch

from benchbox.errors import ModelError
from benchbox.models.numbers import as_count, as_number, as_text

TWO = (2, 2.0, np.int64(2), np.uint8(2), np.float32(2), np.array(2), torch.tensor(2))
NO_NUMBERS = (True, np.True_, "2", None, [2], np.ones(1), torch.ones(1), 2j)


@pytest.mark.parametrize("value", TWO, ids=repr)
def test_numbers_of_every_kind_are_taken(value: Any) -> None:
    assert as_number(value, "it") == 2.0
    assert type(as_number(value, "it")) is float
    assert as_count(value, "it") == 2
    assert type(as_count(value, "it")) is int
    assert as_text(value, "it") in ("2", "2.0")


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_refused_with_its_value(value: Any) -> None:
    with pytest.raises(ModelError, match=r"^it is .*; it must be a number\.$"):
        as_number(value, "it")
    with pytest.raises(ModelError, match=r"^it is .*; it must be a whole number\.$"):
        as_count(value, "it")


def test_numbers_that_no_record_can_hold_are_refused() -> None:
    with pytest.raises(ModelError, match="larger than any float"):
        as_number(10**400, "it")
    with pytest.raises(ModelError, match="must lie between 1 and"):
        as_count(2**63, "it", least=1)
    with pytest.raises(ModelError, match="must lie between 1 and"):
        as_count(0, "it", least=1)
    with pytest.raises(ModelError, match=r"1\.5; it must be a whole number"):
        as_count(1.5, "it")


def test_a_text_is_one_printable_line() -> None:
    assert as_text("a\nb\x1b", "it") == "a b\\u001b"
    with pytest.raises(ModelError, match="must be a text or a number"):
        as_text({}, "it")
    with pytest.raises(ModelError, match="must be a text or a number"):
        as_text(True, "it")

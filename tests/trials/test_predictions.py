"""Predictions: read back as they were written, and nothing else is read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import ModelError
from benchbox.trials.predictions import (
    PREDICTIONS,
    read_predictions,
    write_predictions,
)

four = np.array([1, 2, 3, 4], dtype=np.float32)


@pytest.mark.parametrize("n", [0, 1, 4, 1000])
def test_predictions_come_back_read_only_and_are_a_numpy_file(
    tmp_path: Path, n: int
) -> None:
    predicted = np.linspace(-1, 1, n, dtype=np.float32)

    write_predictions(tmp_path, predicted)
    read = read_predictions(tmp_path, n)

    assert read.dtype == np.float32
    assert read.tolist() == predicted.tolist()
    assert not read.flags.writeable
    assert np.load(tmp_path / PREDICTIONS).tolist() == predicted.tolist()


def test_predictions_of_other_pairs_are_refused(tmp_path: Path) -> None:
    write_predictions(tmp_path, four)

    for n in (0, 3, 5):
        with pytest.raises(ModelError, match="predictions"):
            read_predictions(tmp_path, n)


def test_predictions_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        write_predictions(tmp_path, np.array([1, bad, 2], dtype=np.float32))

        with pytest.raises(ModelError, match="NaN or infinity for 1 of 3 pairs"):
            read_predictions(tmp_path, 3)


@given(place=st.integers(0, 143), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_number(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    write_predictions(folder, four)
    content = bytearray((folder / PREDICTIONS).read_bytes())
    assert len(content) == 144
    content[place] = value
    (folder / PREDICTIONS).write_bytes(content)

    try:
        read = read_predictions(folder, 4)
    except ModelError:
        return

    assert np.isfinite(read).all()
    assert place >= 128 or read.tolist() == four.tolist()

"""Mapped arrays: large ones are in files, and every one can be filled."""

import os

import numpy as np
import pytest

from benchbox.arrays import mapped
from tests.support.maps import is_mapped


def test_only_large_arrays_are_mapped(monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 40)

    small, large = mapped.empty(10, np.int32), mapped.empty(11, np.int32)

    assert (is_mapped(small), is_mapped(large)) == (False, True)
    assert (small.shape, large.shape, large.dtype) == ((10,), (11,), np.int32)
    # Compiled loops know plain arrays only.
    assert type(large) is np.ndarray


def test_a_mapped_array_keeps_what_is_written(monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)

    copy = mapped.copied(np.arange(1000), np.float32)
    copy[7] = -1

    assert copy[:9].tolist() == [0, 1, 2, 3, 4, 5, 6, -1, 8]
    assert (copy[-1], len(copy), copy.dtype) == (999, 1000, np.float32)


def test_large_zeros_are_a_file_of_zeros(monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 40)

    small, large = mapped.zeros(10, np.int32), mapped.zeros(11, np.int32)

    assert (is_mapped(small), is_mapped(large)) == (False, True)
    assert (small.tolist(), large.tolist()) == ([0] * 10, [0] * 11)


def test_elements_are_gathered_into_a_file(monkeypatch) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)
    column = np.array([3, 5, 7], dtype=np.int64)

    found = mapped.gathered(column, np.array([2, 0, 2, 1]))
    exact = mapped.gathered(column, np.array([1]), np.float32)

    assert found.tolist() == [7, 3, 7, 5]
    assert is_mapped(found)
    assert (exact.tolist(), exact.dtype) == ([5.0], np.float32)


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_columns_are_joined_and_gathered_wherever_they_are(monkeypatch, most) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", most)
    # Long enough for several parts.
    places = np.arange(300_000, dtype=np.int32)[::-1]

    joined = mapped.joined([np.float32([1.5]), np.float64([0.1, 0.2])])
    gathered = mapped.gathered(np.arange(300_000) * 3, places)

    assert joined.tolist() == [1.5, 0.1, 0.2]
    np.testing.assert_array_equal(gathered, places.astype(np.int64) * 3)
    assert (is_mapped(joined), is_mapped(gathered)) == (most == 0, True)


def test_space_is_taken_where_the_system_cannot_reserve_it(monkeypatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(mapped, "_BLOCK", bytes(16))

    array = mapped.in_file(5, np.float64)
    array[:] = 1.5

    assert array.tolist() == [1.5] * 5


def test_a_full_disk_is_noticed_before_anything_is_written(monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)

    with pytest.raises(OSError, match="No space"):
        mapped.in_file(5, np.float64)
    assert not is_mapped(mapped.empty(5, np.float64))

"""Ratings in files: trials get them as they are, but neither names nor gaps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.arrays import mapped
from benchbox.data.ratings_files import map_array, map_ratings, take, write_ratings
from tests.support.toys import ratings, tiny_ratings

COLUMNS = ("users", "items", "values", "timestamps")


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("handover") / "train"


@given(data=st.data())
def test_ratings_arrive_as_they_were(data, new_folder) -> None:
    given = data.draw(ratings(with_timestamps=data.draw(st.booleans())))
    folder = new_folder()

    write_ratings(folder, given)
    arrived = map_ratings(folder)

    for name in COLUMNS:
        expected, column = getattr(given, name), getattr(arrived, name)
        assert (column is None) == (expected is None)
        if expected is not None:
            assert column.tolist() == expected.tolist()
            assert column.dtype == expected.dtype
    for name in ("n_users", "n_items", "scale"):
        assert getattr(arrived, name) == getattr(given, name)


def test_names_and_source_rows_stay_behind(tmp_path) -> None:
    write_ratings(tmp_path / "train", tiny_ratings(12))

    arrived = map_ratings(tmp_path / "train")

    assert (arrived.user_ids, arrived.item_ids, arrived.rows) == (None, None, None)
    written = b"".join(path.read_bytes() for path in (tmp_path / "train").iterdir())
    for name in ("ann0", "toy0"):
        assert name.encode() not in written
        assert name.encode("utf-32-le") not in written


@pytest.mark.parametrize("name", COLUMNS)
def test_no_model_can_write_to_what_others_share(tmp_path, name) -> None:
    write_ratings(tmp_path / "train", tiny_ratings(12))
    column = getattr(map_ratings(tmp_path / "train"), name)

    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1


def test_features_arrive_under_their_names_and_in_their_order(tmp_path) -> None:
    features = {
        "../größe": np.array([1.5, 2.5, 3.5]),
        "a/b": np.array(["x", "", "zebra"]),
        "age": np.array([7, 8, 9], dtype=np.int16),
    }
    given = replace(tiny_ratings(12), user_features=features)

    write_ratings(tmp_path / "train", given)
    arrived = map_ratings(tmp_path / "train")

    assert list(arrived.user_features) == list(features)
    for name, column in features.items():
        assert arrived.user_features[name].tolist() == column.tolist()
        assert arrived.user_features[name].dtype == column.dtype
    assert arrived.item_features is None
    assert [path.name for path in tmp_path.iterdir()] == ["train"]


def test_features_are_read_only_as_well(tmp_path) -> None:
    given = replace(tiny_ratings(12), item_features={"year": np.arange(4)})
    write_ratings(tmp_path / "train", given)

    with pytest.raises(ValueError, match="read-only"):
        map_ratings(tmp_path / "train").item_features["year"][0] = 1


def test_no_ratings_survive_the_handover(tmp_path) -> None:
    none = tiny_ratings(12).take(np.array([], dtype=np.int64))

    write_ratings(tmp_path / "history", none)
    arrived = map_ratings(tmp_path / "history")

    assert len(arrived) == 0
    assert (arrived.n_users, arrived.n_items) == (3, 4)


def test_a_table_of_no_features_stays_a_table(tmp_path) -> None:
    write_ratings(tmp_path / "train", replace(tiny_ratings(12), user_features={}))

    assert map_ratings(tmp_path / "train").user_features == {}


def test_ratings_are_never_written_over_others(tmp_path) -> None:
    write_ratings(tmp_path / "train", tiny_ratings(12))

    with pytest.raises(FileExistsError):
        write_ratings(tmp_path / "train", tiny_ratings(4))


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_arrays_of_any_length_can_be_mapped(tmp_path, n) -> None:
    np.save(tmp_path / "a.npy", np.arange(n, dtype=np.float32))

    assert map_array(tmp_path / "a.npy").tolist() == list(range(n))


PARTS = [np.arange(11, -1, -2), np.arange(0), np.arange(12)]


@pytest.mark.parametrize("positions", PARTS, ids=len)
def test_a_large_part_is_the_same_in_files(monkeypatch, positions) -> None:
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 40)
    whole = tiny_ratings(12)

    expected, taken = whole.take(positions), take(whole, positions)

    for name in (*COLUMNS, "rows"):
        column = getattr(taken, name)
        assert column.tolist() == getattr(expected, name).tolist()
        assert column.dtype == getattr(expected, name).dtype
        assert isinstance(column, np.memmap) == (len(positions) > 0)
        assert not column.flags.writeable or not len(positions)
    assert (taken.user_ids, taken.scale) == (whole.user_ids, whole.scale)


def test_a_small_part_stays_in_memory_and_so_does_any_on_a_full_disk(
    monkeypatch,
) -> None:
    whole, positions = tiny_ratings(12), np.arange(12)
    assert not isinstance(take(whole, positions).values, np.memmap)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 40)
    monkeypatch.setattr(mapped, "TemporaryFile", full)

    taken = take(whole, positions)

    assert not isinstance(taken.values, np.memmap)
    assert taken.values.tolist() == whole.values.tolist()

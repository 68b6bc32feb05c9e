"""Local kinds: each finds its files, and says why if it cannot."""

import pytest

from benchbox.data.sources.local_kinds import FolderSource, PackageSource, PathSource
from benchbox.errors import DataError, SourceError
from tests.support.sites import FILES, RATINGS, UNKNOWN, take


def test_a_users_folder_is_named_after_the_data_set(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    fetched = take(FolderSource(files=FILES))

    assert fetched.files == {"r.csv": tmp_path / "toy" / "r.csv"}
    assert fetched.origin == "local folder in BENCHBOX_DATA"


def test_a_users_folder_may_hold_the_files_itself(tmp_path, monkeypatch) -> None:
    (tmp_path / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert take(FolderSource(files=FILES)).files == {"r.csv": tmp_path / "r.csv"}


def test_another_file_above_the_folder_is_no_mistake(tmp_path, monkeypatch) -> None:
    (tmp_path / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match="BENCHBOX_DATA has no such folder"):
        take(FolderSource(files=FILES))


def test_a_folder_that_lacks_a_file_is_said_so(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match=r"toy lacks r\.csv"):
        take(FolderSource(files=FILES))


def test_a_file_above_the_folder_is_not_taken_on_its_name_alone(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    with pytest.raises(SourceError, match="BENCHBOX_DATA has no such folder"):
        take(FolderSource(files=UNKNOWN))


@pytest.mark.parametrize("place", ["toy", "toy/toy-10K", "toy-10K"])
def test_a_folder_is_found_where_the_publishers_archive_unpacks_to(
    tmp_path, monkeypatch, place
) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    fetched = take(FolderSource(files=FILES, folder="toy-10K"))

    assert fetched.files == {"r.csv": tmp_path / place / "r.csv"}


def test_an_archive_of_the_same_name_may_be_unpacked_within_its_folder(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy" / "toy").mkdir(parents=True)
    (tmp_path / "toy" / "toy" / "r.csv").write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert take(FolderSource(files=UNKNOWN)).files["r.csv"].parent.name == "toy"


def test_optional_files_are_taken_along_where_they_are(tmp_path, monkeypatch) -> None:
    for name in ("r.csv", "extra"):
        (tmp_path / name).write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    source = FolderSource(files=FILES, optional=("extra", "absent"))

    assert set(take(source).files) == {"r.csv", "extra"}


def test_a_package_can_ship_files(tmp_path, monkeypatch) -> None:
    (tmp_path / "shipping" / "data").mkdir(parents=True)
    (tmp_path / "shipping" / "__init__.py").touch()
    (tmp_path / "shipping" / "data" / "r.csv").write_bytes(RATINGS)
    monkeypatch.syspath_prepend(tmp_path)

    fetched = take(PackageSource(package="shipping", folder="data", files=FILES))

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "shipped with shipping"


@pytest.mark.parametrize("name", ["../r.csv", "/r.csv", "in/r.csv", "..", ""])
def test_a_file_name_of_a_source_is_plain(name) -> None:
    with pytest.raises(DataError, match="not a plain file name"):
        FolderSource(files={name: "0" * 64})


def test_a_package_that_is_not_installed_is_passed_over() -> None:
    with pytest.raises(SourceError, match="no_such_package is not installed"):
        take(PackageSource(package="no_such_package", files=FILES))


def test_a_package_that_lacks_a_file_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match=r"no file .*benchbox/r\.csv"):
        take(PackageSource(package="benchbox", files=FILES))


def test_a_source_names_a_file() -> None:
    with pytest.raises(DataError, match="has no files"):
        FolderSource(files={})


def test_own_files_are_titled_by_their_paths(tmp_path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(RATINGS)
    source = PathSource(
        files={"train": str(tmp_path / "a.csv"), "test": str(tmp_path / "b.csv")}
    )
    notes: list[str] = []

    fetched = take(source, notes=notes)

    assert fetched.origin == f"own file {tmp_path}/a.csv and {tmp_path}/b.csv"
    assert fetched.files == {"train": tmp_path / "a.csv", "test": tmp_path / "b.csv"}
    assert notes == []

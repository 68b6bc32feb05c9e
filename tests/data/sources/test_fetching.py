"""Fetching: the first source that works is taken, and every file is proved."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from benchbox.data.sources.fetching import locate
from benchbox.data.sources.local_kinds import FolderSource, PackageSource, PathSource
from benchbox.data.sources.remote_kinds import UrlSource
from benchbox.data.sources.source import LocalFiles
from benchbox.errors import DataError, SourceError
from tests.support.sites import FILES, RATINGS, UNKNOWN, archive, from_site, take


def test_a_missing_own_file_is_told_with_the_nearest(tmp_path) -> None:
    (tmp_path / "ratings.csv").touch()

    with pytest.raises(DataError, match=r"no file .*rating\.csv.*mean 'ratings\.csv'"):
        take(PathSource(files={"train": str(tmp_path / "rating.csv")}))


def test_a_wrong_file_in_a_users_folder_is_an_error(tmp_path, monkeypatch) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    found = hashlib.sha256(b"else").hexdigest()

    with pytest.raises(DataError) as raised:
        take(FolderSource(files=FILES))

    assert found in str(raised.value)
    assert FILES["r.csv"] in str(raised.value)
    assert "Nothing was read" in str(raised.value)


def test_a_users_file_of_unknown_hash_is_taken_and_said_to_be_unverified(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy").mkdir()
    for name in ("r.csv", "b.csv"):
        (tmp_path / "toy" / name).write_bytes(RATINGS)
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    notes: list[str] = []

    source = FolderSource(files={**UNKNOWN, "b.csv": ""})
    fetched = take(source, notes=notes)

    assert fetched.files["r.csv"] == tmp_path / "toy" / "r.csv"
    assert fetched.origin == "local folder in BENCHBOX_DATA, unverified"
    assert notes == [
        f"toy: r.csv and b.csv in {tmp_path / 'toy'}: unverified, as the SHA-256 is "
        f"not known."
    ]


def test_the_next_source_is_tried_and_the_failure_told(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", folder="in", files=FILES)
    notes: list[str] = []

    assert take(closed, from_site(site), notes=notes).files
    assert notes[0].startswith("toy: 127.0.0.1 cannot be reached (Connection")
    assert notes[0].endswith("; skipped.")


def test_when_nothing_works_every_reason_and_two_ways_out_are_told() -> None:
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES)

    with pytest.raises(SourceError) as raised:
        take(FolderSource(files=FILES), closed)

    for part in ("BENCHBOX_DATA is not set", "127.0.0.1 cannot be", "-d synthetic"):
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)


def test_offline_nobody_is_asked(site, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    with pytest.raises(SourceError, match="BENCHBOX_OFFLINE forbids downloads"):
        take(from_site(site))

    assert not site.asked


def test_offline_the_cache_still_serves(site, monkeypatch) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site))
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    assert take(from_site(site)).origin.endswith("from the cache")


def test_the_way_out_names_the_folder_and_the_files(monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    closed = UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES)

    with pytest.raises(SourceError) as raised:
        take(FolderSource(files={**FILES, "b.csv": "", "c.csv": ""}), closed)

    assert (
        "Put r.csv, b.csv and c.csv into a folder 'toy' and name the folder above it "
        "in BENCHBOX_DATA"
    ) in str(raised.value)


def test_a_card_without_a_folder_has_no_such_way_out(monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")

    with pytest.raises(SourceError) as raised:
        take(UrlSource(url="http://127.0.0.1:9/x.zip", files=FILES))

    assert "BENCHBOX_DATA" not in str(raised.value)


def test_what_is_not_here_is_located_at_its_publishers_without_asking(site) -> None:
    found = locate("toy", [FolderSource(files=FILES), from_site(site, n_bytes=5 << 20)])

    assert not found.is_here
    assert found.origin == "127.0.0.1, 5 MiB"
    assert found.reasons == ("BENCHBOX_DATA is not set",)
    assert found.advice.startswith("put r.csv into a folder 'toy'")
    assert not site.asked


def test_a_download_is_located_in_the_cache(site) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    take(from_site(site, UNKNOWN))

    found = locate("toy", [FolderSource(files=FILES), from_site(site, UNKNOWN)])

    assert found.is_here
    assert found.origin == "127.0.0.1, from the cache, unverified"


def test_files_on_this_machine_are_located_without_reading_them(
    tmp_path, monkeypatch
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "r.csv").write_bytes(b"else")
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))

    assert locate("toy", [FolderSource(files=FILES)]).is_here
    assert locate("toy", [PackageSource(package="benchbox", files=FILES)]).is_here
    assert locate("toy", [PathSource(files={"train": "absent.csv"})]).is_here


def test_what_nobody_offers_is_nowhere() -> None:
    assert locate("toy", [FolderSource(files=FILES)]).origin == "nowhere"


class Drawer(LocalFiles, frozen=True, kw_only=True, tag="drawer"):
    """A local source as a plugin may write it."""

    inside: ClassVar[Callable[[], dict[str, Path]]]
    title: ClassVar[str] = "the drawer"

    def find(self, dataset: str) -> dict[str, Path]:
        """Return what is inside."""
        return type(self).inside()


def fail() -> dict[str, Path]:
    raise KeyError("jammed")


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (fail, "the drawer failed (KeyError: 'jammed')"),
        (dict, "the drawer lacks r.csv"),
    ],
)
def test_a_local_source_that_fails_is_passed_over(
    site, monkeypatch, inside, reason
) -> None:
    (site.folder / "data.zip").write_bytes(archive(**{"in__r.csv": RATINGS}))
    monkeypatch.setattr(Drawer, "inside", inside, raising=False)

    assert locate("toy", [Drawer(files=FILES)]).reasons == (reason,)
    assert take(Drawer(files=FILES), from_site(site)).origin == "127.0.0.1"
    with pytest.raises(SourceError) as raised:
        take(Drawer(files=FILES))
    assert reason in str(raised.value)


def test_a_file_of_a_local_source_that_is_not_there_is_an_error(
    tmp_path, monkeypatch
) -> None:
    inside = {"r.csv": tmp_path / "r.csv"}
    monkeypatch.setattr(Drawer, "inside", lambda: inside, raising=False)

    with pytest.raises(DataError, match=r"There is no file .*r\.csv"):
        take(Drawer(files=FILES))


def test_an_own_file_may_be_a_folder(tmp_path) -> None:
    found = take(PathSource(files={"train": str(tmp_path)}))

    assert found.files == {"train": tmp_path}

"""Remote kinds: each fetches its files, and says why if it cannot."""

import hashlib
from pathlib import Path

import pytest

from benchbox.data.sources import download
from benchbox.data.sources.cache import cache_folder
from benchbox.data.sources.remote_kinds import UrlSource, WheelSource
from benchbox.errors import DataError, SourceError
from tests.support.sites import FILES, RATINGS, UNKNOWN, archive, from_site, take


def test_an_address_of_each_file_has_no_optional_files() -> None:
    with pytest.raises(DataError, match=r"Move b\.csv to files"):
        UrlSource(url="https://x.invalid/{file}", files=FILES, optional=("b.csv",))


def test_single_files_are_fetched_one_by_one(site) -> None:
    (site.folder / "r.csv").write_bytes(RATINGS)

    fetched = take(UrlSource(url=f"{site.address}/{{file}}", files=FILES))

    assert fetched.files["r.csv"].read_bytes() == RATINGS


def test_single_files_can_be_known_in_part(site) -> None:
    for name in ("r.csv", "b.csv"):
        (site.folder / name).write_bytes(RATINGS)
    source = UrlSource(url=f"{site.address}/{{file}}", files={**FILES, "b.csv": ""})
    notes: list[str] = []

    assert take(source, notes=notes).origin == "127.0.0.1, unverified"
    assert [note.split()[1] for note in notes] == ["downloading", "b.csv"]


def test_an_archive_that_is_none_has_no_hash() -> None:
    with pytest.raises(DataError, match=r"each file separately.*no archive to verify"):
        UrlSource(url="https://x.invalid/{file}", files=UNKNOWN, sha256="0" * 64)


def test_members_with_odd_paths_never_escape(site, tmp_path) -> None:
    (site.folder / "data.zip").write_bytes(
        archive(**{"in__r.csv": RATINGS, "..__..__evil": b"x", "__evil": b"x"})
    )

    take(from_site(site))

    assert not list(tmp_path.rglob("evil"))


def wheel(folder: Path) -> str:
    """Make a wheel that carries the ratings; return its SHA-256."""
    folder.mkdir()
    meta = "toywheel-1.0.dist-info__"
    content = archive(
        **{
            "toywheel__data__r.csv": RATINGS,
            "toywheel____init__.py": b"raise SystemExit('imported!')",
            f"{meta}METADATA": b"Metadata-Version: 2.1\nName: toywheel\nVersion: 1.0\n",
            f"{meta}WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            f"{meta}RECORD": b"",
        }
    )
    (folder / "toywheel-1.0-py3-none-any.whl").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package index of the user's own installer settings; returns the hash."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return wheel(tmp_path / "wheels")


def from_index(sha256: str, requirement: str = "toywheel==1.0") -> WheelSource:
    return WheelSource(
        requirement=requirement, sha256=sha256, folder="toywheel/data", files=FILES
    )


def test_a_wheel_is_fetched_with_the_users_installer_and_unpacked_as_data(
    index,
) -> None:
    fetched = take(from_index(index))

    assert fetched.files["r.csv"].read_bytes() == RATINGS
    assert fetched.origin == "package index (toywheel==1.0)"
    assert not list(cache_folder().rglob("*.whl"))


def test_another_wheel_than_expected_is_refused(index) -> None:
    with pytest.raises(
        SourceError, match=r"toywheel-1.0-py3-none-any\.whl.*expected 0000"
    ):
        take(from_index("0" * 64))


def test_a_wheel_the_index_lacks_is_passed_over(index) -> None:
    with pytest.raises(SourceError, match=r"\(toywheel==9\) gave nothing to pip"):
        take(from_index(index, "toywheel==9"))


def test_an_installer_that_takes_too_long_is_passed_over(index, monkeypatch) -> None:
    monkeypatch.setattr(download, "INSTALLER_SECONDS", 0.01)

    with pytest.raises(SourceError, match=r"toywheel==1\.0\) took over 0\.01 s"):
        take(from_index(index))

"""Tar archives: wanted files come out, and nothing that means harm."""

import io
import tarfile
from pathlib import Path

import pytest

from benchbox.data.sources import archives
from benchbox.data.sources.archives import unpack
from benchbox.data.sources.source import PassedOverError

RATINGS = b"a,x,4\nb,y,2\n"


def of(name: str, content: bytes = RATINGS) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member, b""


def tar(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as opened:
        for member, content in members:
            opened.addfile(member, io.BytesIO(content))
    return file


@pytest.mark.parametrize("place", ["in/r.csv", "./in/r.csv", "elsewhere/r.csv"])
def test_a_file_is_taken_from_its_folder_or_where_it_is_alone(
    tmp_path: Path, place: str
) -> None:
    file = tar(tmp_path / "a.tar.gz", of(place), of("in/other.csv", b"1"))

    unpack(file, "in", ["r.csv"], ["absent.csv"], tmp_path)

    assert (tmp_path / "r.csv").read_bytes() == RATINGS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "r.csv"]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([of("in/s.csv")], "without in/r.csv"),
        ([of("one/r.csv"), of("two/r.csv")], "without in/r.csv"),
        ([link("in/r.csv", "/etc/hostname")], "in/r.csv is a link or no file"),
        ([of("in/r.csv", bytes(8 << 20))], "would take 8 MiB"),
        ([of("in/bomb", bytes(8 << 20)), of("in/r.csv")], "in/bomb would take 8 MiB"),
    ],
)
def test_an_archive_that_lacks_a_file_or_means_harm_is_passed_over(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], told: str
) -> None:
    file = tar(tmp_path / "a.tar.gz", *members)

    with pytest.raises(PassedOverError, match=told):
        unpack(file, "in", ["r.csv"], [], tmp_path)
    assert not (tmp_path / "r.csv").exists()


def test_an_archive_of_very_many_files_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 2)
    file = tar(tmp_path / "a.tar.gz", of("in/r.csv"), of("in/s"), of("in/t"))

    with pytest.raises(PassedOverError, match="too many files"):
        unpack(file, "in", ["r.csv"], [], tmp_path)


def test_a_cut_archive_and_what_is_none_are_passed_over(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar.gz", of("in/r.csv")).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:60])
    (tmp_path / "text").write_bytes(RATINGS)

    for name in ("cut.tar.gz", "text"):
        with pytest.raises(PassedOverError, match="sent"):
            unpack(tmp_path / name, "in", ["r.csv"], [], tmp_path)

"""Digests: remembered only while nothing can have changed."""

import os
import time
from hashlib import sha256 as plain_sha256
from pathlib import Path

import pytest

from benchbox.data.sources import digests
from benchbox.data.sources.digests import forget, sha256


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "REMEMBERED_BYTES", 1)


@pytest.fixture
def settled(monkeypatch) -> None:
    """Let files count as untouched for long the moment they are written."""
    monkeypatch.setattr(digests, "_SETTLED_NS", -(10**12))


@pytest.fixture
def computed(monkeypatch) -> list[Path]:
    """Paths of the files that were really read."""
    read: list[Path] = []
    compute = digests._computed

    def noted(path: Path) -> str:
        read.append(path)
        return compute(path)

    monkeypatch.setattr(digests, "_computed", noted)
    return read


def file_of(folder: Path, content: bytes = b"1,2,3\n") -> Path:
    path = folder / "r.csv"
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("settled")
def test_an_untouched_file_is_read_once(tmp_path, computed) -> None:
    path = file_of(tmp_path)

    assert sha256(path) == sha256(path) == plain_sha256(b"1,2,3\n").hexdigest()
    assert len(computed) == 1


@pytest.mark.usefixtures("settled")
def test_a_changed_file_is_read_again_whatever_its_time_and_size(tmp_path) -> None:
    path = file_of(tmp_path)
    before = path.stat()
    sha256(path)
    # The kernel's clock is coarse: two changes in one tick look like one.
    time.sleep(0.02)
    path.write_bytes(b"1,2,4\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert sha256(path) == plain_sha256(b"1,2,4\n").hexdigest()


@pytest.mark.usefixtures("settled")
def test_another_file_in_its_place_is_read(tmp_path) -> None:
    path = file_of(tmp_path)
    sha256(path)
    other = tmp_path / "other"
    other.write_bytes(b"9,9,9\n")
    other.replace(path)

    assert sha256(path) == plain_sha256(b"9,9,9\n").hexdigest()


def test_a_file_written_just_now_is_not_trusted(tmp_path, computed) -> None:
    path = file_of(tmp_path)
    sha256(path)
    sha256(path)

    assert len(computed) == 2


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_it_is_read_is_not_trusted(
    tmp_path, monkeypatch
) -> None:
    path = file_of(tmp_path)
    compute = digests._computed

    def slow(path: Path) -> str:
        digest = compute(path)
        path.write_bytes(b"longer than before\n")
        return digest

    monkeypatch.setattr(digests, "_computed", slow)
    sha256(path)
    monkeypatch.setattr(digests, "_computed", compute)

    assert sha256(path) == plain_sha256(b"longer than before\n").hexdigest()


@pytest.mark.usefixtures("settled")
def test_a_damaged_note_is_no_note(tmp_path, computed) -> None:
    path = file_of(tmp_path)
    sha256(path)
    (note,) = (tmp_path / "cache" / "digests").iterdir()
    note.write_bytes(b"{")

    assert sha256(path) == plain_sha256(b"1,2,3\n").hexdigest()
    assert len(computed) == 2


@pytest.mark.usefixtures("settled")
def test_without_a_place_for_notes_files_are_read_each_time(
    tmp_path, monkeypatch, computed
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "file"))
    path = file_of(tmp_path)

    assert sha256(path) == sha256(path)
    assert len(computed) == 2


@pytest.mark.usefixtures("settled")
def test_notes_can_be_forgotten(tmp_path, computed) -> None:
    path = file_of(tmp_path)
    sha256(path)
    forget()
    sha256(path)

    assert len(computed) == 2


def test_small_files_need_no_note(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(digests, "REMEMBERED_BYTES", 1 << 20)
    sha256(file_of(tmp_path))

    assert not (tmp_path / "cache").exists()

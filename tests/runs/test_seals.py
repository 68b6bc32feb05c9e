"""Seals: whatever changes in a sealed folder is found and named."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchbox.runs.seals import Seals

LARGE = 9 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "train"
    (folder / "inner").mkdir(parents=True)
    (folder / "small").write_bytes(b"12345")
    (folder / "inner" / "large").write_bytes(b"\0" * LARGE)
    (folder / "empty").write_bytes(b"")
    return folder


def unlocked(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)


def overwrite(folder: Path) -> None:
    stored = np.memmap(folder / "inner" / "large", mode="r+")
    stored[LARGE - 1] = 1
    stored.flush()


def grow(folder: Path) -> None:
    with (folder / "small").open("ab") as file:
        file.write(b"6")


def cut(folder: Path) -> None:
    os.truncate(folder / "inner" / "large", LARGE - 1)


def fill(folder: Path) -> None:
    (folder / "empty").write_bytes(b"1")


def add(folder: Path) -> None:
    (folder / "inner" / "new").write_bytes(b"")


def remove(folder: Path) -> None:
    (folder / "small").unlink()


def link(folder: Path) -> None:
    (folder / "small").rename(folder / "was")
    (folder / "small").symlink_to(folder / "was")


def pipe(folder: Path) -> None:
    (folder / "small").unlink()
    os.mkfifo(folder / "small")


CHANGES: dict[Callable[[Path], None], str] = {
    overwrite: "train/inner/large was changed",
    grow: "train/small was changed",
    cut: "train/inner/large was changed",
    fill: "train/empty was changed",
    add: "train/inner/new was added",
    remove: "train/small is gone",
    link: "train/small was changed",
    pipe: "train/small was changed",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named(folder: Path, change: Callable[[Path], None]) -> None:
    seals = Seals()
    seals.seal(folder)
    before = [seals.changed([folder]), seals.changed([])]
    unlocked(folder)

    change(folder)

    assert before == ["", ""]
    assert CHANGES[change] == seals.changed([folder])
    assert CHANGES[change] == seals.changed([])


def test_what_is_sealed_cannot_be_written_and_can_be_read(folder: Path) -> None:
    Seals().seal(folder)

    modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert modes == {0o444, 0o555}


def test_content_is_read_where_times_do_not_tell(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of a file of tmpfs that root has mapped and written to.
    monkeypatch.setattr("benchbox.runs.seals._marks", lambda files: {})
    seals = Seals()
    seals.seal(folder)
    unlocked(folder)
    overwrite(folder)

    assert seals.changed([]) == ""
    assert seals.changed([folder]) == "train/inner/large was changed"


def test_times_alone_are_no_change(folder: Path) -> None:
    seals = Seals()
    seals.seal(folder)

    os.utime(folder / "small", ns=(0, 0))

    assert seals.changed([]) == ""

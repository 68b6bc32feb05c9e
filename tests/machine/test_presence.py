"""Presence: runs see each other, and touch nothing that is not theirs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchbox.machine import presence as module
from benchbox.machine.presence import Presence
from tests.support.present import Other

NAME = "123-0123abcd.run"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    other = Other(tmp_path)
    yield other
    other.kill()


def test_two_runs_see_each_other(tmp_path: Path, other: Other) -> None:
    presence = Presence(tmp_path)

    assert presence.runs_now() == [other.process.pid]
    presence.close()


def test_a_run_that_was_killed_is_not_there_any_more(
    tmp_path: Path, other: Other
) -> None:
    presence = Presence(tmp_path)
    other.kill()

    assert presence.runs_now() == []
    presence.close()
    assert not list(tmp_path.iterdir())


def linked(folder: Path, elsewhere: Path) -> None:
    folder.symlink_to(elsewhere)


def of_a_group(folder: Path, elsewhere: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def of_everybody(folder: Path, elsewhere: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def a_file(folder: Path, elsewhere: Path) -> None:
    folder.write_text("")


@pytest.mark.parametrize("plant", [linked, of_a_group, of_everybody, a_file])
def test_a_folder_that_others_have_planted_is_not_used(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    for name in ("cuda_12.run", NAME):
        (elsewhere / name).write_text("mine")
    plant(tmp_path / "runs", elsewhere)

    with pytest.raises(OSError, match=r"."):
        Presence(tmp_path / "runs")

    assert {file.name for file in elsewhere.iterdir()} == {"cuda_12.run", NAME}
    assert all(file.read_text() == "mine" for file in elsewhere.iterdir())


def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)

    with pytest.raises(PermissionError, match="others may write"):
        Presence(tmp_path)


def test_only_files_of_runs_are_removed(tmp_path: Path) -> None:
    kept = ["cuda_12.run", "notes.txt", "1-0123abcd.run.bak", "x1-0123abcd.run"]
    for name in [*kept, NAME]:
        (tmp_path / name).write_text("")

    presence = Presence(tmp_path)
    presence.runs_now()
    presence.close()

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(kept)


def to_a_file(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def a_pipe(place: Path, victim: Path) -> None:
    os.mkfifo(place)


def a_folder(place: Path, victim: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize("plant", [to_a_file, a_pipe, a_folder])
def test_what_is_no_file_of_a_run_is_neither_written_to_nor_waited_for(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "runs"
    victim.write_text("mine")
    folder.mkdir(mode=0o700)
    plant(folder / NAME, victim)

    presence = Presence(folder)
    seen = presence.runs_now()
    presence.close()

    assert seen == []
    assert victim.read_text() == "mine"
    assert os.path.lexists(folder / NAME)


def test_what_others_write_into_its_file_is_read_with_care(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"12\n\xff\xfe nonsense -3 \n34\n" + b"x" * module._MOST_BYTES)

    met = presence.runs_met()
    presence.close()

    assert met == [12, 34]


def test_a_process_with_several_sessions_is_named_once(tmp_path) -> None:
    mine, *others = (Presence(tmp_path) for _ in range(3))

    assert mine.runs_now() == [os.getpid()]
    for presence in (mine, *others):
        presence.close()

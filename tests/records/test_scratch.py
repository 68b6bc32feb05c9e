"""Temporary folders and the folder of runs: nothing of the dead stays."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchbox.errors import ResultsError
from benchbox.records.folder import RunFolder
from benchbox.records.scratch import remove_stale_scratch, scratch_folder
from benchbox.records.shelf import delete_run, remove_unborn, run_paths, stored_bytes
from tests.support.toy_runs import toy_model, toy_run

RUN = toy_run([toy_model("mean")])
ID = "20260102-030405-abcd"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_temporary_folder_is_gone_in_the_end(temporary: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").write_text("x")
        (folder / "file").chmod(0)

    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_dead_process_is_removed_and_that_of_a_live_one_is_not(
    temporary: Path,
) -> None:
    script = (
        "from benchbox.records import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'file').write_text('x')\n"
        "    print(folder, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        remove_stale_scratch()
        assert (folder / "file").exists()
        other.kill()
        other.wait()

    with scratch_folder() as mine:
        remove_stale_scratch()

        assert not folder.exists()
        assert mine.exists()


def test_nothing_else_is_taken_for_a_temporary_folder(
    temporary: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (temporary / "benchbox-scratch-link").symlink_to(tmp_path / "elsewhere")
    (temporary / "benchbox-scratch-file").write_text("")
    (temporary / "benchbox-other").mkdir()

    remove_stale_scratch()

    assert len(list(temporary.iterdir())) == 3
    assert (tmp_path / "elsewhere").exists()


def test_runs_are_listed_by_time_after_those_with_names_of_their_own(
    tmp_path: Path,
) -> None:
    names = ("20260103-000000-0000", "20260101-000000-0000", "zebra", ".hidden")
    for name in names:
        RunFolder.create(tmp_path / "r", name).write_run(RUN)

    assert [path.name for path in run_paths(tmp_path / "r")] == [
        "zebra",
        "20260101-000000-0000",
        "20260103-000000-0000",
    ]
    assert RunFolder.find("last", tmp_path / "r").path.name == names[0]


def test_a_run_is_deleted_whole_unless_it_is_carried_out(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, ID)
    folder.write_run(RUN)
    assert stored_bytes(folder.path) > 1_000

    with folder.locked():
        assert folder.is_running()
        with pytest.raises(ResultsError, match="at this moment"):
            delete_run(folder.path)
    assert not folder.is_running()
    delete_run(folder.path)

    assert not list(tmp_path.glob("*2026*"))


def test_what_a_killed_start_or_deletion_left_is_removed_later(tmp_path: Path) -> None:
    def old(name: str) -> Path:
        folder = RunFolder.create(tmp_path, name).path
        os.utime(folder, (0, 0))
        return folder

    unborn, young = old(ID), RunFolder.create(tmp_path, ID.replace("2", "3")).path
    named, begun = old("mine"), old(ID.replace("0", "1"))
    (begun / "run.json").write_text("{}")
    os.utime(begun, (0, 0))
    doomed = old(f".{ID}.deleted")
    (doomed / "trials" / "x.json").write_text("{}")

    remove_unborn(tmp_path)

    assert not unborn.exists()
    assert not doomed.exists()
    assert young.exists()
    assert named.exists()
    assert begun.exists()

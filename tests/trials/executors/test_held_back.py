"""Held back: a trial learns where its ratings are when its model is ready."""

import os
from pathlib import Path

import msgspec
import pytest

from benchbox.records import TrialJob
from benchbox.trials.executors.held_back import HeldBack


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    for name in ("train", "carved", "asked", "out"):
        (tmp_path / name).mkdir()
    for name in ("train", "carved"):
        (tmp_path / name / "features").mkdir()
        (tmp_path / name / "features" / "0.npy").write_text(name)
    return TrialJob(
        target="",
        options_type="",
        options={},
        train=str(tmp_path / "carved"),
        history=str(tmp_path / "train"),
        refit=str(tmp_path / "train"),
        out=str(tmp_path / "out"),
        asked=str(tmp_path / "asked"),
    )


def files(folder: str) -> set[Path]:
    return {path for path in Path(folder).rglob("*") if path.is_file()}


def test_the_ratings_come_into_the_trial_s_own_folder_when_they_are_shown(
    job: TrialJob, tmp_path: Path
) -> None:
    with HeldBack(job) as held_back:
        told = held_back.job
        assert (told.train, told.history, told.refit) == ("", "", None)
        assert not files(job.asked)
        shown = held_back.show()

        assert Path(shown.train, "features", "0.npy").read_text() == "carved"
        assert Path(shown.history, "features", "0.npy").read_text() == "train"
        assert shown.refit == shown.history
        assert shown.validation is None
        assert len(files(job.asked)) == 2
        assert Path(shown.train).is_relative_to(job.asked)
    assert not files(job.asked)
    assert Path(job.train, "features", "0.npy").read_text() == "carved"


def test_ratings_that_are_never_shown_leave_nothing_behind(
    job: TrialJob, tmp_path: Path
) -> None:
    with HeldBack(job):
        assert len(list(tmp_path.iterdir())) == 5

    assert len(list(tmp_path.iterdir())) == 4


def test_without_a_folder_for_them_they_are_known_from_the_beginning(
    job: TrialJob,
) -> None:
    alone = msgspec.structs.replace(job, asked="")

    with HeldBack(alone) as held_back:
        assert held_back.job == alone
        assert held_back.show().train == job.train


def test_so_they_are_where_files_cannot_be_linked(
    job: TrialJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: str, follow_symlinks: bool = True) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)

    with HeldBack(job) as held_back:
        assert held_back.job == job
        assert held_back.show().refit == job.refit
    assert len(list(tmp_path.iterdir())) == 4

"""What was changed, copied, lost or mixed into a run is named, and counts nowhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchbox.errors import ResultsError
from benchbox.records.encoding import content_digest
from benchbox.records.folder import RunFolder
from benchbox.records.manifest import MANIFEST
from tests.support.toy_runs import toy_model, toy_run, toy_trials

RUN = toy_run([toy_model("mean"), toy_model("net", units=9)])
TRIALS = toy_trials(RUN, [[0.9] * 5, [0.8] * 5])
FIRST = "trials/s0-k1-m00-mean-r0.json"

Damage = Callable[[RunFolder], None]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return stored(tmp_path, "run-1")


def stored(parent: Path, name: str, **changes: Any) -> RunFolder:
    folder = RunFolder.create(parent, name)
    run = msgspec.structs.replace(RUN, id=name, status="finished")
    folder.write_run(run)
    for trial in TRIALS:
        changed = msgspec.structs.replace(trial, **changes)
        folder.write_trial(changed, np.ones(20, np.float32))
    return folder


def rewritten(file: str, honest: bool, **changes: Any) -> Damage:
    """Change fields of a record; *honest* renews its digest, as its author could."""

    def change(folder: RunFolder) -> None:
        record = json.loads((folder.path / file).read_text()) | changes
        if honest:
            record["digest"] = content_digest(record)
        (folder.path / file).write_text(json.dumps(record))

    return change


def copy_under_another_name(folder: RunFolder) -> None:
    name = folder.path / FIRST
    shutil.copy(name, name.with_name("s0-k6-m00-mean-r0.json"))


def mix_in_another_run(folder: RunFolder) -> None:
    other = stored(folder.path.parent, "run-2", replicate=1, seed=8)
    for file in (other.path / "trials").glob("*-k1-*"):
        shutil.copy(file, folder.path / "trials")


def take_from_another_run(folder: RunFolder) -> None:
    other = stored(folder.path.parent, "run-3", seed=9)
    shutil.copy(other.path / FIRST, folder.path / FIRST)


def lose(folder: RunFolder) -> None:
    (folder.path / FIRST).unlink()


def lose_all(folder: RunFolder) -> None:
    shutil.rmtree(folder.path / "trials")


def write_deep(folder: RunFolder) -> None:
    (folder.path / FIRST).write_text("[" * 100_000)


def swap_two(folder: RunFolder) -> None:
    one, other = (folder.path / FIRST.replace("k1", k) for k in ("k1", "k2"))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def break_a_line(folder: RunFolder) -> None:
    file = folder.path / MANIFEST
    head, first, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(head + first.replace(b'"', b"", 1) + b"".join(rest))


def drop_a_line(folder: RunFolder) -> None:
    file = folder.path / MANIFEST
    head, _, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(head + b"".join(rest))


def cut_the_manifest(folder: RunFolder) -> None:
    file = folder.path / MANIFEST
    file.write_bytes(file.read_bytes()[:200])


BAD = {"rmse": {"value": 0.1, "n_scored": 20, "n_excluded": 0}}
OF_ONE_RECORD: dict[str, Damage] = {
    f"{name}{' and a new digest' * honest}": rewritten(FIRST, honest, **changes)
    for honest in (False, True)
    for name, changes in {
        "another score": {"metrics": BAD},
        "no metrics": {"metrics": {}},
        "another label": {"label": "net:units=9"},
        "another model": {"model": 1},
        "a negative model": {"model": -1},
        "a stage too many": {"stage": 3},
        "a negative stage": {"stage": -1},
        "another fold": {"fold": "k2"},
        "another fold's id": {"fold_id": "f" * 32},
        "more hidden ratings": {"n_hidden": 21},
        "another status": {"status": "failed"},
        "another format": {"format": 1},
    }.items()
} | {
    "a deep text": write_deep,
    "none": lose,
    "that of another run": take_from_another_run,
}
OF_MANY = {
    "a copy": (copy_under_another_name, "k6-m00-mean-r0.json is not in the manifest"),
    "records of another run": (mix_in_another_run, "r1.json is not in the manifest"),
    "two that were swapped": (swap_two, "was changed since"),
    "no folder": (lose_all, "is in the manifest of the run, but not there"),
    "a line of the manifest that is broken": (break_a_line, "Line 2 of"),
    "a line of the manifest that is gone": (drop_a_line, "is not in the manifest"),
    "a manifest that was cut": (cut_the_manifest, "is not in the manifest"),
}


def test_a_sound_run_lacks_nothing(folder: RunFolder) -> None:
    found = folder.examine()

    assert found.left_out == []
    assert {(t.label, t.fold) for t in found.records} == {
        (t.label, t.fold) for t in TRIALS
    }
    assert found.records == folder.trials()


@pytest.mark.parametrize("name", OF_ONE_RECORD)
def test_damage_to_a_record_is_named_and_the_others_stay(
    folder: RunFolder, name: str
) -> None:
    OF_ONE_RECORD[name](folder)

    found = folder.examine()

    assert len(found.records) == 9
    (line,) = found.left_out
    assert str(folder.path / FIRST) in line
    assert "\n" not in line
    with pytest.raises(ResultsError, match=r"s0-k1-m00-mean-r0\.json"):
        folder.trials()


@pytest.mark.parametrize("name", OF_MANY)
def test_what_does_not_belong_is_named(folder: RunFolder, name: str) -> None:
    damage, text = OF_MANY[name]
    damage(folder)

    found = folder.examine()

    assert any(text in line for line in found.left_out), found.left_out
    scores = {(t.label, t.fold): t.metrics["rmse"].value for t in found.records}
    assert set(scores.items()) <= {
        ((t.label, t.fold), t.metrics["rmse"].value) for t in TRIALS
    }
    with pytest.raises(ResultsError):
        folder.trials()


def test_without_its_manifest_a_run_is_refused(folder: RunFolder) -> None:
    (folder.path / MANIFEST).unlink()

    with pytest.raises(ResultsError, match=r"manifest\.jsonl is not there"):
        folder.examine()


@pytest.mark.parametrize("name", ["s0\0r0", "../trials/s0", "/etc/s0", "a/b"])
def test_a_manifest_names_trials_and_no_other_files(
    folder: RunFolder, name: str
) -> None:
    manifest = folder.path / MANIFEST
    line = json.dumps({"trial": name, "hash": "0" * 32})
    manifest.write_text(f"{manifest.read_text()}{line}\n")
    place = len(manifest.read_text().splitlines())

    assert folder.examine().left_out == [
        f"Line {place} of {manifest} was changed. Restore it."
    ]


@pytest.mark.parametrize("content", [b'{"format":9}\n', b"x\n", b"\xff\n", b"[" * 9])
def test_a_manifest_of_another_kind_is_refused_or_lists_nothing(
    folder: RunFolder, content: bytes
) -> None:
    (folder.path / MANIFEST).write_bytes(content)

    with pytest.raises(ResultsError, match=r"is not a manifest|is not in the manifest"):
        folder.trials()


@pytest.mark.parametrize(
    "change",
    [
        {"models": []},
        {"config": {"seeds": 2_000_000_000}},
        {"stages": []},
        {"n_trials": 3},
    ],
)
def test_a_changed_run_is_refused_with_or_without_its_digest(
    folder: RunFolder, change: dict[str, Any]
) -> None:
    file = folder.path / "run.json"
    record = json.loads(file.read_text()) | change

    for said in (record, {k: v for k, v in record.items() if k != "digest"}):
        file.write_text(json.dumps(said))
        with pytest.raises(ResultsError, match=r"was changed|lost its digest"):
            folder.read_run()


@pytest.mark.parametrize("swapped", [True, False])
def test_models_that_were_swapped_or_relabelled_with_a_new_digest_are_named(
    folder: RunFolder, swapped: bool
) -> None:
    file = folder.path / "run.json"
    record = json.loads(file.read_text())
    if swapped:
        record["models"].reverse()
    else:
        record["models"][0]["name"] = "median"
    record["digest"] = content_digest(record)
    file.write_text(json.dumps(record))

    found = folder.examine()

    assert len(found.records) == (0 if swapped else 5)
    assert "in its place" in found.left_out[0]


# A killed run is no damaged one.


def killed(folder: RunFolder) -> None:
    run = msgspec.structs.replace(folder.read_run(), status="started")
    folder.write_run(run)


def test_a_record_that_was_listed_when_the_run_died_is_not_missed(
    folder: RunFolder,
) -> None:
    killed(folder)
    last = json.loads((folder.path / MANIFEST).read_bytes().splitlines()[-1])["trial"]
    (folder.path / "trials" / f"{last}.json").unlink()

    found = folder.examine()

    assert (len(found.records), found.left_out) == (9, [])


def test_a_record_whose_successor_was_listed_when_the_run_died_still_counts(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(folder)
    again = msgspec.structs.replace(TRIALS[0], status="failed", metrics={})
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_write", lambda *_: None)
        folder.write_trial(again, None)

    found = folder.examine()

    assert (len(found.records), found.left_out) == (10, [])
    assert found.records[0].status == "ok"
    folder.write_trial(again, None)
    assert folder.examine().records[0].status == "failed"


def test_a_line_that_was_half_written_is_dropped_with_the_next(
    folder: RunFolder,
) -> None:
    killed(folder)
    with (folder.path / MANIFEST).open("ab") as file:
        file.write(b'{"trial":"s0-k')

    assert folder.examine().left_out == []
    folder.write_trial(TRIALS[3], None)

    assert folder.examine().left_out == []
    assert b"s0-k{" not in (folder.path / MANIFEST).read_bytes()


def test_cleaning_lists_sound_records_only_and_removes_what_was_half_written(
    folder: RunFolder,
) -> None:
    killed(folder)
    break_a_line(folder)
    part = folder.path / "predictions" / ".x.npy.part"
    part.write_text("half")

    before = folder.clean()
    after = folder.examine()

    assert len(before.left_out) == 2
    assert len(after.records) == 9
    (line,) = after.left_out
    assert "is not in the manifest" in line
    assert not part.exists()


# Runs of format 1 had no manifest.


def as_format_1(folder: RunFolder) -> None:
    for file in (folder.path / "run.json", *(folder.path / "trials").iterdir()):
        record = json.loads(file.read_text()) | {"format": 1}
        del record["digest"]
        file.write_text(json.dumps(record))
    (folder.path / MANIFEST).unlink()


def test_a_run_of_format_1_is_read_and_gets_a_manifest_when_it_goes_on(
    folder: RunFolder,
) -> None:
    as_format_1(folder)
    assert len(folder.trials()) == 10
    assert folder.read_run().format == 1

    folder.clean()
    folder.write_run(folder.read_run())
    folder.write_trial(TRIALS[0], None)

    assert folder.read_run().format == 2
    assert len(folder.trials()) == 10


def test_what_a_finished_run_of_format_1_lacks_is_said(folder: RunFolder) -> None:
    as_format_1(folder)
    lose(folder)

    (line,) = folder.examine().left_out

    assert "of 10 planned trials, 1 have no record" in line

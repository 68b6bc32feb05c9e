"""Results: records come back as written, and a crash leaves none half written."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import ResultsError
from benchbox.models.contract import Capabilities, EpochReport
from benchbox.records.config import RunConfig
from benchbox.records.folder import _PARTS, RunFolder, new_run_id, now
from benchbox.records.names import trial_name
from benchbox.records.trial import trial_key
from tests.support.toy_runs import toy_model, toy_run, toy_stage, toy_trial

RUN = toy_run(
    [toy_model("mean"), toy_model("autorec", stochastic=True, units=[20, 10])]
)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path, "run-1")


def leftovers(folder: RunFolder) -> list[str]:
    return [path.name for path in folder.path.rglob("*.part")]


def refuse_writes(monkeypatch, number: int) -> None:
    """Let every write fail from now on, after its bytes and before they are safe."""

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)


# Records come back.


def test_a_run_comes_back_as_it_was_written(folder) -> None:
    floored = toy_stage(noise_floor=0.25, dataset_options={"n_users": "5"})
    run = toy_run(RUN.models, [toy_stage(), floored], folds=("k1", "k2"), clip=False)

    folder.write_run(run)

    assert folder.read_run() == run


def test_a_trial_comes_back_as_it_was_written(folder) -> None:
    trial = toy_trial(
        RUN,
        0.1 + 0.2,
        model=1,
        fold=3,
        chosen_epoch=2,
        curve=[
            EpochReport(epoch=1, n_epochs=2, loss=0.5),
            EpochReport(epoch=2, n_epochs=2, loss=0.25, validation_rmse=1 / 3),
        ],
        finished=now(),
    )

    folder.write_trial(trial, None)

    assert folder.trials() == [trial]


def test_a_failure_is_a_record_like_any_other(folder) -> None:
    trial = toy_trial(RUN, None, reason='it said "no"\nand – ended')

    folder.write_trial(trial, None)

    assert folder.trials() == [trial]


def test_predictions_are_kept_to_the_last_bit(folder) -> None:
    trial = toy_trial(RUN, 0.9)
    predictions = np.array([0.1, -0.0, 3e38], dtype=np.float32)

    folder.write_trial(trial, predictions)

    kept = np.load(folder.path / "predictions" / f"{trial_name(trial)}.npy")
    assert kept.tobytes() == predictions.tobytes()
    assert kept.dtype == np.float32


def test_trials_come_in_order_of_their_names(folder) -> None:
    trials = [toy_trial(RUN, 1.0, model=m, fold=f) for m in (0, 1) for f in (0, 1)]
    for trial in reversed(trials):
        folder.write_trial(trial, None)

    assert sorted(folder.trials(), key=trial_name) == folder.trials()
    assert {t.key for t in folder.trials()} == {t.key for t in trials}


def test_a_record_is_replaced_by_the_next_of_its_trial(folder) -> None:
    folder.write_trial(toy_trial(RUN, None), None)
    folder.write_trial(toy_trial(RUN, 0.5), None)

    assert [trial.status for trial in folder.trials()] == ["ok"]


def test_records_can_be_read_by_people_and_by_other_programs(folder) -> None:
    folder.write_run(RUN)

    text = (folder.path / "run.json").read_text()
    assert json.loads(text)["id"] == RUN.id
    assert text.startswith("{\n ")
    assert text.endswith("}\n")


# What cannot be written leaves no trace, and no doubt.


def test_a_full_disk_is_named_and_what_was_there_before_is_intact(
    folder, monkeypatch
) -> None:
    folder.write_run(RUN)
    before = (folder.path / "run.json").read_bytes()
    refuse_writes(monkeypatch, errno.ENOSPC)

    with pytest.raises(ResultsError, match=r"disk is full: .*run\.json.*--resume"):
        folder.write_run(msgspec.structs.replace(RUN, status="finished"))

    assert (folder.path / "run.json").read_bytes() == before
    assert leftovers(folder) == []


def test_a_quota_is_a_disk_that_is_full(folder, monkeypatch) -> None:
    refuse_writes(monkeypatch, errno.EDQUOT)

    with pytest.raises(ResultsError, match="disk is full"):
        folder.write_text("table.md", "|a|")

    assert leftovers(folder) == []


def test_another_refusal_is_told_as_the_system_tells_it(folder, monkeypatch) -> None:
    refuse_writes(monkeypatch, errno.EIO)

    with pytest.raises(ResultsError, match=r"manifest\.jsonl cannot be written: Input"):
        folder.write_run(RUN)


def test_no_trial_is_recorded_whose_predictions_could_not_be_kept(
    folder, monkeypatch
) -> None:
    refuse_writes(monkeypatch, errno.ENOSPC)

    with pytest.raises(ResultsError, match="disk is full"):
        folder.write_trial(toy_trial(RUN, 1.0), np.zeros(20, np.float32))

    assert folder.trials() == []
    assert [path for path in folder.path.rglob("*") if path.is_file()] == []


def test_a_crash_while_renaming_leaves_the_earlier_record(folder, monkeypatch) -> None:
    folder.write_run(RUN)

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(ResultsError, match="Input/output error"):
        folder.write_run(msgspec.structs.replace(RUN, status="finished"))

    assert folder.read_run() == RUN
    assert leftovers(folder) == []


def test_a_run_folder_that_has_gone_is_named(folder) -> None:
    shutil.rmtree(folder.path)

    with pytest.raises(
        ResultsError, match=r"manifest\.jsonl cannot be written: No such"
    ):
        folder.write_run(RUN)


def test_a_part_left_by_a_crash_is_no_trial(folder) -> None:
    folder.write_trial(toy_trial(RUN, 1.0), None)
    (folder.path / "trials" / ".s0-k2.json.part").write_text('{"form')

    assert len(folder.trials()) == 1


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path) -> None:
    (tmp_path / "results").write_text("a file is in the way")

    with pytest.raises(ResultsError, match="results/run-1 cannot be written"):
        RunFolder.create(tmp_path / "results", "run-1")


def test_a_run_is_always_new(tmp_path) -> None:
    RunFolder.create(tmp_path, "run-1")

    with pytest.raises(ResultsError, match="run-1 cannot be written: File exists"):
        RunFolder.create(tmp_path, "run-1")


# What cannot be read is told from what is not there.


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]", b"{}", b'{"format":1}'])
def test_what_is_no_record_is_refused_by_file(folder, content) -> None:
    (folder.path / "run.json").write_bytes(content)

    with pytest.raises(
        ResultsError, match=r"run\.json is not a record of this version"
    ):
        folder.read_run()


def test_bytes_that_are_no_text_are_no_record(folder) -> None:
    folder.write_run(RUN)
    written = (folder.path / "run.json").read_bytes()
    (folder.path / "run.json").write_bytes(written.replace(b"kfold", b"kf\xffld"))

    with pytest.raises(ResultsError, match="is not a record of this version"):
        folder.read_run()


@pytest.mark.parametrize("number", [0, 3])
def test_a_record_of_another_format_is_refused(folder, number) -> None:
    folder.write_run(RUN)
    file = folder.path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": number}))

    with pytest.raises(ResultsError, match="another version"):
        folder.read_run()


def test_a_trial_that_is_no_record_is_refused_by_file(folder) -> None:
    (folder.path / "trials" / "s0-k1.json").write_text('{"status": "splendid"}')

    with pytest.raises(ResultsError, match=r"s0-k1\.json is not a record"):
        folder.trials()


def test_a_run_without_its_record_cannot_be_read(tmp_path) -> None:
    with pytest.raises(ResultsError, match=r"run\.json cannot be read: No such file"):
        RunFolder(tmp_path).read_run()


# Runs are found by path and by name.


@pytest.fixture
def three_runs(tmp_path):
    for name in ("20260101-a", "20260103-c", "20260102-b"):
        RunFolder.create(tmp_path, name).write_run(RUN)
    RunFolder.create(tmp_path, "20260104-no-record")
    return tmp_path


def test_a_run_is_found_by_its_name(three_runs) -> None:
    found = RunFolder.find("20260102-b", three_runs)

    assert found.path == three_runs / "20260102-b"


def test_a_run_is_found_by_its_path_wherever_it_is(three_runs) -> None:
    path = three_runs / "20260102-b"

    assert RunFolder.find(str(path), three_runs / "elsewhere").path == path


def test_the_last_run_is_the_newest_that_has_a_record(three_runs) -> None:
    assert RunFolder.find("last", three_runs).path == three_runs / "20260103-c"


def test_an_unknown_run_is_refused_and_the_newest_are_named(three_runs) -> None:
    RunFolder.create(three_runs, "20250101-old").write_run(RUN)

    with pytest.raises(ResultsError) as caught:
        RunFolder.find("run-9", three_runs)

    assert str(caught.value) == (
        f"There is no run 'run-9' in {three_runs}. "
        f"Newest runs there: 20260101-a, 20260102-b, 20260103-c."
    )


@pytest.mark.parametrize("name", ["last", "run-1"])
@pytest.mark.parametrize("parent", [".", "nowhere"])
def test_where_there_are_no_runs_none_is_found(tmp_path, name, parent) -> None:
    said = r"Newest runs there: none|no runs in .* yet"
    with pytest.raises(ResultsError, match=said):
        RunFolder.find(name, tmp_path / parent)


# A trial's key is the hash of what decides its predictions.


def key(model=RUN.models[1], **changes) -> str:
    usual = {
        "fold_id": "f",
        "features": "",
        "seed": 1,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "torch": "2.9",
    }
    return trial_key(model, **usual | changes)


def test_each_ingredient_changes_the_key() -> None:
    changed = msgspec.structs.replace
    model = RUN.models[1]
    keys = [
        key(),
        key(fold_id="g"),
        key(features="abc"),
        key(seed=2),
        key(device="cuda:0"),
        key(precision="bfloat16"),
        key(threads=3),
        key(torch="2.10"),
        key(changed(model, options={"units": [20, 20]})),
        key(changed(model, options={})),
        key(changed(model, target="toys.other:Toy")),
        key(changed(model, source_digest="abc")),
        key(changed(model, source_digest="abd")),
        key(changed(model, source_digest="abc", name="other")),
    ]

    assert len(set(keys)) == len(keys)


def test_what_decides_no_prediction_does_not_change_the_key() -> None:
    changed = msgspec.structs.replace
    model = RUN.models[1]

    assert key(changed(model, version="2.0", package="other", changed={})) == key()
    assert key(device="cuda:1") == key(device="cuda:0")


def test_the_order_of_the_options_does_not_change_the_key() -> None:
    one, other = (
        msgspec.structs.replace(RUN.models[0], options=options)
        for options in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )

    assert key(one) == key(other)


# Names.


@given(label=st.text(max_size=200))
def test_a_label_of_any_kind_makes_a_name_a_file_can_have(label) -> None:
    name = trial_name(toy_trial(RUN, 1.0, label=label))

    assert "/" not in name
    assert "\0" not in name
    assert name.isprintable()
    assert len(name) < 80


def test_trials_that_differ_have_names_that_differ() -> None:
    long = "x" * 100
    stages = [toy_stage(), toy_stage()]
    run = toy_run([toy_model(long, a=1), toy_model(long, a=2)], stages)
    trials = [
        toy_trial(run, 1.0, model=m, fold=f, stage=s, replicate=r)
        for m in (0, 1)
        for f in (0, 1)
        for s in (0, 1)
        for r in (0, 1)
    ]

    assert len({trial_name(trial) for trial in trials}) == len(trials)


def test_a_log_lies_beside_the_records_under_the_same_name(folder) -> None:
    trial = toy_trial(RUN, 1.0, model=1, fold=2)

    assert (
        folder.log(trial) == folder.path / "logs/s0-k3-m01-autorec_units=20-10-r0.log"
    )


def test_run_names_sort_by_time_within_a_second_too() -> None:
    names = []
    for _ in range(5):
        names.append(new_run_id())
        time.sleep(1e-3)

    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", name) for name in names)
    assert names == sorted(set(names))


def test_times_are_stated_with_their_zone() -> None:
    assert datetime.fromisoformat(now()).utcoffset().total_seconds() == 0


def test_labels_say_how_to_choose_the_same_again() -> None:
    assert RUN.models[1].label == "autorec:units=20-10"
    assert toy_stage(dataset_options={"n_users": 5}).label == (
        "toys:n_users=5 · kfold:n_folds=5,seed=0"
    )


def test_only_a_stochastic_model_is_fitted_more_than_once() -> None:
    config = RunConfig(seeds=3)

    assert config.n_fits(Capabilities(stochastic=True)) == 3
    assert config.n_fits(Capabilities(stochastic=False)) == 1


def test_a_trial_takes_the_seconds_of_all_its_phases() -> None:
    assert toy_trial(RUN, 1.0).seconds == 2.75


def test_a_run_is_carried_out_by_one_process_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")

    with (
        folder.locked(),
        pytest.raises(ResultsError, match="Another benchbox is carrying out run run "),
        folder.locked(),
    ):
        pass
    with folder.locked():
        pass

    assert {path.name for path in folder.path.iterdir()} == set(_PARTS)


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    script = (
        "import sys; from pathlib import Path; from benchbox.records import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(ResultsError, match="at this moment"), folder.locked():
            pass
        other.kill()

    with folder.locked():
        pass


def test_where_there_are_no_locks_runs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)

    with RunFolder.create(tmp_path, "run").locked():
        pass

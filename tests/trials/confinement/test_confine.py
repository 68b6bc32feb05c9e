"""Confinement: what a trial is left with, what users allow, and other kernels."""

import json
import os
from pathlib import Path

import pytest

from benchbox.trials.confinement import kernel, landlock, mounts, rules, seccomp
from tests.support.commands import (
    NO_MOUNTS,
    OLD_KERNEL,
    Benchbox,
    Done,
    Lender,
    start_zygotes_of,
)

confines = pytest.mark.skipif(
    not landlock.version() or not seccomp.is_offered(),
    reason="this kernel cannot confine trials",
)

LINE = "run -d svd-toy -p holdout:fraction=0.3 --seeds 1 --device cpu --time-limit 60"

MODEL = """
import os, tempfile
from pathlib import Path
import numpy as np


class Model:
    def fit(self, train, context):
        self.mean = train.values.mean()
        self.act(context)

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)

    def act(self, context):
        {act}
"""


def say(folder: Path, act: str, name: str = "own") -> str:
    """Write a model that does *act*, and return the words that choose it."""
    file = folder / f"{name}.py"
    file.write_text(MODEL.replace("{act}", act.replace("\n", "\n        ")))
    return f"-m {file}:Model"


def note_of(done: Done, name: str = "got") -> str:
    (record,) = done.trials()
    assert record.status == "ok", record
    return record.notes[name]


@confines
def test_a_trial_writes_to_folders_of_its_own_which_are_gone_afterwards(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    act = """places = [Path.home(), Path(tempfile.gettempdir()), Path.cwd()]
for place in places:
    assert not list(place.iterdir())
    (place / "checkpoint").write_text("kept by accident")
context.note("got", " ".join(map(str, places)))"""

    done = benchbox(f"{LINE} --repeats 2 {say(tmp_path, act)}")

    assert [record.status for record in done.trials()] == ["ok", "ok"]
    for record in done.trials():
        for place in record.notes["got"].split():
            assert not Path(place).exists()


@confines
def test_no_variable_names_a_folder_that_trials_share(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHBOX_DATA", str(tmp_path))
    act = """names = ("BENCHBOX_DATA", "BENCHBOX_CACHE", "NUMBA_CACHE_DIR", "HOME",
         "TORCH_EXTENSIONS_DIR", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")
import json, numba
found = {name: os.environ.get(name, "") for name in names}
context.note("got", json.dumps(found | {"numba": numba.config.CACHE_DIR}))"""

    found = json.loads(note_of(benchbox(f"{LINE} {say(tmp_path, act)}")))

    assert found.pop("BENCHBOX_DATA") == found.pop("BENCHBOX_CACHE") == ""
    above = os.path.dirname(found["HOME"])
    assert all(place.startswith(above) for place in found.values())


@confines
def test_a_model_imports_modules_and_packages_beside_it(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "__init__.py").write_text("from parts.numbers import ONE\n")
    (folder / "parts" / "numbers.py").write_text("ONE = 1\n")
    (folder / "helper.py").write_text("TWO = 2\n")
    act = """import sys
sys.path.insert(0, os.path.dirname(__file__))
import helper, parts
context.note("got", helper.TWO + parts.ONE)"""

    assert note_of(benchbox(f"{LINE} {say(folder, act)}")) == "3"


EARLY = '''
import sys
from pathlib import Path

import numpy as np


def told():
    """Return the job of this trial, if this is one."""
    frame = sys._getframe()
    while frame and "job" not in frame.f_locals:
        frame = frame.f_back
    return frame and frame.f_locals["job"]


def find():
    mine = told()
    if mine is None:
        return None
    found = [mine.train, mine.history, mine.validation, mine.refit]
    found += list(Path(mine.asked).rglob("*"))
    try:
        found.append(np.load(Path(mine.asked).parent / "train" / "values.npy"))
    except PermissionError:
        pass
    return len([place for place in found if place])


IMPORTED = find()


class Model:
    def __init__(self):
        self.built = find()

    def prepare(self):
        self.prepared = find()

    def fit(self, train, context):
        context.note("got", f"{IMPORTED} {self.built} {self.prepared}")
        context.note("fit", len(list(Path(told().asked).rglob("values.npy"))))
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)
'''


@confines
def test_ratings_are_out_of_reach_until_the_model_is_built_and_prepared(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (tmp_path / "early.py").write_text(EARLY)

    done = benchbox(f"{LINE} -m early.py:Model")

    assert note_of(done) == "0 0 0"
    assert note_of(done, "fit") == "1"


@confines
def test_data_beside_a_model_are_hidden_unless_they_are_allowed(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.txt"
    weights.write_text("pretrained")
    model = say(tmp_path, f"context.note('got', Path({str(weights)!r}).read_text())")

    (refused,) = benchbox(f"{LINE} {model}").trials()
    done = benchbox(f"{LINE} {model} --allow-read weights.txt")

    assert refused.status == "failed"
    assert "PermissionError" in refused.reason
    assert "see docs/trust.md" in refused.reason
    assert note_of(done) == "pretrained"
    assert done.folder.read_run().config.allow_read == (str(weights),)
    assert f"Models were allowed to read {weights}." in done.out.replace("\n", " ")


@confines
def test_the_file_of_a_data_set_is_hidden_in_the_package_of_a_model_too(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    rows = [f"{u},{i},{1 + (u * i) % 5}" for u in range(9) for i in range(9)]
    for name in ("__init__.py", "notes.csv"):
        (tmp_path / name).touch()
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]))
    act = """folder = Path(__file__).parent
context.note("got", repr((folder / "notes.csv").read_text()))
(folder / "ratings.csv").read_text()"""

    line = LINE.replace("svd-toy", "ratings.csv")
    (record,) = benchbox(f"{line} {say(tmp_path, act)}").trials()

    assert record.notes["got"] == "''"
    assert "ratings.csv" in record.reason
    assert "PermissionError" in record.reason


@pytest.mark.parametrize("shown", ["cache", "cache/data", ".", "/"])
def test_nothing_hidden_can_be_allowed(
    benchbox: Benchbox, tmp_path: Path, shown: str
) -> None:
    (tmp_path / "cache" / "data").mkdir(parents=True)

    done = benchbox(f"{LINE} -m bias --allow-read {shown}")

    assert done.code == 2
    assert "would show models what is hidden from them" in done.err


@confines
def test_the_network_is_open_only_if_it_is_allowed(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    act = """import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
    line.bind(("127.0.0.1", 0))
    context.note("got", line.getsockname()[0])"""
    model = say(tmp_path, act)

    (refused,) = benchbox(f"{LINE} {model}").trials()
    done = benchbox(f"{LINE} {model} --allow-network")

    assert "PermissionError" in refused.reason
    assert note_of(done) == "127.0.0.1"
    assert "Models were allowed to use the network." in done.out.replace("\n", " ")


LOADER = """import torch
from torch.utils.data import DataLoader
loader = DataLoader(torch.arange(10), num_workers=1)
context.note("got", sum(int(part) for part in loader))"""


@confines
def test_worker_processes_of_a_data_loader_work_or_fail_clearly(
    benchbox: Benchbox, tmp_path: Path
) -> None:
    (record,) = benchbox(f"{LINE} {say(tmp_path, LOADER)}").trials()

    if mounts.are_possible() and landlock.version() >= landlock.SCOPED:
        assert record.notes == {"got": "45"}
    else:
        assert "no network or shared memory; see docs/trust.md" in record.reason


@pytest.mark.slow
@confines
def test_without_mounts_of_its_own_worker_processes_fail_clearly(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_zygotes_of(NO_MOUNTS, monkeypatch)
    lender = Lender(tmp_path)
    lender.serve(monkeypatch)

    (record,) = benchbox(f"{LINE} {say(tmp_path, LOADER)}").trials()
    lender.close()

    assert record.confined == f"landlock {landlock.version()}, seccomp"
    assert record.status == "failed"
    assert "no network or shared memory; see docs/trust.md" in record.reason


@confines
def test_compiled_code_is_kept_from_first_use_but_no_trial_adds_to_it(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    monkeypatch.setattr("benchbox.runs.access._compiled", lambda: kept)
    act = """folder = Path(os.environ["NUMBA_CACHE_DIR"])
found = sorted(file.name for file in folder.glob("*"))
folder.mkdir(exist_ok=True)
(folder / f"compiled{len(found)}").write_text("code")
context.note("got", " ".join(found))"""
    model = say(tmp_path, act)

    done = benchbox(f"{LINE} --repeats 2 {model}")

    assert [r.notes["got"] for r in done.trials()] == ["compiled0", "compiled0"]
    assert [file.name for file in kept.rglob("compiled?")] == ["compiled0"]


def test_without_landlock_a_run_goes_on_and_says_so(
    benchbox: Benchbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_zygotes_of(OLD_KERNEL, monkeypatch)
    lender = Lender(tmp_path)
    lender.serve(monkeypatch)

    done = benchbox(f"{LINE} -m bias")
    lender.close()

    (record,) = done.trials()
    assert done.code == 0
    assert record.confined == "not enforced: no Landlock on this system"
    assert "⚠ Trials were not confined" in done.out
    assert "⚠ Trials were not confined" in (done.folder.path / "table.md").read_text()


def test_doctor_tells_whether_trials_are_confined(
    benchbox: Benchbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 7)
    assert "trials read only their own files (landlock 7" in benchbox("doctor").out

    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "not enforced: no Landlock on this system" in " ".join(
        benchbox("doctor").out.split()
    )


def test_what_is_hidden_is_cut_out_of_what_may_be_read(tmp_path: Path) -> None:
    for name in ("package/data", "package/models/deep"):
        (tmp_path / name).mkdir(parents=True)
    hidden = tmp_path / "package" / "models" / "deep" / "u1.test"
    for file in (hidden, hidden.with_name("code.py"), tmp_path / "package" / "a.py"):
        file.touch()
    (tmp_path / "package" / "link").symlink_to(hidden)

    left = rules.without([str(tmp_path / "package")], [str(hidden)])

    assert sorted(os.path.relpath(path, tmp_path) for path in left) == [
        "package/a.py",
        "package/data",
        "package/models/deep/code.py",
    ]
    assert not list(rules.without([str(hidden)], [str(hidden)]))


def test_code_in_a_hidden_folder_stays_readable(tmp_path: Path) -> None:
    package = str(tmp_path / "package")

    assert list(rules.without([package], [str(tmp_path)])) == [package]


def test_the_filter_names_only_calls_with_numbers() -> None:
    for machine in ("x86_64", "aarch64"):
        assert {*seccomp.REFUSED, *seccomp.ON_PROCESSES} <= kernel.NUMBERS[
            machine
        ].keys() | kernel.EVERYWHERE

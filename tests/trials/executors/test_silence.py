"""Silence: a trial that does nothing is ended, one at work in any way is not."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchbox.data.ratings_files import write_ratings
from benchbox.records.messages import Pairs
from benchbox.records.trial_job import TrialJob, TrialOutcome
from benchbox.trials.executors.local import LocalExecutor
from tests.support.toy_ratings import from_matrix, low_rank

# Each is at it for some four times the limit.
MODELS = """
import subprocess, sys, threading, time
import numpy as np

LONG = 4.0

class Base:
    def fit(self, train, context):
        self.attack(context, time.monotonic() + LONG)
    def predict(self, history, users, items):
        return np.full(len(users), 3.0)

class Deadlocks(Base):
    def attack(self, context, end):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

class Computes(Base):
    def attack(self, context, end):
        while time.monotonic() < end:
            pass

class HasItComputed(Base):
    def attack(self, context, end):
        code = f"import time\\nwhile time.monotonic() < {end}: pass"
        subprocess.run([sys.executable, "-c", code], check=True)

class Prints(Base):
    def attack(self, context, end):
        while time.monotonic() < end:
            print("waiting", flush=True)
            time.sleep(0.1)

class Reports(Base):
    def attack(self, context, end):
        epoch = 0
        while time.monotonic() < end:
            epoch += 1
            context.report(epoch, 100)
            time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    with LocalExecutor(1, tmp_path_factory.mktemp("zygote") / "log") as executor:
        yield executor


def outcome(
    executor: LocalExecutor, folder: Path, name: str, limit: float | None
) -> TrialOutcome:
    (folder / "models.py").write_text(MODELS)
    (folder / "out").mkdir()
    write_ratings(folder / "train", from_matrix(low_rank(5, 4, rank=1, seed=0)))
    job = TrialJob(
        target=f"{folder / 'models.py'}:{name}",
        options_type="",
        options={},
        train=str(folder / "train"),
        history=str(folder / "train"),
        out=str(folder / "out"),
    )
    zeros = np.zeros(3, dtype=np.int32)
    return executor.run(
        msgspec.structs.replace(job, silence_limit_seconds=limit),
        log=folder / "log",
        listen=lambda message: None,
        hand_pairs=lambda: Pairs.written(folder / "out", zeros, zeros),
    ).outcome


def test_a_trial_that_does_nothing_is_ended(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    ended = outcome(executor, tmp_path, "Deadlocks", 1.0)

    assert (ended.status, ended.reason) == (
        "timeout",
        "said, printed and computed nothing for 1 s",
    )


@pytest.mark.parametrize("name", ["Computes", "HasItComputed", "Prints", "Reports"])
def test_a_trial_at_work_in_any_way_goes_on(
    executor: LocalExecutor, tmp_path: Path, name: str
) -> None:
    assert outcome(executor, tmp_path, name, 1.0).status == "ok"


def test_every_trial_has_a_limit_unless_it_is_told_otherwise() -> None:
    job = TrialJob(target="", options_type="", options={}, train="", history="", out="")

    assert job.silence_limit_seconds == 900

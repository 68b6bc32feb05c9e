"""Runs on a Ray cluster of two nodes: the same figures, whatever is killed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchbox.records import RunFolder
from benchbox.runs.attempts import LOST_WORKERS
from benchbox.trials.executors.cluster.executor import PLACE
from tests.studies.kills import essence
from tests.support.commands import Benchbox, running
from tests.support.ray_nodes import RayNodes, await_

pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = pytest.mark.slow

MODELS = "-m bias -m svd -m biased-mf:epochs=3 -m autorec-user:epochs=3"
RUN = f"run -d svd-toy -p kfold:n_folds=2 {MODELS} --threads 1 --device cpu"
SLOW = "run -d svd-toy -p kfold:n_folds=4 -m slow.py:Slow --threads 1 --device cpu"

SLOW_MODEL = '''
"""A model that takes a second."""

import time

import numpy as np

from beside import fill


class Slow:
    def fit(self, train, context):
        print("fitting", flush=True)
        time.sleep(1.0)
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return fill(len(users), self.mean)
'''
BESIDE = """
import numpy as np


def fill(n, value):
    return np.full(n, value, dtype=np.float32)
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with RayNodes(2) as started:
        yield started


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW_MODEL)
    (tmp_path / "beside.py").write_text(BESIDE)
    return tmp_path


def on(nodes: RayNodes) -> str:
    return f"--executor ray --ray-address {nodes.address}"


def n_done(results: Path) -> int:
    return len(list(results.glob("*/trials/*.json")))


def is_fitting(results: Path) -> bool:
    return any(log.read_text() for log in results.glob("*/logs/*"))


def test_trials_on_two_nodes_predict_what_they_predict_here(
    benchbox: Benchbox, nodes: RayNodes, here: Path
) -> None:
    own = "-m slow.py:Slow"
    wanted = essence(benchbox(f"{RUN} {own}").folder)
    there = benchbox(f"{RUN} {own} {on(nodes)}")

    assert there.code == 0, there.err
    assert essence(there.folder) == wanted
    trials = there.trials()
    assert all(PLACE in trial.settings for trial in trials)
    assert all(trial.confined == trials[0].confined for trial in trials)
    # The two nodes are one machine, and that is noticed.
    assert any("benchbox ran beside it" in " ".join(t.contended) for t in trials)
    slow = next(t for t in trials if t.label == "Slow")
    assert there.folder.log(slow).read_text() == "fitting\n"


def test_a_killed_worker_loses_no_trial(
    benchbox: Benchbox, nodes: RayNodes, here: Path
) -> None:
    wanted = essence(benchbox(SLOW).folder)
    results = here / "there"
    with running(*SLOW.split(), *on(nodes).split(), "--out", str(results)) as run:
        await_(lambda: is_fitting(results), "a trial")
        nodes.workers()[0].kill()
        assert run.wait(timeout=300) == 0

    assert essence(RunFolder.find("last", results)) == wanted
    assert lost(results) >= 1


def test_a_killed_node_loses_no_trial(
    benchbox: Benchbox, nodes: RayNodes, here: Path
) -> None:
    wanted = essence(benchbox(SLOW).folder)
    results = here / "there"
    last = len(nodes.nodes) - 1
    with running(*SLOW.split(), *on(nodes).split(), "--out", str(results)) as run:
        await_(lambda: is_fitting(results) and bool(nodes.workers(last)), "a trial")
        nodes.kill(last)
        code = run.wait(timeout=300)
    nodes.add()

    assert code == 0
    assert essence(RunFolder.find("last", results)) == wanted
    assert lost(results) >= 1


def test_a_killed_runner_loses_no_trial_and_leaves_nothing_on_the_nodes(
    benchbox: Benchbox, nodes: RayNodes, here: Path
) -> None:
    wanted = essence(benchbox(SLOW).folder)
    results = here / "there"
    with running(*SLOW.split(), *on(nodes).split(), "--out", str(results)) as run:
        await_(lambda: n_done(results) >= 2, "a trial")
        families = [[one, *one.children(recursive=True)] for one in nodes.workers()]
        assert scratch_folders(nodes)
        run.send_signal(signal.SIGKILL)
        run.wait()
    kept = {p: p.read_bytes() for p in results.glob("*/trials/*.json")}
    await_(lambda: not any(p.is_running() for f in families for p in f), "the end")
    await_(lambda: not scratch_folders(nodes), "a tidy node")
    resumed = benchbox(f"run --resume last --code slow.py --out there {on(nodes)}")

    assert resumed.code == 0, resumed.err
    assert essence(RunFolder.find("last", results)) == wanted
    assert {p: p.read_bytes() for p in kept} == kept


def scratch_folders(nodes: RayNodes) -> list[Path]:
    return list(nodes.scratch.glob("benchbox-scratch-*"))


def lost(results: Path) -> int:
    records = [json.loads(p.read_bytes()) for p in results.glob("*/trials/*.json")]
    return sum(int(one["settings"].get(LOST_WORKERS, "0")) for one in records)

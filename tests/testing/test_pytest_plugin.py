"""The pytest plugin and the gate: an author's tests, run as the author runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbox.cli import main

DATASET = "synthetic:n_users=60,n_items=40,n_ratings=900"

AUTHORS_TESTS = f"""
import pytest

SETTING = dict(dataset="{DATASET}", threads=1)


@pytest.mark.benchmark(group="mine")
def test_stochastic(benchmark, benchbox_trial):
    rounds = benchbox_trial(
        "models.py:Drawn", protocol="kfold:n_folds=3",
        folds="k1,k3", **SETTING, at_most=dict(rmse=4.0, seconds=60),
        at_least=dict(coverage=1.0),
    )
    assert [[r.fold for r in records] for records in rounds] == [["k1", "k3"]] * 6
    assert len({{r.seed for records in rounds for r in records}}) == 12


def test_deterministic(benchbox_trial):
    rounds = benchbox_trial("bias", rounds=2, **SETTING)
    assert [r.repeat for (r,) in rounds] == [0, 1]


def test_missed(benchbox_trial):
    benchbox_trial("bias", rounds=1, at_most=dict(rmse=0.01), **SETTING)


def test_missed_below(benchbox_trial):
    benchbox_trial("bias", rounds=1, at_least=dict(coverage=1.5), **SETTING)


def test_unknown(benchbox_trial):
    benchbox_trial("bais", rounds=1, **SETTING)


def test_no_such_figure(benchbox_trial):
    benchbox_trial("bias", rounds=1, at_most=dict(rsme=1.0), **SETTING)


def test_failing(benchbox_trial):
    benchbox_trial("models.py:Broken", rounds=1, **SETTING)


@pytest.mark.parametrize("variant", ["Old", "Same", "Slow", "Worse"])
def test_gated(benchbox_trial, variant):
    benchbox_trial(f"models.py:{{variant}}", **SETTING)


def test_not_a_benchmark():
    assert False, "never runs under --benchmark-only"
"""

MODELS = """
import time

import numpy as np

from benchbox import Capabilities


class Drawn:
    def fit(self, train, context):
        self.mean = train.values.mean() + np.random.default_rng(context.seed).normal()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean)


class Old:
    capabilities = Capabilities(stochastic=False)
    seconds, offset = 0.1, 0.0

    def fit(self, train, context):
        time.sleep(self.seconds)
        self.mean = train.values.mean()

    def predict(self, history, users, items):
        return np.full(len(users), self.mean + self.offset)


class Same(Old):
    pass


class Slow(Old):
    seconds = 0.2


class Worse(Old):
    offset = 0.3


class Broken(Old):
    def fit(self, train, context):
        raise RuntimeError("no licence")
"""

SAID = {
    "test_missed": "bias on synthetic",
    "test_missed_below": "coverage is 1, below the bound of 1.5.",
    "test_unknown": "No model named 'bais'. Did you mean 'bias'?",
    "test_no_such_figure": "There is a bound for 'rsme', which was not measured.",
    "test_failing": "fold holdout: failed: RuntimeError: no licence",
}


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    # An author's pytest is no worker of ours.
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        env=own | {"COLUMNS": "200", "BENCHBOX_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def authors_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What `pytest --benchmark-only` prints and writes for an author's tests."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_mine.py").write_text(AUTHORS_TESTS)
    (folder / "models.py").write_text(MODELS)
    code, said = run_pytest(folder, "--benchmark-only", "--benchmark-json=new.json")
    assert code == 1
    return said, json.loads((folder / "new.json").read_text())


def test_the_file_of_benchmarks_holds_accuracy_memory_and_machine(
    authors_run: tuple[str, dict[str, Any]],
) -> None:
    said, content = authors_run

    assert "5 failed, 6 passed, 1 skipped" in said, said
    assert "test_failing" not in {b["name"] for b in content["benchmarks"]}
    of = {benchmark["name"]: benchmark for benchmark in content["benchmarks"]}
    extra = of["test_stochastic"]["extra_info"]
    assert of["test_stochastic"]["group"] == "mine"
    for name in ("rmse", "mae", "mape", "coverage", "peak_memory_bytes"):
        assert len(extra[name]) == 6, name
    assert len(set(extra["rmse"])) == 6
    assert set(extra["folds"]) == {"k1", "k3"}
    assert len(extra["contended"]) == 6
    assert extra["machine"] == content["machine_info"]["benchbox_fingerprint"]
    stats = of["test_stochastic"]["stats"]
    assert len(stats["data"]) == 6
    # Milliseconds of fit and predict, not the seconds that processes take to start.
    assert stats["min"] > 0
    assert of["test_deterministic"]["stats"]["rounds"] == 2


@pytest.mark.parametrize("test", SAID)
def test_what_fails_is_said_in_one_line(
    authors_run: tuple[str, dict[str, Any]], test: str
) -> None:
    said, _ = authors_run

    part = said.partition(f"_ {test} _")[2].partition("\n___")[0]
    line = part.splitlines()[1]
    assert SAID[test] in line
    assert "During handling" not in part


def test_starting_pytest_imports_nothing_heavy() -> None:
    script = (
        "import sys, benchbox.testing.pytest_plugin\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "torch", "msgspec", "click"}


class Author:
    """Writes files of benchmarks as a model on a noisy machine would give them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self, name: str, seed: int, *, error: float = 1.0, slower: float = 1.0
    ) -> str:
        draw = np.random.default_rng(seed)
        extra = {
            metric: (best * error * draw.normal(1, 0.0008, 6)).tolist()
            for metric, best in (("rmse", 0.93), ("mae", 0.73), ("mape", 0.28))
        }
        # Five hundredths of noise, the day's pace, and now and then a disturbance.
        pace = np.exp(draw.normal(0, 0.02))
        times = 0.4 * slower * pace * np.exp(draw.normal(0, 0.05, 6))
        times *= np.where(draw.random(6) < 0.05, 1.5, 1.0)
        benchmark = {
            "name": "test_trial",
            "fullname": "tests/test_benchmark.py::test_trial",
            "extra_info": {**extra, "coverage": [1.0] * 6},
            "stats": {"data": times.tolist()},
        }
        machine = {"benchbox_fingerprint": "44836eaa61a6aed9", "cpu": {"count": 2}}
        file = self.folder / name
        file.write_text(
            json.dumps({"machine_info": machine, "benchmarks": [benchmark]})
        )
        return str(file)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def test_the_gate_lets_an_unchanged_model_pass_twenty_times_in_twenty(
    author: Author,
) -> None:
    codes = [
        main(["compare", author.write("old", 2 * k), author.write("new", 2 * k + 1)])
        for k in range(20)
    ]

    assert codes == [0] * 20


@pytest.mark.parametrize(
    ("change", "cell"),
    [({"error": 1.03}, "rmse"), ({"slower": 2.0}, "time")],
    ids=["3 % worse", "twice as slow"],
)
def test_the_gate_refuses_a_model_made_worse(
    author: Author,
    change: dict[str, float],
    cell: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for k in range(20):
        old = author.write("old", 100 + k)
        assert main(["compare", old, author.write("new", 200 + k, **change)]) == 1
        out = capsys.readouterr().out
        assert any(cell in line and "WORSE" in line for line in out.splitlines()), out


def test_the_gate_on_real_trials_of_a_model(
    authors_run: tuple[str, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Sleep is what a loaded machine lengthens least; only the factor counts.

    Other tests, or whoever else uses the machine, may disturb all rounds.
    """
    _, content = authors_run
    for benchmark in content["benchmarks"]:
        name = benchmark["name"].removeprefix("test_gated[").rstrip("]").lower()
        alone = benchmark | {"name": "it", "fullname": "test_mine.py::it"}
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content | {"benchmarks": [alone]}))
    old = str(tmp_path / "old.json")

    codes = {
        name: main(
            ["compare", "--trust-contended", old, str(tmp_path / f"{name}.json")]
        )
        for name in ("same", "slow", "worse")
    }

    assert codes == {"same": 0, "slow": 1, "worse": 1}, capsys.readouterr().out

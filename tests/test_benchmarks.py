"""Benchmarks take long and depend on the machine; that they still run does not."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_all_benchmarks_are_collected_and_one_runs() -> None:
    # A run of its own, since what it measures must not share a process.
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--benchmark-disable", "tests/benchmarks"]
        + ["-k", "test_a_training_step and ml-100k-default"],
        cwd=Path(__file__).parents[1],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    ran = re.search(r"1 passed, (\d+) deselected", done.stdout)
    assert ran, done.stdout
    assert int(ran[1]) >= 70

"""A run of pytest of its own, which knows nothing of the one that it is part of."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def own_pytest(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run pytest in a process, with *variables* in its environment."""
    ours = ("PYTEST_", "COV_", "COVERAGE_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env=env | variables,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )

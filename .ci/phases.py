"""Phases: how long each command of a tox run took, from the file tox writes of it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WIDTH = 70


def main(file: Path) -> None:
    """Print a line per command, in the order they were run."""
    environments: dict[str, Any] = json.loads(file.read_text())["testenvs"]
    for name, environment in environments.items():
        for seconds, command in _commands(environment):
            print(f"{seconds:7.1f} s  {name:6}  {command}")


def _commands(environment: dict[str, Any]) -> Iterator[tuple[float, str]]:
    for run in (*environment.get("setup", ()), *environment.get("test", ())):
        program, *words = run["command"]
        yield run["elapsed"], " ".join([Path(program).name, *words])[:_WIDTH]


if __name__ == "__main__":
    main(Path(sys.argv[1]))

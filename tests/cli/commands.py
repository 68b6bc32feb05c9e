"""Running the command line in this process, as a user would."""

import atexit
import shlex
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from benchbox.cli import main
from benchbox.executors.local import LocalExecutor
from benchbox.results import RunFolder, TrialRecord

PLANTED = Path(__file__).parent.parent / "planted_models.py"


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str
    results: Path

    @property
    def folder(self) -> RunFolder:
        return RunFolder.find("last", self.results)

    def trials(self) -> list[TrialRecord]:
        return self.folder.trials()

    def by_label(self) -> dict[str, TrialRecord]:
        return {trial.label: trial for trial in self.trials()}


Benchbox = Callable[[str], Done]


def lent(n_threads: int, log: Path) -> AbstractContextManager[LocalExecutor]:
    """Lend an executor that outlives the command: its zygote takes seconds to start."""
    return nullcontext(_executor(n_threads, tuple(sys.path)))


@cache
def _executor(n_threads: int, path: tuple[str, ...]) -> LocalExecutor:
    log = Path(tempfile.mkdtemp(prefix="benchbox-tests-")) / "zygote.log"
    executor = LocalExecutor(n_threads, log)
    executor.__enter__()
    atexit.register(executor.__exit__, None, None, None)
    return executor


@pytest.fixture
def benchbox(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Benchbox:
    """Run ``benchbox …`` in an empty folder with an empty home, without network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    for module in ("run", "tune", "verify", "fit"):
        monkeypatch.setattr(f"benchbox.cli.{module}.LocalExecutor", lent)

    def call(line: str) -> Done:
        words = shlex.split(line.replace("planted.py", str(PLANTED)))
        code = main(words)
        out, err = capsys.readouterr()
        return Done(code, out, err, tmp_path / "results")

    return call

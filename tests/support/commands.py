"""Running the command line in this process, as a user would."""

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from benchbox.records.trial import TrialRecord
from benchbox.trials.executors.local import LocalExecutor

PLANTED = Path(__file__).parent / "planted_models.py"


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


class Lender:
    """Lends executors that outlive a command, since a zygote takes seconds to start."""

    def __init__(self) -> None:
        self._key: tuple[int, tuple[str, ...]] | None = None
        self._stack = ExitStack()

    def lend(self, n_threads: int, log: Path) -> AbstractContextManager[LocalExecutor]:
        """Return what a command can enter and leave in place of an executor."""
        # A zygote finds modules where its runner did when it started.
        key = n_threads, tuple(sys.path)
        if key != self._key:
            self.close()
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            executor = LocalExecutor(n_threads, Path(folder) / "zygote.log")
            self._executor = self._stack.enter_context(executor)
            self._key = key
        return nullcontext(self._executor)

    def close(self) -> None:
        """End the executor, if there is one."""
        self._stack.close()
        self._key = None


@pytest.fixture(scope="module")
def lender() -> Iterator[Lender]:
    lender = Lender()
    yield lender
    lender.close()


@pytest.fixture
def benchbox(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    lender: Lender,
) -> Benchbox:
    """Run ``benchbox …`` in an empty folder with an empty home, without network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHBOX_OFFLINE", "1")
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("benchbox.trials.executors.local.LocalExecutor", lender.lend)

    def call(line: str) -> Done:
        words = shlex.split(line.replace("planted.py", str(PLANTED)))
        code = main(words)
        out, err = capsys.readouterr()
        return Done(code, out, err, tmp_path / "results")

    return call

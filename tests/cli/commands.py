"""Running the command line in this process, as a user would."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchbox.cli import main
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

    def call(line: str) -> Done:
        words = shlex.split(line.replace("planted.py", str(PLANTED)))
        code = main(words)
        out, err = capsys.readouterr()
        return Done(code, out, err, tmp_path / "results")

    return call

"""Running the command line in this process, as a user would."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchbox.cli import main
from benchbox.records import TrialJob
from benchbox.records.folder import RunFolder
from benchbox.records.trial import TrialRecord
from benchbox.trials.executors.local import LocalExecutor
from benchbox.trials.first_use import FirstUse

PLANTED = Path(__file__).parent / "planted_models.py"


def start_zygotes_of(program: str, patch: pytest.MonkeyPatch | None = None) -> None:
    """Have zygotes that are started from now on run the module *program* instead."""
    patch = patch or pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    patch.setattr("benchbox.trials.executors.starter._PROGRAM", program)


UNGUARDED = "tests.support.unguarded_zygote"
"""Leaves its trials unconfined."""

MEASURED = "tests.support.measured_zygote"
"""Lets its trials count towards the coverage of these tests."""

NO_MOUNTS = "tests.support.no_mounts_zygote"
"""Works as on a system that lets no process have mounts of its own."""

OLD_KERNEL = "tests.support.old_kernel_zygote"
"""Works as on a kernel without Landlock."""


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
    """Lends executors that outlive a command, since a zygote takes seconds to start.

    Their trials see the environment as it was before any test changed it, and a cache
    of their own.
    """

    _MOST = 3
    """Zygotes at a time; each holds some 300 MB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        cache = {"BENCHBOX_CACHE": str(folder / "cache"), "BENCHBOX_OFFLINE": "1"}
        self._variables = {**os.environ, **cache}
        self._lent: dict[tuple[int, int, tuple[str, ...]], LocalExecutor] = {}
        self._paid: set[bytes] = set()

    def serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have commands borrow their executors here."""
        monkeypatch.setattr("benchbox.trials.executors.local.LocalExecutor", self._lend)
        pay = FirstUse._pay

        # As an executor outlives its command, so does the first use of a model.
        def pay_once(first_use: FirstUse, job: TrialJob, *rest: Any) -> float:
            model = job.target, job.options, job.device, job.validation is None
            known = msgspec.json.encode(model)
            if known in self._paid:
                return 0.0
            self._paid.add(known)
            return pay(first_use, job, *rest)

        monkeypatch.setattr(FirstUse, "_pay", pay_once)

    def close(self) -> None:
        """End all executors."""
        for key in [*self._lent]:
            self._end(key)

    def _lend(
        self, n_threads: int, log: Path, jobs: int = 1
    ) -> AbstractContextManager[LocalExecutor]:
        # A zygote finds modules where its runner did when it started.
        key = n_threads, jobs, tuple(sys.path)
        executor = self._lent.pop(key, None) or self._started(n_threads, jobs)
        self._lent[key] = executor
        if len(self._lent) > self._MOST:
            self._end(next(iter(self._lent)))
        return nullcontext(executor)

    def _started(self, n_threads: int, jobs: int) -> LocalExecutor:
        log = self._folder / "zygote.log"
        executor = LocalExecutor(
            n_threads, log, variables=self._variables, folder=self._folder, jobs=jobs
        )
        return executor.__enter__()

    def _end(self, key: tuple[int, int, tuple[str, ...]]) -> None:
        self._lent.pop(key).__exit__(None, None, None)


@contextmanager
def running(*words: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """Run ``benchbox …`` in a process of its own, which is gone in the end.

    Ctrl-C ends it even where the tests themselves ignore it, as what a shell starts in
    the background does.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = [sys.executable, "-P", "-m", "benchbox", *words]
        process = subprocess.Popen(command, text=True, **settings)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    lender = Lender(tmp_path_factory.mktemp("lender"))
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
    # On a busy machine what is loading would be said, among lines that tests count.
    monkeypatch.setattr("benchbox.cli.progress.SILENT_SECONDS", 3600.0)
    lender.serve(monkeypatch)

    def call(line: str) -> Done:
        words = shlex.split(line.replace("planted.py", str(PLANTED)))
        code = main(words)
        out, err = capsys.readouterr()
        return Done(code, out, err, tmp_path / "results")

    return call

"""Runs of honest models among faulty ones, and what must be so in all of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from benchbox.cli import main
from benchbox.records.folder import RunFolder
from benchbox.records.trial import TrialRecord
from tests.support.commands import Lender


class Ran:
    """A run of honest models among hostile ones, and the same run without these.

    Args:
        file: File of the hostile models.
        names: Their classes.
        folder: Folder for results.
        time_limit: Seconds of each trial; those that end by themselves must have plenty
            on a busy machine, too.
    """

    def __init__(
        self, file: Path, names: Sequence[str], folder: Path, time_limit: int = 12
    ) -> None:
        self.file, self._time_limit = file, time_limit
        self.names, self.printed = tuple(names), StringIO()
        self.code, self.folder = self._run("among", names, folder)
        self.records = {record.label: record for record in self.folder.trials()}
        assert self.records, self.printed.getvalue()
        _, self.alone = self._run("alone", (), folder)

    def _run(
        self, name: str, hostile: Sequence[str], folder: Path
    ) -> tuple[int, RunFolder]:
        line = (
            f"run -d svd-toy -p holdout:fraction=0.3 --seeds 1 "
            f"--time-limit {self._time_limit}"
        )
        models = [
            "-m",
            "bias",
            *(f"-m{self.file}:{one}" for one in hostile),
            "-m",
            "svd",
        ]
        out = folder / name
        with redirect_stdout(self.printed), redirect_stderr(self.printed):
            code = main([*line.split(), *models, "--device", "cpu", "--out", str(out)])
        return code, RunFolder.find("last", out)

    def log(self, record: TrialRecord) -> bytes:
        return self.folder.log(record).read_bytes()


@contextmanager
def lent(folder: Path) -> Iterator[None]:
    """Let commands work in *folder*, with executors that outlive them."""
    lender = Lender(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BENCHBOX_OFFLINE", "1")
        patch.setenv("BENCHBOX_CACHE", str(folder / "cache"))
        lender.serve(patch)
        yield
    lender.close()


def check_endings(
    ran: Ran, endings: Mapping[str, tuple[str, str]], names: Sequence[str]
) -> None:
    for name in names:
        status, reason = endings[name]
        record = ran.records[name]
        assert record.status == status, record
        assert re.search(reason, record.reason), record


def check_the_others(ran: Ran) -> None:
    assert ran.code == 1
    assert set(ran.records) == {"bias", "svd", *ran.names}
    for label in ("bias", "svd"):
        assert ran.records[label].status == "ok"
        mine = ran.folder.predictions(ran.records[label])
        (alone,) = (r for r in ran.alone.trials() if r.label == label)
        assert mine.tobytes() == ran.alone.predictions(alone).tobytes()
        assert ran.records[label].metrics == alone.metrics

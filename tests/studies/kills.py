"""Kills the runner of a run at random moments, and resumes the run.

    python tests/studies/kills.py --kills 50 [--seed 0]

A run of 24 trials is killed (SIGKILL, the runner alone) after a random time, then
resumed and killed again, until it has finished; then the next run begins. After each
kill, records that were there must stay as they are, byte for byte. Each run that
finished must have the keys, the metrics and the predictions of an undisturbed one.
After each start that follows a kill, nothing of the killed one may be left: no process,
no lock, no temporary folder.
"""

import argparse
import getpass
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchbox.records import RunFolder, TrialRecord

MODELS = ("bias", "user-mean", "item-mean", "svd", "biased-mf", "slope-one")
SETTINGS = ("-d", "svd-toy", "-p", "kfold:n_folds=4", "--seeds", "1")
SETTINGS += ("--threads", "1", "--device", "cpu")

_SHARED = (f"benchbox-{os.getuid()}", f"torchinductor_{getpass.getuser()}")
"""Temporary folders that all runs of a user share: who is at work, and torch's."""

GRACE_SECONDS = 20.0
"""For what a killed runner left to notice and to end."""


@dataclass
class Found:
    """What became of the runs.

    Attributes:
        n_kills: Number of kills.
        n_runs: Number of runs that finished.
        n_kept: Records that were there at a kill, all kills together.
        wrong: What was wrong, a sentence each.
    """

    n_kills: int = 0
    n_runs: int = 0
    n_kept: int = 0
    wrong: list[str] | None = None

    def complain(self, text: str) -> None:
        """Note that something is wrong."""
        self.wrong = [*(self.wrong or []), text]
        print(text, flush=True)


class Place:
    """A folder with results and temporary files of its own."""

    def __init__(self, folder: Path, models: tuple[str, ...] = MODELS) -> None:
        self.results, self.temporary = folder / "results", folder / "tmp"
        self.temporary.mkdir(parents=True)
        self._models = models
        self._environment = os.environ | {
            "TMPDIR": str(self.temporary),
            "BENCHBOX_CACHE": str(folder / "cache"),
            "BENCHBOX_OFFLINE": "1",
            "BENCHBOX_REPORT": "off",
        }

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin a run, or go on with the one that is there."""
        more: tuple[str, ...] = ("--resume", "last")
        if not any(self.results.glob("*/run.json")):
            chosen = [word for model in self._models for word in ("-m", model)]
            more = (*SETTINGS, *chosen)
        words = [sys.executable, "-m", "benchbox", "run", *more]
        return subprocess.Popen(
            [*words, "--out", str(self.results)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def run(self) -> RunFolder | None:
        """The run, once it has a record."""
        found = [path.parent for path in self.results.glob("*/run.json")]
        return RunFolder(found[0]) if found else None

    def stored(self) -> dict[str, bytes]:
        """Return the records of trials that ended well, by name."""
        files = self.results.glob("*/trials/*.json")
        contents = {file.name: file.read_bytes() for file in files}
        return {n: c for n, c in contents.items() if json.loads(c)["status"] == "ok"}

    def processes(self) -> list[int]:
        """Return the processes that use these temporary files."""
        mark = f"TMPDIR={self.temporary}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return [pid for pid in found if pid != os.getpid()]

    def left(self) -> list[str]:
        """Return what processes of runs that have ended left, after a while."""
        until = time.monotonic() + GRACE_SECONDS
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        said = [f"process {pid}" for pid in self.processes()]
        mine = (f for f in self.temporary.iterdir() if f.name not in _SHARED)
        said += [f"folder {path.name}" for path in mine]
        said += [f"file {path}" for path in self.results.rglob("*.part")]
        if self.run is not None and self.run.is_running():
            said.append("a lock")
        return said


def essence(folder: RunFolder) -> dict[str, tuple[object, ...]]:
    """Return what must be the same in an undisturbed run, by trial."""

    def of(trial: TrialRecord) -> tuple[object, ...]:
        return trial.key, trial.status, trial.metrics, trial.predictions_digest

    return {f"{t.label} {t.fold} r{t.replicate}": of(t) for t in folder.trials()}


def finish(place: Place) -> str:
    """Carry the run out to its end; return what it complained of."""
    process = place.start()
    _, said = process.communicate()
    return "" if process.returncode == 0 else said.decode()


def kill_at(place: Place, seconds: float) -> bool:
    """Begin or resume the run and kill its runner; return whether it was killed."""
    process = place.start()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def study(n_kills: int, seed: int, root: Path) -> Found:
    """Kill runs until *n_kills* is reached and the last run has finished."""
    found, rng = Found(), random.Random(seed)
    plain = Place(root / "undisturbed")
    began = time.monotonic()
    if said := finish(plain):
        raise SystemExit(f"the undisturbed run failed: {said}")
    whole_seconds = time.monotonic() - began
    assert plain.run is not None
    wanted = essence(plain.run)
    print(f"undisturbed: {len(wanted)} trials in {whole_seconds:.1f} s", flush=True)
    while found.n_kills < n_kills:
        place = Place(root / f"run-{found.n_runs}")
        _until_finished(place, found, rng, whole_seconds, n_kills)
        assert place.run is not None
        if essence(place.run) != wanted:
            found.complain(f"run {found.n_runs} differs from the undisturbed one")
        found.n_runs += 1
        shutil.rmtree(place.results.parent)
    return found


def _until_finished(
    place: Place, found: Found, rng: random.Random, seconds: float, n_kills: int
) -> None:
    known: dict[str, bytes] = {}
    is_over = False
    while not is_over:
        if found.n_kills < n_kills and kill_at(place, rng.uniform(0, 1.1 * seconds)):
            found.n_kills += 1
        elif said := finish(place):
            found.complain(f"resuming failed: {said}")
            return
        else:
            is_over = True
            if left := place.left():
                found.complain(f"left behind: {', '.join(left)}")
        now = place.stored()
        for name, content in known.items():
            if now.get(name) != content:
                found.complain(f"{name} was lost or run again")
        known = now
        found.n_kept += 0 if is_over else len(known)
        print(f"{found.n_kills} kills, {len(known)} trials", flush=True)


def main() -> int:
    """Run the study."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = study(options.kills, options.seed, Path(folder))
    print(
        f"{found.n_kills} kills of {found.n_runs} runs, {found.n_kept} records kept, "
        f"{len(found.wrong or [])} findings"
    )
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())

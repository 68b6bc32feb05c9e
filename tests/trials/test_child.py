"""Child: a trial on an accelerator says what it measured there, and what it lacks."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np

from benchbox.data.ratings_files import write_ratings
from benchbox.records.trial_job import TrialJob, TrialOutcome
from tests.support.commands import PLANTED
from tests.support.toy_ratings import from_matrix, low_rank

# In a process of its own: a trial changes settings of the whole process.
SCRIPT = """
import sys
from pathlib import Path

import msgspec
import torch

from benchbox.machine.accelerator import MemoryPeaks
from benchbox.machine.processor import Processor
from benchbox.records import Enough, Loaded, Pairs, Predicted, TrialJob, Visible
from benchbox.trials import child

class Card(Processor):
    kind, is_accelerator = "mps", True

    def memory_peaks(self):
        return MemoryPeaks(300, 500)

    def settings(self):
        return {"card": "fast"}

    def missing(self):
        return {"step times": "it has no events"}

class Channel:
    def send(self, message):
        self.said = message

    def receive(self):
        if isinstance(self.said, Loaded):
            return Visible(train=job.train, history=job.history)
        if isinstance(self.said, Predicted):
            return Enough()
        folder = Path(job.out)
        return Pairs(users=str(folder / "users.npy"), items=str(folder / "items.npy"))

job = msgspec.json.decode(sys.argv[1], type=TrialJob)
child.device_named = {"mps:0": Card()}.get
outcome = child.run_trial(job, Channel())
assert not torch.are_deterministic_algorithms_enabled()
print(msgspec.json.encode(outcome).decode())
"""


def test_a_trial_on_an_accelerator_states_what_is_missing(tmp_path: Path) -> None:
    train = from_matrix(low_rank(5, 4, rank=1, seed=0))
    write_ratings(tmp_path / "train", train)
    for name in ("users", "items"):
        np.save(tmp_path / f"{name}.npy", getattr(train, name)[:3])
    job = TrialJob(
        target=f"{PLANTED}:Honest",
        options_type="",
        options={},
        train=str(tmp_path / "train"),
        history=str(tmp_path / "train"),
        out=str(tmp_path),
        device="mps:0",
    )

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, msgspec.json.encode(job).decode()],
        capture_output=True,
        text=True,
        check=True,
    )
    outcome = msgspec.json.decode(done.stdout, type=TrialOutcome)

    assert outcome.status == "ok", outcome.reason
    assert list(outcome.wall_seconds) == ["start", "load", "fit", "predict"]
    assert outcome.peak_accelerator_bytes == 300
    assert outcome.reserved_accelerator_bytes == 500
    assert outcome.missing == {"step times": "it has no events"}
    assert outcome.settings["card"] == "fast"
    assert outcome.steps is None

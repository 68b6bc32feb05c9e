"""Probe: what training costs in time and memory, in a process of its own.

``probe(job)`` runs this file as a script, so that nothing of the caller's is counted.
"""

import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Literal

import msgspec
import torch
from benchbox_autoencoders.fused import warm_up
from clocks import ROUNDS, seconds, two_threads
from shapes import load_rows, on_device
from takers import Case, Take, best, ours

from benchbox.timing import peak_memory_bytes


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to train for how long.

    Attributes:
        folder: Rows, as `save_rows` wrote them.
        n_columns: Width of a row.
        case: What is trained how.
        taker: Our engine, or the best dense step, which takes one batch only.
        n_steps: Steps timed together, one batch each; 0 for an epoch.
        rounds: How often, after a round to warm up.
    """

    folder: str
    n_columns: int
    case: Case
    taker: Literal["ours", "best"] = "ours"
    n_steps: int = 1
    rounds: int = ROUNDS


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it cost.

    Attributes:
        step_seconds: Median per step.
        n_steps: How many steps make an epoch.
        peak_mib: Largest resident set, interpreter and ratings included.
        device_mib: Most memory held on an accelerator.
    """

    step_seconds: float
    n_steps: int
    peak_mib: int
    device_mib: int

    @property
    def epoch_seconds(self) -> float:
        """Steps times the median step."""
        return self.n_steps * self.step_seconds


def probe(job: Job) -> Cost:
    """Return what *job* costs, measured by a child."""
    # Threads that spin while they wait would take the kernels' time, as in trials.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, __file__, msgspec.json.encode(job).decode()]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Cost)


def _measure(job: Job) -> Cost:
    device = job.case.device
    take, n_rows = _taker(job)
    take(1)
    taken = median(seconds(lambda: take(1), device) for _ in range(job.rounds))
    n_steps = -(-n_rows // job.case.batch_size)
    return Cost(
        step_seconds=taken / (job.n_steps or n_steps),
        n_steps=n_steps,
        peak_mib=_peak_bytes() >> 20,
        device_mib=torch.cuda.max_memory_allocated() >> 20 if device != "cpu" else 0,
    )


def _taker(job: Job) -> tuple[Take, int]:
    case = job.case
    rows = on_device(load_rows(Path(job.folder), job.n_columns), case.device)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    if job.taker == "best":
        return best(case, rows, order[: case.batch_size]), len(rows)
    warm_up()
    n_wanted = job.n_steps * case.batch_size or len(rows)
    return ours(case, rows, order[:n_wanted]), len(rows)


def _peak_bytes() -> int:
    # A child inherits ru_maxrss of its parent on Linux.
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) << 10
    return peak_memory_bytes(getrusage(RUSAGE_SELF))


if __name__ == "__main__":
    with two_threads():
        cost = _measure(msgspec.json.decode(sys.argv[1], type=Job))
    sys.stdout.buffer.write(msgspec.json.encode(cost))

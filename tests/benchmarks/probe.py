"""Probe: what training costs in time and memory, in a process of its own.

``probe(job)`` runs this module anew, so that nothing of the caller's is counted.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Literal, NamedTuple

import msgspec
import torch
from benchbox_autoencoders.options import Route
from benchbox_autoencoders.route import warm_up
from benchbox_autoencoders.rows import Rows

from benchbox.machine.clocks.memory import peak_memory_bytes
from tests.benchmarks.clocks import ROUNDS, in_turn, two_threads
from tests.benchmarks.shapes import load_rows, on_device
from tests.benchmarks.takers import Case, Take, best, ours

TakerName = Literal["ours", "ours dense", "best"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to train for how long.

    Attributes:
        folder: Rows, as `save_rows` wrote them.
        n_columns: Width of a row.
        case: What is trained how.
        takers: Who takes steps, in turn: our engine along the sparse or the dense
            route, or the best dense step.
        n_steps: Batches our engine takes per turn; 0 for an epoch. The best dense step
            has one batch only.
        rounds: How many turns, after one to warm up.
    """

    folder: str
    n_columns: int
    case: Case
    takers: tuple[TakerName, ...] = ("ours",)
    n_steps: int = 1
    rounds: int = ROUNDS


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it cost.

    Attributes:
        step_seconds: Median per step and taker.
        n_steps: How many steps make an epoch.
        peak_mib: Largest resident set, interpreter and ratings included.
        device_mib: Most memory held on an accelerator.
    """

    step_seconds: dict[TakerName, float]
    n_steps: int
    peak_mib: int
    device_mib: int

    def epoch_seconds(self, taker: TakerName) -> float:
        """Return steps times the median step."""
        return self.n_steps * self.step_seconds[taker]


def probe(job: Job) -> Cost:
    """Return what *job* costs, measured by a child."""
    # Threads that spin while they wait would take the kernels' time, as in trials.
    environment = os.environ | {
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    said = msgspec.json.encode(job).decode()
    command = [sys.executable, "-P", "-m", "tests.benchmarks.probe", said]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Cost)


def _measure(job: Job) -> Cost:
    device = job.case.device
    rows = on_device(load_rows(Path(job.folder), job.n_columns), device)
    warm_up(job.case.options)
    turns = {name: _turn(job, name, rows) for name in job.takers}
    # An accelerator works while it is told what comes next.
    again = 1 if device == "cpu" else 20
    works = {name: partial(turn.take, again) for name, turn in turns.items()}
    taken = in_turn(works, device, job.rounds)
    return Cost(
        step_seconds={
            name: taken[name] / (again * turn.n_steps) for name, turn in turns.items()
        },
        n_steps=_n_steps(job, rows),
        peak_mib=_peak_bytes() >> 20,
        device_mib=0 if device == "cpu" else torch.cuda.max_memory_allocated() >> 20,
    )


class _Turn(NamedTuple):
    take: Take
    n_steps: int


def _turn(job: Job, name: TakerName, rows: Rows) -> _Turn:
    case = job.case
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    if name == "best":
        return _Turn(best(case, rows, order[: case.batch_size]), 1)
    n_steps = job.n_steps or _n_steps(job, rows)
    index = order[: n_steps * case.batch_size]
    return _Turn(ours(case, rows, index, _ROUTES[name]), n_steps)


_ROUTES: dict[str, Route] = {"ours": "sparse", "ours dense": "dense"}


def _n_steps(job: Job, rows: Rows) -> int:
    return -(-len(rows) // job.case.batch_size)


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

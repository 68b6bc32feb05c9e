"""Clocks: seconds of work that takes turns, on a processor or an accelerator."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TypeVar

import torch

N_THREADS = 2
ROUNDS = 5

Work = Callable[[], object]
Name = TypeVar("Name", bound=str)


@contextmanager
def two_threads() -> Iterator[None]:
    """Let torch use two threads; what was set before comes back."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(N_THREADS)
    yield
    torch.set_num_threads(before[0])
    torch.set_float32_matmul_precision(before[1])


def seconds(work: Work, device: str) -> float:
    """Return how long *work* takes, until *device* has done all of it."""
    _wait_for(device)
    started = perf_counter()
    work()
    _wait_for(device)
    return perf_counter() - started


def in_turn(
    works: Mapping[Name, Work], device: str, rounds: int = ROUNDS
) -> dict[Name, float]:
    """Return the median seconds of each of *works*, after a round to warm up.

    They take turns, so that whatever else the machine does disturbs all alike.
    """
    for work in works.values():
        seconds(work, device)
    taken = [
        {name: seconds(work, device) for name, work in works.items()}
        for _ in range(rounds)
    ]
    return {name: median(times[name] for times in taken) for name in works}


def _wait_for(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)

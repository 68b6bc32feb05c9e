"""Limits the numbers of threads that torch and kernels compiled by numba use."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(n_threads: int) -> Iterator[None]:
    """Let torch use at most *n_threads* threads within the block.

    Idle threads sleep, and waking one takes about 50 µs, so short operations run
    faster with few threads.
    """
    # Its import takes long, and the other limit is for models without it.
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(before, n_threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def kernels_at_most(n_threads: int) -> Iterator[None]:
    """Let kernels of numba use at most *n_threads* threads within the block."""
    # Its import takes long, and most models have no kernels.
    import numba

    before = numba.get_num_threads()
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n_threads, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)

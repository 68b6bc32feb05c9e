"""Limits the number of torch threads for small operations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def at_most(n_threads: int) -> Iterator[None]:
    """Let torch use at most *n_threads* threads within the block.

    Idle threads sleep, and waking one takes about 50 µs, so short operations run
    faster with few threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, n_threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Threads: how many torch uses for work that is too small for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def at_most(n_threads: int) -> Iterator[None]:
    """Let torch use no more threads; what was set before comes back.

    Threads of a trial sleep while they wait: waking one takes some 50 µs, which short
    operations do not win back.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, n_threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)

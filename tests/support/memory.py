"""Measures the memory of arrays; that of mapped files does not count."""

import tracemalloc
from collections.abc import Callable


def peak_bytes(act: Callable[[], object]) -> int:
    """Return the peak of the memory that NumPy allocates during *act*.

    It does not depend on the machine. Memory of torch does not count.
    """
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        act()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()

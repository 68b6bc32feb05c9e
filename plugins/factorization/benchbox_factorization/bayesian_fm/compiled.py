"""How the kernels of this package are compiled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba

# Sums may be reordered, so that they are vectorised; NaN and infinity stay valid.
_FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}


def jit(**settings: Any) -> Any:
    """Return a decorator that compiles a function on first use.

    It is compiled once per machine and cached on disk. Division by 0 gives infinity, as
    in NumPy; Python would raise an error.
    """
    return numba.njit(fastmath=_FAST, cache=True, error_model="numpy", **settings)


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Run kernels in the block with at most *n_threads* threads."""
    before = numba.get_num_threads()
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n_threads, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)

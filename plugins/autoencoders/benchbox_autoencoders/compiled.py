"""How the CPU kernels of the autoencoders are compiled."""

from typing import Any, Literal

import numba

# Sums may be reordered, so that they are vectorised; NaN and infinity stay valid.
_FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}


def jit(parallel: bool = False, inline: Literal["never", "always"] = "never") -> Any:
    """Return a decorator that compiles a kernel once per machine, cached on disk."""
    # Division by 0 gives infinity, as in NumPy; Python would raise an error.
    return numba.njit(
        parallel=parallel,
        inline=inline,
        fastmath=_FAST,
        cache=True,
        error_model="numpy",
    )

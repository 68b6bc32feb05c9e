"""How numba compiles the kernels of models."""

from collections.abc import Callable
from typing import Any, Literal

import numba

# Neither what numba has stored nor the keys of trials notice a change of these
# settings: both look at the files of the kernels, so edit these as well.

# Sums may be reordered, so that they are vectorised; NaN and infinity stay valid. The
# sign of zero must not be ignored as well ("nsz"): LLVM would then rewrite whole
# expressions, and rewrite them once more where a function is compiled as part of its
# caller. Which of both copies runs depends on whether code has just been compiled or is
# read from disk, so the first process would get other bytes than all later ones.
_REORDERED = {"reassoc", "contract"}


def kernel(
    *,
    parallel: bool = False,
    inline: Literal["never", "always"] = "never",
    in_order: bool = False,
    nogil: bool = False,
) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function on first use, for each kind of input.

    It is compiled once per machine and stored on disk; a process that reads it from
    there computes the same bytes as the one that compiled it. Division by 0 gives
    infinity, as in NumPy; Python would raise an error.

    Args:
        parallel: Whether threads share the loops over ``numba.prange``.
        inline: ``"always"`` makes it part of the code of each kernel that calls it.
        in_order: Whether numbers are added up in the order of the source; otherwise
            in any, which is faster.
        nogil: Whether other threads of Python run at the same time.
    """
    return numba.njit(
        parallel=parallel,
        inline=inline,
        nogil=nogil,
        fastmath=False if in_order else _REORDERED,
        cache=True,
        error_model="numpy",
    )

"""Randomness: seeds by name from one root, and a permutation no upgrade can move."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def derive_seed(root: int, *path: str | int) -> int:
    """Return the seed of a named branch below *root*.

    Branches are independent: adding a model or a fold changes nobody else's
    seed, as it would if seeds were drawn one after the other.

    Args:
        root: The seed of the whole run.
        path: Names and numbers that say which branch is meant.

    Returns:
        A seed in ``[0, 2**53)``, so that JSON readers of any language keep it.
    """
    digest = blake2b(digest_size=8)
    for part in (root, *path):
        # The type and the separator keep ("a", "b") and ("ab",), 1 and "1" apart.
        text = f"{type(part).__name__}:{part}\0"
        # File names that are no text come as lone surrogates.
        digest.update(text.encode(errors="surrogateescape"))
    return int.from_bytes(digest.digest(), "big") >> 11


def permutation(n: int, seed: int) -> NDArray[np.int64]:
    """Return the numbers below *n* in an order drawn by *seed*.

    NumPy promises the raw PCG64 stream for ever, but not what `shuffle` makes
    of it; sorting raw draws rests on the promise alone.
    """
    draws = np.random.PCG64(seed).random_raw(n)
    return np.argsort(draws, kind="stable")

"""Seeds derived by name from one root, and permutations that no upgrade can change."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import long_slices
from benchbox.arrays.positions import order_of


def derive_seed(root: int, *path: str | int) -> int:
    """Return the seed of a named branch of *root*.

    Branches are independent: adding a model or a fold changes no other seed, as it
    would if seeds were drawn one after another.

    Args:
        root: Seed of the whole run.
        path: Names and numbers that identify the branch.

    Returns:
        A seed in ``[0, 2**53)``, which survives JSON in every programming language.
    """
    digest = blake2b(digest_size=8)
    for part in (root, *path):
        # The type and the separator keep ("a", "b") and ("ab",), 1 and "1" apart.
        text = f"{type(part).__name__}:{part}\0"
        # File names that are not valid UTF-8 contain lone surrogates.
        digest.update(text.encode(errors="surrogateescape"))
    return int.from_bytes(digest.digest(), "big") >> 11


def raw_draws(n: int, seed: int, purpose: str, *path: str | int) -> NDArray[np.uint64]:
    """Return *n* random numbers, uniform over 64 bits, shape ``(n,)``.

    They are drawn from the branch of *seed* that *purpose* and *path* name, never from
    the stream of *seed* itself. `numpy.random.default_rng` draws from that one, so data
    simulated with the same seed would decide what a split hides.

    NumPy guarantees that the raw PCG64 stream never changes, but not what its other
    methods make of it.
    """
    stream = np.random.PCG64(derive_seed(seed, purpose, *path))
    draws = mapped.empty(n, np.uint64)
    for part in long_slices(n):
        draws[part] = stream.random_raw(part.stop - part.start)
    return draws


def permutation(n: int, seed: int, purpose: str, *path: str | int) -> NDArray[np.int64]:
    """Return the numbers below *n* in a random order, shape ``(n,)``.

    Args:
        n: How many numbers.
        seed: Root that the order is drawn from.
        purpose: What the order is for. Orders for other purposes are independent of
            it, even with the same seed.
        path: Further names and numbers that identify the order.
    """
    # Sorting raw draws relies on the stream alone; `shuffle` may change.
    return order_of(raw_draws(n, seed, purpose, *path))

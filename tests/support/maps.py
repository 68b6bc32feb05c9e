"""Tells mapped arrays from others."""

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_mapped(array: NDArray[Any]) -> bool:
    """Return whether *array* is, or is a view of, a mapped file."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)

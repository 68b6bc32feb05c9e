"""The normal distribution that one side's factors are drawn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
"""Bias and factors of each row or column, shape ``(n, 1 + k)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The normal distribution of one side's vectors of bias and factors.

    Attributes:
        mean: Mean vector, bias first, shape ``(1 + k,)``.
        precision: Inverse covariance, shape ``(1 + k, 1 + k)``.
    """

    mean: Floats
    precision: Floats

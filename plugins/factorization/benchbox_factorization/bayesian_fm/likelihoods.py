"""How ratings scatter around what the coefficients say."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchbox_factorization.bayesian_fm.blocks import equal_shares
from benchbox_factorization.bayesian_fm.chain import Chain
from benchbox_factorization.bayesian_fm.priors import draw_noise
from benchbox_factorization.bayesian_fm.steps import Steps
from benchbox_factorization.population import Floats


class Likelihood(Protocol):
    """The distribution of ratings given the coefficients, and its own parameters.

    Attributes:
        targets: What the coefficients explain at first, float32, one per rating.
        noise: Present inverse variance around the coefficients' prediction.
    """

    targets: NDArray[np.float32]
    noise: float

    @property
    def cuts(self) -> Floats:
        """Present cuts between rating steps; empty if there are none."""

    def sweep(self, chain: Chain, *, is_burn_in: bool) -> float:
        """Draw all coefficients and these parameters once; return the loss."""


class Normal:
    """Normal noise with a precision that is drawn; see `Likelihood`."""

    def __init__(
        self, standardised: NDArray[np.float32], draw: np.random.Generator
    ) -> None:
        self.targets = standardised
        self.noise = 1.0
        self._draw = draw

    @property
    def cuts(self) -> Floats:
        """None."""
        return np.empty(0)

    def sweep(self, chain: Chain, *, is_burn_in: bool) -> float:
        """Draw the coefficients and the noise; the loss is the mean squared error."""
        error = chain.sweep(self.noise)
        self.noise = draw_noise(error, len(self.targets), self._draw)
        return error / len(self.targets)


class OrderedProbit:
    """Steps of a latent number with normal noise of variance 1; see `Likelihood`."""

    def __init__(
        self, steps: NDArray[np.int64], n_threads: int, draw: np.random.Generator
    ) -> None:
        bounds = equal_shares(np.arange(len(steps) + 1), n_threads)
        self._steps = Steps(steps, bounds, draw)
        self.targets = np.zeros(len(steps), dtype=np.float32)
        self.noise = 1.0

    @property
    def cuts(self) -> Floats:
        """Present cuts, shape ``(n_steps - 1,)``."""
        return self._steps.cuts

    def sweep(self, chain: Chain, *, is_burn_in: bool) -> float:
        """Draw latent numbers, cuts and coefficients; the loss is the mean log loss."""
        loss = self._steps.sweep(chain.errors, adapt=is_burn_in)
        chain.sweep(self.noise)
        return loss

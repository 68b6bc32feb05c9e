"""Ordered probit: a rating is the step that a latent normal number falls into."""

import numpy as np
from numpy.typing import NDArray

from benchbox_factorization.bayesian_fm.step_kernels import (
    draw_latent,
    log_likelihood,
    quantile,
)
from benchbox_factorization.population import Floats

_FAR = 1e30

# Metropolis steps per sweep, and the share of them that should be accepted.
_PROPOSALS = 2
_ACCEPTED = 0.3


class Steps:
    """The cuts between rating steps, and the latent number of each rating.

    Cuts are drawn by Metropolis steps with the latent numbers integrated out (Cowles,
    1996, doi:10.1007/BF00162520), because given the latent numbers they hardly move.
    Their prior is flat.

    Attributes:
        cuts: Upper ends of all steps but the last, shape ``(n_steps - 1,)``.
    """

    def __init__(
        self,
        steps: NDArray[np.int64],
        bounds: NDArray[np.int64],
        draw: np.random.Generator,
    ) -> None:
        """Start with the cuts of a standard normal number with these frequencies."""
        counts = np.bincount(steps)
        shares = np.cumsum(counts)[:-1] / len(steps)
        self.cuts: Floats = np.array([_quantile_of(share) for share in shares])
        self._steps = steps.astype(np.uint8)
        self._bounds = bounds
        self._draw = draw
        # A cut is known about as well as a quantile of as many normal numbers.
        self._spreads = 1 / np.sqrt(np.minimum(counts[:-1], counts[1:]) + 1)
        self._scale = 1.0
        self.latent = np.zeros(len(steps), dtype=np.float32)

    def sweep(self, errors: NDArray[np.float32], *, adapt: bool) -> float:
        """Draw cuts and latent numbers given predictions; keep *errors* up to date.

        Args:
            errors: Latent number minus prediction per rating.
            adapt: Whether to fit the size of proposals to how many are accepted; only
                during the burn-in.

        Returns:
            Minus the mean log likelihood of a rating, given the predictions.
        """
        present = self._likelihood(self.cuts, errors)
        for _ in range(_PROPOSALS):
            present = self._propose(present, errors, adapt=adapt)
        uniforms = self._draw.random(len(errors), dtype=np.float32)
        uniforms = np.clip(uniforms, np.float32(1e-7), np.float32(1 - 1e-7))
        ends = _with_ends(self.cuts)
        draw_latent(self._bounds, self._steps, ends, uniforms, self.latent, errors)
        return -present / len(errors)

    def _propose(
        self, present: float, errors: NDArray[np.float32], *, adapt: bool
    ) -> float:
        moves = self._spreads * self._draw.standard_normal(len(self.cuts))
        cuts = self.cuts + self._scale * moves
        if (np.diff(cuts) <= 0).any():
            return present
        proposed = self._likelihood(cuts, errors)
        is_accepted = np.log(self._draw.random()) < proposed - present
        if adapt:
            self._scale *= np.exp(0.1 * (is_accepted - _ACCEPTED))
        if not is_accepted:
            return present
        self.cuts = cuts
        return proposed

    def _likelihood(self, cuts: Floats, errors: NDArray[np.float32]) -> float:
        ends = _with_ends(cuts)
        value = log_likelihood(self._bounds, self._steps, ends, self.latent, errors)
        return float(value)


def _with_ends(cuts: Floats) -> Floats:
    return np.concatenate([[-_FAR], cuts, [_FAR]])


def _quantile_of(share: float) -> float:
    return float(-quantile(1 - share) if share > 0.5 else quantile(share))

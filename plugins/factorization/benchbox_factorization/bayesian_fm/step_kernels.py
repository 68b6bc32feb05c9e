"""Compiled draws of latent numbers from intervals, and the likelihood of intervals."""

from math import erfc

import numba
import numpy as np

from benchbox.models.training import kernel

_ROOT_2 = float(np.sqrt(2))


@kernel(inline="always")
def _below(x):  # type: ignore[no-untyped-def]
    """Return the probability that a standard normal number is below *x*."""
    return 0.5 * erfc(-x / _ROOT_2)


@kernel()
def _within(low, high):  # type: ignore[no-untyped-def]
    """Return the probability that a standard normal number is in an interval."""
    # Both ends on the side where the probabilities are small and exact.
    if low > 0:
        low, high = -high, -low
    return _below(high) - _below(low)


@kernel()
def quantile(p):  # type: ignore[no-untyped-def]
    """Return the number that a standard normal one is below with probability *p*.

    The approximation of Acklam has a relative error below 1.2e-9.
    """
    if p < 0.02425:
        q = np.sqrt(-2 * np.log(p))
        above = ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e00) * q - 2.549732539343734e00) * q + 4.374664141464968e00) * q + 2.938163982698783e00  # noqa: E501  # fmt: skip
        return above / ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e00) * q + 3.754408661907416e00) * q + 1)  # noqa: E501  # fmt: skip
    q = p - 0.5
    r = q * q
    above = (((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239e00) * q  # noqa: E501  # fmt: skip
    return above / (((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1)  # noqa: E501  # fmt: skip


@kernel()
def _draw_within(low, high, uniform):  # type: ignore[no-untyped-def]
    """Draw a standard normal number from an interval, by inversion."""
    sign = 1.0
    if low > 0:
        low, high, sign = -high, -low, -1.0
    from_, to = _below(low), _below(high)
    p = from_ + uniform * (to - from_)
    # So far out that no number is between the two: the nearer end is all but certain.
    drawn = high if p < 1e-300 else -quantile(1 - p) if p > 0.5 else quantile(p)
    return sign * min(max(drawn, low), high)


@kernel(parallel=True)
def draw_latent(bounds, steps, cuts, uniforms, latent, errors):  # type: ignore[no-untyped-def]
    """Draw the latent number of each rating, given the prediction and the cuts.

    Args:
        bounds: Thread *t* has ratings ``bounds[t]:bounds[t + 1]``.
        steps: Number of the rating step, from 0.
        cuts: Ends of the steps, with an infinite one at either end.
        uniforms: A uniform number in (0, 1) per rating.
        latent: Latent number per rating, replaced by the drawn one.
        errors: Latent number minus prediction per rating; kept up to date.
    """
    for part in numba.prange(len(bounds) - 1):
        for r in range(bounds[part], bounds[part + 1]):
            predicted = np.float64(latent[r]) - errors[r]
            low, high = cuts[steps[r]] - predicted, cuts[steps[r] + 1] - predicted
            error = _draw_within(low, high, uniforms[r])
            errors[r] = error
            latent[r] = predicted + error


@kernel(parallel=True)
def log_likelihood(bounds, steps, cuts, latent, errors):  # type: ignore[no-untyped-def]
    """Return the log likelihood of the steps, whatever the latent numbers are."""
    parts = np.zeros(len(bounds) - 1)
    for part in numba.prange(len(bounds) - 1):
        total = 0.0
        for r in range(bounds[part], bounds[part + 1]):
            predicted = np.float64(latent[r]) - errors[r]
            low, high = cuts[steps[r]] - predicted, cuts[steps[r] + 1] - predicted
            total += np.log(max(_within(low, high), 1e-300))
        parts[part] = total
    return parts.sum()

"""Compiled predictions: a user's posterior given each sample and their history."""

from math import erfc

import numba
import numpy as np

from benchbox.models.training import kernel

_ROOT_2 = float(np.sqrt(2))
_ROOT_2_PI = float(np.sqrt(2 * np.pi))
_FAR = 1e30

# Below this probability of an interval, its slope and curvature are those of its end.
_LEAST = 1e-280

# Iterations of Newton's method.
_NEWTON = 5


@kernel()
def _load(x, items, days):  # type: ignore[no-untyped-def]
    """Set the regressors of a user's bias and factors; return the known part."""
    base = np.float64(items[0]) + days[0]
    x[0] = 1
    for k in range(1, len(x)):
        x[k] = items[k] + days[k]
        base += items[k] * days[k]
    return base


@kernel()
def _solve_forward(root, x):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        for j in range(i):
            x[i] -= root[i, j] * x[j]
        x[i] /= root[i, i]


@kernel()
def _factorize(matrix):  # type: ignore[no-untyped-def]
    """Replace the lower triangle of *matrix* by its Cholesky factor."""
    for j in range(len(matrix)):
        for m in range(j):
            for i in range(j, len(matrix)):
                matrix[i, j] -= matrix[i, m] * matrix[j, m]
        pivot = np.sqrt(matrix[j, j])
        for i in range(j, len(matrix)):
            matrix[i, j] /= pivot


@kernel()
def _solve_backward(root, x):  # type: ignore[no-untyped-def]
    for i in range(len(x) - 1, -1, -1):
        for j in range(i + 1, len(x)):
            x[i] -= root[j, i] * x[j]
        x[i] /= root[i, i]


@kernel()
def _set_mean(mean, u, s, known, samples):  # type: ignore[no-untyped-def]
    """Set a user's mean before their ratings are seen: that of their facts."""
    start, stop = known.offsets[u], known.offsets[u + 1]
    for k in range(len(mean)):
        mean[k] = samples.means[s, k]
    if samples.histories.shape[1] > 0 and stop > start:
        scale = 1 / np.sqrt(stop - start)
        for r in range(start, stop):
            history = samples.histories[s, known.items[r]]
            for k in range(len(mean)):
                mean[k] += scale * history[k]
    for f in range(known.facts.shape[1]):
        for k in range(len(mean)):
            mean[k] += known.facts[u, f] * samples.sides[s, f, k]


@kernel()
def _add_rating(root, right, x, weight, pull):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        right[i] += pull * x[i]
        weighted = weight * x[i]
        for j in range(i + 1):
            root[i, j] += weighted * x[j]


@kernel()
def _set_posterior(root, right, x, mean, u, s, known, samples):  # type: ignore[no-untyped-def]
    """Set the Cholesky factor of a user's precision, and the factor times the mean.

    Args:
        root: Receives the factor, lower, shape ``(1 + k, 1 + k)``.
        right: Receives its transpose times the mean, shape ``(1 + k,)``.
        x: Memory of the same shape.
        mean: The mean before the ratings are seen.
        u: The user.
        s: The sample.
        known: A `Known`.
        samples: A `Samples`.
    """
    noise = np.float64(samples.noises[s])
    for k in range(len(mean)):
        for j in range(k):
            root[k, j] = 0
        root[k, k] = samples.precisions[s, k]
        right[k] = root[k, k] * mean[k]
    for r in range(known.offsets[u], known.offsets[u + 1]):
        items, days = samples.items[s, known.items[r]], samples.days[s, known.days[r]]
        rest = known.values[r] - _load(x, items, days)
        _add_rating(root, right, x, noise, noise * rest)
    _factorize(root)
    _solve_forward(root, right)


@kernel()
def _within_step(low, high):  # type: ignore[no-untyped-def]
    """Return slope and curvature of the log probability of a latent interval.

    Args:
        low: Lower end minus the prediction.
        high: Upper end minus the prediction.
    """
    sign = 1.0
    if low > 0:
        low, high, sign = -high, -low, -1.0
    p = 0.5 * (erfc(-high / _ROOT_2) - erfc(-low / _ROOT_2))
    if p < _LEAST:
        return sign * high, 1.0
    at_low = np.exp(-0.5 * low * low) / (_ROOT_2_PI * p)
    at_high = np.exp(-0.5 * high * high) / (_ROOT_2_PI * p)
    slope = at_low - at_high
    return sign * slope, slope * slope - (low * at_low - high * at_high)


@kernel()
def _set_step_posterior(root, right, x, mean, u, s, known, samples):  # type: ignore[no-untyped-def]
    """Set the same for ratings that are steps: the normal one with the same mode.

    Newton's method needs few iterations, because the logarithm of the posterior is
    concave.
    """
    cuts, theta = samples.cuts[s], mean.copy()
    for _ in range(_NEWTON):
        for k in range(len(mean)):
            for j in range(k):
                root[k, j] = 0
            root[k, k] = samples.precisions[s, k]
            right[k] = root[k, k] * (mean[k] - theta[k])
        for r in range(known.offsets[u], known.offsets[u + 1]):
            items = samples.items[s, known.items[r]]
            predicted = _load(x, items, samples.days[s, known.days[r]])
            for k in range(len(mean)):
                predicted += theta[k] * x[k]
            step = known.steps[r]
            low = cuts[step - 1] - predicted if step > 0 else -_FAR
            high = cuts[step] - predicted if step < len(cuts) else _FAR
            slope, curvature = _within_step(low, high)
            _add_rating(root, right, x, curvature, slope)
        _factorize(root)
        _solve_forward(root, right)
        _solve_backward(root, right)
        for k in range(len(mean)):
            theta[k] += right[k]
    for k in range(len(mean)):
        right[k] = 0
        for i in range(k, len(mean)):
            right[k] += root[i, k] * theta[i]


@kernel()
def _add_steps(probabilities, mean, variance, cuts):  # type: ignore[no-untyped-def]
    """Add the probability of each rating step, the latent noise having variance 1."""
    spread = np.sqrt(2 * (1 + variance))
    below = 0.0
    for step in range(len(cuts)):
        up_to = 0.5 * erfc((mean - cuts[step]) / spread)
        probabilities[step] += up_to - below
        below = up_to
    probabilities[len(cuts)] += 1 - below


@kernel(parallel=True)
def predict(known, questions, bounds, samples, means, variances, probabilities):  # type: ignore[no-untyped-def]
    """Compute the mean and variance of each pair's rating before noise, per sample.

    Args:
        known: A `Known`.
        questions: A `Questions` about the same users.
        bounds: Thread *t* has users ``bounds[t]:bounds[t + 1]``.
        samples: A `Samples`.
        means: Receives the mean over samples, float64, shape ``(n_pairs,)``.
        variances: Receives the variance given a sample, averaged over samples, plus
            the variance of their means; shape ``(n_pairs,)``.
        probabilities: Receives the probability of each rating step, float64, shape
            ``(n_pairs, n_steps)``; ``(n_pairs, 0)`` if the noise of ratings is normal.
    """
    n_samples, width = samples.means.shape
    for part in numba.prange(len(bounds) - 1):
        root, right = np.empty((width, width)), np.empty(width)
        x, mean_before = np.empty(width), np.empty(width)
        for u in range(bounds[part], bounds[part + 1]):
            if questions.offsets[u] == questions.offsets[u + 1]:
                continue
            for s in range(n_samples):
                _set_mean(mean_before, u, s, known, samples)
                if probabilities.shape[1] > 0:
                    _set_step_posterior(
                        root, right, x, mean_before, u, s, known, samples
                    )
                else:
                    _set_posterior(root, right, x, mean_before, u, s, known, samples)
                for q in range(questions.offsets[u], questions.offsets[u + 1]):
                    items = samples.items[s, questions.items[q]]
                    mean = _load(x, items, samples.days[s, questions.days[q]])
                    _solve_forward(root, x)
                    variance = 0.0
                    for k in range(width):
                        mean += x[k] * right[k]
                        variance += x[k] * x[k]
                    means[q] += mean
                    variances[q] += mean * mean + variance
                    if probabilities.shape[1] > 0:
                        cuts = samples.cuts[s]
                        _add_steps(probabilities[q], mean, variance, cuts)
            for q in range(questions.offsets[u], questions.offsets[u + 1]):
                means[q] /= n_samples
                variances[q] = variances[q] / n_samples - means[q] * means[q]
                for step in range(probabilities.shape[1]):
                    probabilities[q, step] /= n_samples

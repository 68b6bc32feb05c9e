"""Compiled predictions: a user's posterior given each sample and their history."""

from math import erfc

import numba
import numpy as np

from benchbox_factorization.bayesian_fm.compiled import jit


@jit()
def _load(x, items, days):  # type: ignore[no-untyped-def]
    """Set the regressors of a user's bias and factors; return the known part."""
    base = np.float64(items[0]) + days[0]
    x[0] = 1
    for k in range(1, len(x)):
        x[k] = items[k] + days[k]
        base += items[k] * days[k]
    return base


@jit()
def _solve_forward(root, x):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        for j in range(i):
            x[i] -= root[i, j] * x[j]
        x[i] /= root[i, i]


@jit()
def _factorize(matrix):  # type: ignore[no-untyped-def]
    """Replace the lower triangle of *matrix* by its Cholesky factor."""
    for j in range(len(matrix)):
        for m in range(j):
            for i in range(j, len(matrix)):
                matrix[i, j] -= matrix[i, m] * matrix[j, m]
        matrix[j:, j] /= np.sqrt(matrix[j, j])


@jit()
def _set_posterior(root, right, x, u, s, known, samples):  # type: ignore[no-untyped-def]
    """Set the Cholesky factor of a user's precision, and the factor times the mean."""
    start, stop = known.offsets[u], known.offsets[u + 1]
    noise = np.float64(samples.noises[s])
    mean = samples.means[s].astype(np.float64)
    if samples.histories.shape[1] > 0 and stop > start:
        scale = 1 / np.sqrt(stop - start)
        for r in range(start, stop):
            history = samples.histories[s, known.items[r]]
            for k in range(len(mean)):
                mean[k] += scale * history[k]
    for f in range(known.facts.shape[1]):
        for k in range(len(mean)):
            mean[k] += known.facts[u, f] * samples.sides[s, f, k]
    root[:] = 0
    for k in range(len(mean)):
        root[k, k] = samples.precisions[s, k]
        right[k] = root[k, k] * mean[k]
    for r in range(start, stop):
        items, days = samples.items[s, known.items[r]], samples.days[s, known.days[r]]
        rest = known.values[r] - _load(x, items, days)
        for i in range(len(x)):
            weighted = noise * x[i]
            right[i] += weighted * rest
            for j in range(i + 1):
                root[i, j] += weighted * x[j]
    _factorize(root)
    _solve_forward(root, right)


@jit()
def _add_steps(probabilities, mean, variance, cuts):  # type: ignore[no-untyped-def]
    """Add the probability of each rating step, the latent noise having variance 1."""
    spread = np.sqrt(2 * (1 + variance))
    below = 0.0
    for step in range(len(cuts)):
        up_to = 0.5 * erfc((mean - cuts[step]) / spread)
        probabilities[step] += up_to - below
        below = up_to
    probabilities[len(cuts)] += 1 - below


@jit(parallel=True)
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
        x = np.empty(width)
        for u in range(bounds[part], bounds[part + 1]):
            if questions.offsets[u] == questions.offsets[u + 1]:
                continue
            for s in range(n_samples):
                _set_posterior(root, right, x, u, s, known, samples)
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
                probabilities[q] /= n_samples

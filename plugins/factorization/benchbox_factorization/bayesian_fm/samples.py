"""What is stored from the sampler, and predictions for any user from it."""

from math import erfc
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from benchbox_factorization.bayesian_fm.compiled import jit

Numbers = NDArray[np.float32]


class Samples(NamedTuple):
    """Samples, one after the other on the first axis.

    Given a sample, a user's bias and factors are normal, with a mean and a covariance
    that follow from their history in closed form.

    Attributes:
        items: Bias and factors per item, float32, shape ``(n, n_items, 1 + k)``.
        histories: Coefficients of items as part of a user's history, of the same shape;
            ``(n, 0, 1 + k)`` if histories are no facts.
        sides: Coefficients of users' static facts, shape ``(n, n_facts, 1 + k)``.
        days: Bias and factors per day, with those of an unknown day at the end, shape
            ``(n, n_days + 1, 1 + k)``. All of them are 0 for a model without days.
        means: Mean of a user's own coefficients, shape ``(n, 1 + k)``.
        precisions: Inverse variance of these, shape ``(n, 1 + k)``.
        noises: Inverse variance of the ratings' noise, shape ``(n,)``.
        cuts: Upper ends of all rating steps but the last on the latent scale, shape
            ``(n, n_steps - 1)``; ``(n, 0)`` if the noise of ratings is normal.
    """

    items: Numbers
    histories: Numbers
    sides: Numbers
    days: Numbers
    means: Numbers
    precisions: Numbers
    noises: Numbers
    cuts: Numbers


class Known(NamedTuple):
    """What is known about the users asked about.

    Attributes:
        offsets: User *u* has ratings ``offsets[u]:offsets[u + 1]``.
        items: Item per rating.
        days: Number of the day per rating.
        values: Standardised rating.
        facts: Static facts per user, shape ``(n_users, n_facts)``.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    days: NDArray[np.int64]
    values: Numbers
    facts: Numbers


class Questions(NamedTuple):
    """Pairs to predict, sorted by user.

    Attributes:
        offsets: User *u* is asked about pairs ``offsets[u]:offsets[u + 1]``.
        items: Item per pair.
        days: Number of the day per pair.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    days: NDArray[np.int64]


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


def empty_samples(
    n: int, sizes: tuple[int, int, int, int], width: int, n_cuts: int
) -> Samples:
    """Return memory for *n* samples, all of them 0.

    Args:
        n: Number of samples.
        sizes: Number of items, of items in histories, of static facts about users, and
            of days including the unknown one.
        width: 1 plus the number of factors.
        n_cuts: Number of cuts between rating steps.
    """
    shapes = [*((size, width) for size in sizes), (width,), (width,), (), (n_cuts,)]
    return Samples(*(np.zeros((n, *shape), dtype=np.float32) for shape in shapes))

"""Weights of a blend, by non-negative ridge regression."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fit_weights(predicted: Floats, ratings: Floats, shrinkage: float) -> Floats:
    """Return non-negative weights, shape ``(m,)``, with which predictions fit best.

    Minimises ``|ratings - predicted w|^2 + shrinkage * s * |w - 1 / m|^2``, where *s*
    is the mean square of the predictions. Much shrinkage makes all weights equal.

    Args:
        predicted: Predictions of *m* models, around a centre, shape ``(n, m)``.
        ratings: Ratings around the same centre, shape ``(n,)``.
        shrinkage: Number of ratings that the equal weights count for.
    """
    from scipy.optimize import nnls

    n_models = predicted.shape[1]
    ridge = np.sqrt(shrinkage * np.mean(np.square(predicted)))
    left = np.vstack([predicted, ridge * np.eye(n_models)])
    right = np.concatenate([ratings, np.full(n_models, ridge / n_models)])
    # The triangle has the same solution, and a few rows instead of all ratings.
    triangle = np.asarray(np.linalg.qr(np.column_stack([left, right]), mode="r"))
    weights, _ = nnls(triangle[:, :n_models], triangle[:, n_models])
    found: Floats = weights
    return found

"""What is stored from the sampler, and what is asked of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
        steps: Number of the nearest rating step, if ratings are steps.
        facts: Static facts per user, shape ``(n_users, n_facts)``.
    """

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    days: NDArray[np.int64]
    values: Numbers
    steps: NDArray[np.int64]
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

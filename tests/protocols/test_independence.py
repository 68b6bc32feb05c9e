"""No split follows the data, however these were drawn.

Half the world simulates ratings with a small seed, and splits have small seeds, too.
"""

import random
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.splitting import carve_by
from benchbox.ratings import Ratings, RatingScale

N = 1000
SEEDS = range(101)


def rows(per_user: int) -> Ratings:
    """Return N ratings, each of an item of its own."""
    return Ratings(
        users=(np.arange(N) // per_user).astype(np.int32),
        items=np.arange(N, dtype=np.int32),
        values=np.ones(N, dtype=np.float32),
        timestamps=None,
        n_users=N // per_user,
        n_items=N,
        scale=RatingScale(1, 5, 1),
    )


# With one rating per user, drawing users is drawing ratings.
DRAWN = {
    "holdout": rows(1),
    "kfold": rows(1),
    "new-users": rows(1),
    "new-items": rows(1),
    "holdout-user": rows(10),
    "leave-one-out": rows(10),
}


def drawn_values() -> Iterator[NDArray[np.float64]]:
    for seed in SEEDS:
        yield np.random.default_rng(seed).random(N)
        yield np.random.default_rng(seed).integers(1, 6, N).astype(float)
        yield np.random.default_rng(seed).standard_normal(N)
        yield np.random.RandomState(seed).random_sample(N)
        python = random.Random(seed)
        yield np.array([python.random() for _ in range(N)])
        yield torch.rand(N, generator=torch.Generator().manual_seed(seed)).numpy()


def drawn_splits() -> Iterator[NDArray[np.bool_]]:
    """Yield whether each rating is for training, for every protocol that draws."""
    for protocol in PROTOCOLS:
        if "seed" not in protocol.options.__struct_fields__:
            continue
        ratings = DRAWN[protocol.name]
        for seed in SEEDS:
            options = protocol.options(seed=seed)
            yield is_train(next(iter(protocol.split(ratings, {}, options))))
            yield is_train(carve_by(protocol, ratings, options, seed))


def is_train(partition) -> NDArray[np.bool_]:
    return np.isin(np.arange(N), partition.train)


def standardised(sets) -> NDArray[np.float64]:
    table = np.array(list(sets), dtype=float)
    table -= table.mean(axis=1, keepdims=True)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def most_by_chance(n_pairs: int) -> float:
    """Return the correlation that no pair exceeds but once in a million such tests.

    Under a random order, a correlation over N rows has mean 0 and variance 1/(N - 1),
    and is nearly normal. By Bonferroni, the chance that any of *n_pairs* exceeds b is
    at most n_pairs times the two-sided chance that one does.
    """
    return NormalDist().inv_cdf(1 - 1e-6 / (2 * n_pairs)) / (N - 1) ** 0.5


def test_no_split_is_correlated_with_drawn_values_beyond_chance() -> None:
    splits, values = standardised(drawn_splits()), standardised(drawn_values())

    found = np.abs(splits @ values.T)

    assert len(splits) == 2 * len(DRAWN) * len(SEEDS)
    assert found.max() < most_by_chance(found.size)


def test_the_bound_finds_a_split_by_the_stream_of_the_seed_itself() -> None:
    order = np.argsort(np.random.PCG64(0).random_raw(N))
    split = standardised([np.isin(np.arange(N), order[N // 10 :])])

    found = np.abs(split @ standardised(drawn_values()).T)

    assert found.max() > 2 * most_by_chance(1000 * found.size)

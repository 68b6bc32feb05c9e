import numpy as np
import pytest
from benchbox_factorization.bayesian_fm.blocks import Coefficients
from benchbox_factorization.bayesian_fm.chain import Chain
from benchbox_factorization.bayesian_fm.days import Days
from benchbox_factorization.bayesian_fm.layout import lay_out
from benchbox_factorization.bayesian_fm.model import BayesianFM
from benchbox_factorization.bayesian_fm.priors import draw_noise, draw_normal
from benchbox_factorization.options import BayesianFMOptions

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError
from benchbox.models import EncodedFeatures
from tests.support.toy_ratings import (
    ANY_SCALE,
    all_pairs,
    checkerboard,
    from_matrix,
    hide,
    low_rank,
    rmse,
)

DAY = 86_400
QUICK = BayesianFMOptions(n_factors=2, burn_in=5, epochs=20, thin=2)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def predict_all(model, train: Ratings, seed: int = 0):
    model.fit(train, FitContext(seed=seed, n_threads=2))
    predicted = model.predict(train, *all_pairs(train))
    return predicted.reshape(train.n_users, train.n_items)


def timed_ratings(seed: int = 0) -> Ratings:
    """Nine users, seven items, three days, in no order, with one empty row each."""
    draw = np.random.default_rng(seed)
    cells = draw.permutation(9 * 7)[:30]
    users, items = np.divmod(cells, 7)
    kept = (users != 4) & (items != 2)
    users, items = users[kept].astype(np.int32), items[kept].astype(np.int32)
    return Ratings(
        users=users,
        items=items,
        values=draw.standard_normal(len(users)).astype(np.float32),
        timestamps=draw.integers(0, 3, len(users)) * DAY,
        n_users=9,
        n_items=7,
        scale=ANY_SCALE,
    )


class Dense:
    """The same blocks as dense matrices, to compute each conditional from scratch."""

    def __init__(self, train: Ratings, days, features) -> None:
        seen = np.zeros((train.n_users, train.n_items))
        seen[train.users, train.items] = 1
        per_user, per_item = (
            np.sqrt(np.maximum(seen.sum(axis=axis), 1)) for axis in (1, 0)
        )
        self.facts = [
            np.hstack([np.eye(9), seen / per_user[:, None], features[0].matrix]),
            np.hstack([np.eye(7), seen.T / per_item[:, None], features[1].matrix]),
            np.eye(3),
        ]
        self.rows = [train.users, train.items, days]
        self.train = train

    def values(self, coefficients: Coefficients, k: int):
        parts = (coefficients.own, coefficients.history, coefficients.side)
        return np.concatenate([part[k].astype(np.float64) for part in parts])

    def predict(self, chain: Chain):
        blocks = [
            np.array([facts @ self.values(c, k) for k in range(len(c.own))])
            for facts, c in zip(self.facts, chain.coefficients, strict=True)
        ]
        one, two, three = (
            block[:, rows] for block, rows in zip(blocks, self.rows, strict=True)
        )
        pairs = one * two + one * three + two * three
        return one[0] + two[0] + three[0] + pairs[1:].sum(axis=0)


def planted_chain(seed: int = 0):
    """Return a chain on timed ratings with features, and its dense counterpart."""
    train = timed_ratings(seed)
    options = BayesianFMOptions(n_factors=2, time=True, side=True)
    days = Days.of(train.timestamps)
    numbers = days.numbers(train.timestamps, len(train))
    draw = np.random.default_rng(seed)
    features = tuple(
        EncodedFeatures(
            names=("age", "sex=f", "sex=m"),
            matrix=draw.standard_normal((n, 3)).astype(np.float32),
        )
        for n in (9, 7)
    )
    layout = lay_out(train, options, numbers, features, 2)
    start = draw.standard_normal((2, 7)).astype(np.float32)
    targets = train.values[layout.order]
    chain = Chain(layout.blocks, layout.positions, targets, start, generator(seed))
    return chain, Dense(train, numbers, features), layout


def test_residuals_stay_those_of_the_dense_model() -> None:
    chain, dense, layout = planted_chain()

    for _ in range(5):
        squares = chain.sweep(2.0)

    rest = dense.train.values - dense.predict(chain)
    np.testing.assert_allclose(rest[layout.order], chain.errors, atol=1e-4)
    assert squares == pytest.approx(np.square(rest).sum(), rel=1e-4)


def test_each_coefficient_is_drawn_from_its_dense_conditional(monkeypatch) -> None:
    chain, dense, layout = planted_chain()
    for _ in range(3):
        chain.sweep(2.0)
    before = [Coefficients(*(a.copy() for a in c)) for c in chain.coefficients]
    recorded = []
    original = chain._normals
    monkeypatch.setattr(
        chain, "_normals", lambda like: recorded.append(original(like)) or recorded[-1]
    )
    priors = list(chain.priors)

    chain.sweep(2.0)

    # Repeat the sweep, coefficient by coefficient, in float64.
    state = [Coefficients(*(a.astype(np.float64) for a in c)) for c in before]
    after, chain.coefficients = chain.coefficients, state
    for block, prior in enumerate(priors):
        normals = recorded[3 * block : 3 * block + 3]
        for k in range(3):
            for part, of in ((0, "own"), (2, "side"), (1, "history")):
                coefficients = getattr(state[block], of)
                for f in range(coefficients.shape[1]):
                    group = part
                    if of == "side":
                        group = int(layout.blocks[block].side.groups[f])
                    present = coefficients[k, f]
                    coefficients[k, f] = 0
                    without = dense.predict(chain)
                    coefficients[k, f] = 1
                    x = dense.predict(chain) - without
                    precision = prior.precisions[group, k]
                    known = precision + 2.0 * x @ x
                    mean = 2.0 * x @ (dense.train.values - without)
                    mean += precision * prior.means[group, k]
                    drawn = mean / known + normals[part][k, f] / np.sqrt(known)
                    assert present != drawn
                    coefficients[k, f] = drawn
    for expected, actual in zip(state, after, strict=True):
        for name in ("own", "history", "side"):
            np.testing.assert_allclose(
                getattr(expected, name), getattr(actual, name), atol=2e-3
            )

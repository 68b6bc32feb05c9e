"""What factorization costs: ``pytest tests/benchmarks/test_factorization_speed.py``."""

from time import process_time
from typing import Any

import numpy as np
import pytest
from benchbox_datasets.synthetic import SyntheticOptions

from benchbox import FitContext, Ratings
from benchbox.plugins.registry import discover
from benchbox.targets import resolve
from tests.benchmarks.ledger import Ledger, median_seconds
from tests.benchmarks.shapes import planted

# Fit seconds of Surprise 1.1.4's SVD with default options on the same shape, rows
# shuffled, on two cores of this class; it is no dependency, so it is not run here.
SURPRISE_SVD_SECONDS = {"ml-1m": 12.0}

SHAPES = {
    "ml-100k": SyntheticOptions(
        n_users=943, n_items=1682, n_ratings=100_000, rank=8, noise=0.9, step=1.0
    ),
    "ml-1m": SyntheticOptions(
        n_users=6040, n_items=3706, n_ratings=1_000_000, rank=8, noise=0.85, step=1.0
    ),
}


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: Any) -> str:
    return request.param


@pytest.fixture(scope="module")
def parts(shape: str) -> tuple[Ratings, Ratings]:
    """Nine tenths to fit and one to predict, in random order."""
    ratings = planted(SHAPES[shape])
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(ratings))
    n_hidden = len(ratings) // 10
    return ratings.take(order[n_hidden:]), ratings.take(order[:n_hidden])


def rmse_of(model: Any, train: Ratings, hidden: Ratings) -> float:
    predicted = hidden.scale.clip(model.predict(train, hidden.users, hidden.items))
    return float(np.sqrt(np.mean(np.square(predicted - hidden.values))))


def built(name: str) -> Any:
    spec = discover().find("models", name).value
    return resolve(spec.target)(spec.options())


@pytest.mark.parametrize("name", ["svd", "biased-mf", "bayesian-mf", "bayesian-fm"])
def test_fitting(
    benchmark: Any, ledger: Ledger, shape: str, parts: Any, name: str
) -> None:
    train, hidden = parts
    model = built(name)
    started = process_time()

    benchmark.pedantic(
        model.fit, (train, FitContext(n_threads=2)), rounds=5, warmup_rounds=1
    )

    facts = benchmark.extra_info
    facts["cpu_seconds"] = (process_time() - started) / 6
    facts["rmse"] = rmse_of(model, train, hidden)
    seconds = median_seconds(benchmark)
    if seconds and shape in SURPRISE_SVD_SECONDS:
        facts["surprise_svd_ratio"] = SURPRISE_SVD_SECONDS[shape] / seconds
    ledger.note(
        "Fits of factorization models",
        {
            "shape": shape,
            "model": name,
            "fit s": seconds,
            "cpu s": facts["cpu_seconds"],
            "RMSE": f"{facts['rmse']:.4f}",
            "Surprise's SVD ÷ ours": facts.get("surprise_svd_ratio"),
        },
    )


@pytest.mark.parametrize("name", ["svd", "biased-mf", "bayesian-mf", "bayesian-fm"])
def test_predicting_20_000_pairs(benchmark: Any, parts: Any, name: str) -> None:
    train, hidden = parts
    model = built(name)
    model.fit(train, FitContext(n_threads=2))
    users, items = hidden.users[:20_000], hidden.items[:20_000]

    predicted = benchmark.pedantic(
        model.predict, (train, users, items), rounds=5, warmup_rounds=1
    )

    assert np.isfinite(predicted).all()

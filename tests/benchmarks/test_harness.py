"""What the harness itself costs: ``pytest tests/benchmarks``."""

import resource
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from benchbox.analysis.statistics.paired import compare
from benchbox.data.ratings_files import write_ratings
from benchbox.metrics.metric import METRICS
from benchbox.metrics.scored import Scored
from benchbox.metrics.slices import Slicing, break_down, quarters
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import make_folds
from benchbox.ratings import RatingScale
from benchbox.records.messages import Pairs
from benchbox.records.trial_job import TrialJob
from benchbox.trials.executors.local import LocalExecutor
from tests.benchmarks.ledger import Ledger, median_seconds
from tests.support.toys import tiny_ratings

PLANTED = Path(__file__).parents[1] / "support" / "planted_models.py"
N_SCORED = 20_000_000


def noted(ledger: Ledger, benchmark: Any, what: str) -> None:
    """Note the median seconds of *what*."""
    ledger.note("The harness", {"what": what, "s": median_seconds(benchmark)})


@pytest.fixture(scope="module")
def scored() -> Scored:
    draw = np.random.Generator(np.random.PCG64(0))
    return Scored(
        predicted=draw.random(N_SCORED, dtype=np.float32) * 4 + 1,
        actual=draw.integers(1, 6, N_SCORED).astype(np.float32),
        users=draw.integers(0, 138_000, N_SCORED, dtype=np.int32),
        items=draw.integers(0, 27_000, N_SCORED, dtype=np.int32),
    )


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_scoring_20_million_predictions(
    benchmark: Any, ledger: Ledger, scored: Scored, metric: Any
) -> None:
    score = benchmark.pedantic(metric.function, (scored,), rounds=5, warmup_rounds=1)

    noted(ledger, benchmark, f"{metric.name} of {N_SCORED:,} predictions")
    assert score.n_scored == N_SCORED


def test_scoring_20_million_predictions_in_every_way(
    benchmark: Any, ledger: Ledger, scored: Scored
) -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    by = Slicing(
        activity=quarters(draw.integers(0, 500, 138_000)),
        popularity=quarters(draw.integers(0, 5_000, 27_000)),
        scale=RatingScale(1, 5, 1),
    )

    def score() -> float:
        for metric in METRICS:
            metric.function(scored)
        return break_down(scored, by, [m for m in METRICS if m.term]).all().n

    assert benchmark.pedantic(score, rounds=3, warmup_rounds=1) == N_SCORED
    noted(ledger, benchmark, f"all metrics and slices of {N_SCORED:,} predictions")
    # The largest resident set in KiB, the predictions and the drawing of them included.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    ledger.note("The harness", {"what": "peak memory of that", "GiB": peak})


def test_comparing_two_models_on_2_million_hidden_ratings(
    benchmark: Any, ledger: Ledger, scored: Scored
) -> None:
    part = slice(0, 2_000_000)
    truth, first, users = (
        column[part] for column in (scored.actual, scored.predicted, scored.users)
    )
    second = first + np.float32(0.01)

    def effect() -> int:
        return compare(truth, first, second, users).n_ratings

    assert benchmark.pedantic(effect, rounds=3, warmup_rounds=1) == 2_000_000
    noted(ledger, benchmark, "bootstrap of 2,000,000 hidden ratings of two models")


@pytest.mark.parametrize("protocol", PROTOCOLS[1:], ids=lambda protocol: protocol.name)
def test_splitting_and_hashing_a_million_ratings(
    benchmark: Any, ledger: Ledger, protocol: Any
) -> None:
    ratings = tiny_ratings(1_000_000, n_items=1000)

    def ids() -> list[str]:
        options = protocol.options()
        return [fold.id for fold in make_folds(ratings, protocol, options, {})]

    assert benchmark.pedantic(ids, rounds=3, warmup_rounds=1)
    noted(ledger, benchmark, f"{protocol.name} of a million ratings")


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    log = tmp_path_factory.mktemp("zygote") / "log"
    with LocalExecutor(2, log) as executor:
        executor.accelerators()  # Answers once torch is imported.
        yield executor


@pytest.mark.parametrize("n_pairs", [20_000, 5_000_000])
def test_a_trial_of_an_empty_model(
    benchmark: Any,
    ledger: Ledger,
    executor: LocalExecutor,
    tmp_path: Path,
    n_pairs: int,
) -> None:
    write_ratings(tmp_path / "train", tiny_ratings(100_000, n_items=100))
    job = TrialJob(
        target=f"{PLANTED}:Empty",
        options_type="",
        options={},
        train=str(tmp_path / "train"),
        history=str(tmp_path / "train"),
        out=str(tmp_path),
        n_threads=2,
    )
    zeros = np.zeros(n_pairs, dtype=np.int32)
    pairs = Pairs.written(tmp_path, zeros, zeros)
    calls = []

    def trial() -> str:
        finished = executor.run(
            job,
            log=tmp_path / "log",
            hand_pairs=lambda: pairs,
            listen=lambda message: None,
        )
        n_calls = -(-n_pairs // job.chunk_size)
        calls.append(finished.outcome.wall_seconds["predict"] / n_calls)
        return finished.outcome.status

    assert benchmark.pedantic(trial, rounds=20, warmup_rounds=1) == "ok"
    noted(ledger, benchmark, f"trial of an empty model, {n_pairs:,} predictions")
    what = f"of that, what a call of predict is charged, {n_pairs:,} predictions"
    ledger.note("The harness", {"what": what, "s": median(calls)})

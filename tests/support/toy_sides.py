"""Toy sides: suites timed by a machine whose noise is known."""

from collections.abc import Mapping

import numpy as np

from benchbox.analysis.compare.sides import Round, Scores, Side, Subject, Times

WHERE = "toys · kfold"
BASE_SECONDS = {
    f"model{k}": s for k, s in enumerate(np.geomspace(0.01, 5, 10).tolist())
}


def subject(who: str) -> Subject:
    return Subject(WHERE, who)


def timed_suite(
    draw: np.random.Generator,
    *,
    n_rounds: int = 6,
    slower: Mapping[str, float] | None = None,
    machine: str = "abacus",
    drift: float = 0.03,
    noise: float = 0.04,
) -> Side:
    """Return times of ten models, fit and predict, over two folds.

    The machine has its day (all times of a suite move together), drifts from round to
    round, and now and then something takes a time half as long again.
    """
    side = Side(name="suite", machine=machine, machine_name=machine)
    day = float(np.exp(draw.normal(0, drift)))
    by_round = np.exp(draw.normal(0, drift, n_rounds))
    for who, seconds in BASE_SECONDS.items():
        factor = (slower or {}).get(who, 1.0) * day
        for phase, share in (("fit", 1.0), ("predict", 0.1)):
            rounds: dict[str, dict[Round, float]] = {"a": {}, "b": {}}
            for fold in rounds.values():
                for k in range(n_rounds):
                    hit = 1.5 if draw.random() < 0.01 else 1.0
                    jitter = float(np.exp(draw.normal(0, noise))) * by_round[k] * hit
                    fold[Round(0, k)] = seconds * share * factor * jitter
            side.times[subject(who), phase] = Times(
                seconds=rounds, least_seconds=0.0002
            )
    return side


def scored(values: list[list[float]], digest: str = "", **changes) -> Scores:
    """Return scores by fold and replicate; each prediction has *digest*."""
    return Scores(
        values={f"f{k}": dict(enumerate(fold)) for k, fold in enumerate(values)},
        digests={
            f"f{k}": dict.fromkeys(range(len(fold)), digest)
            for k, fold in enumerate(values)
        },
        **changes,
    )


def scored_side(scores: Mapping[str, Scores], metric: str = "rmse") -> Side:
    side = Side(name="suite", machine="abacus", machine_name="abacus")
    for who, score in scores.items():
        side.scores[subject(who), metric] = score
    return side

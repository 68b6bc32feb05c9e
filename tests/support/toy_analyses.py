"""Toy analyses: statistics of models that never predicted anything."""

from typing import Any

import numpy as np

from benchbox.analysis.records import Analysis, ModelAnalysis, Pair
from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.paired import compare
from benchbox.metrics.metric import RMSE
from benchbox.metrics.scored import Scored
from benchbox.metrics.slices import Slicing, break_down
from benchbox.metrics.variants import VARIANTS
from benchbox.ratings import RatingScale
from tests.support.toy_runs import toy_stage

ONES = np.ones(40, np.float32)
USERS = np.arange(40, dtype=np.int32)


def model(label: str, rmse: float) -> ModelAnalysis:
    nobody = np.zeros(40, np.uint8)
    return ModelAnalysis(
        label=label,
        variants={variant.name: rmse for variant in VARIANTS},
        n_scored={variant.name: 40 for variant in VARIANTS},
        estimates={},
        spread=components([[rmse]]),
        by_fold=(rmse,),
        breakdown=break_down(
            Scored(predicted=ONES, actual=ONES, users=USERS, items=USERS),
            Slicing(activity=nobody, popularity=nobody, scale=RatingScale(1, 5, 1)),
            [RMSE],
        ),
        group="a",
    )


def pair(first: str, second: str) -> Pair:
    # Users gain and lose in turn, by as much.
    turns = np.where(USERS % 2, 1.1, 0.9).astype(np.float32)
    return Pair(
        first=first,
        second=second,
        effect=compare(ONES, ONES + turns, ONES + turns[::-1], USERS),
        over_folds=None,
        n_users=1234,
        n_folds=None,
        n_fits=1,
        seeds_may_explain=False,
        sharper_over_users=None,
        sharper_over_folds=None,
    )


def analysis(
    scores: dict[str, float], pairs: list[Pair] | None = None, **stage: Any
) -> Analysis:
    return Analysis(
        stage=toy_stage(1, **stage),
        clip=True,
        headline=RMSE,
        metrics=[RMSE],
        models=[model(label, rmse) for label, rmse in scores.items()],
        pairs=pairs or [],
        left_out=[],
    )

"""Records: what an analysis says of models and of pairs of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchbox.analysis.statistics.components import Components
from benchbox.analysis.statistics.intervals import Interval
from benchbox.analysis.statistics.paired import Effect
from benchbox.analysis.statistics.resampling import Estimate
from benchbox.metrics import Breakdown, Metric
from benchbox.records import StageRecord

REFERENCE = "(bias model)"
"""How the reference line is called, where no model of the run is the very same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnalysis:
    """One model on one data set under one protocol.

    Attributes:
        label: Model and changed options.
        variants: RMSE by each definition in use, mean over folds and fits; `None` where
            nothing was left to score.
        n_scored: Hidden ratings each definition scores, over all folds.
        estimates: Each metric with a term, over all folds together, with its interval
            over users.
        spread: The headline over folds and over seeds.
        by_fold: The headline per fold, mean over fits.
        breakdown: Metrics by slice.
        group: Letters; models that share one do not differ significantly.
    """

    label: str
    variants: Mapping[str, float | None]
    n_scored: Mapping[str, int]
    estimates: Mapping[str, Estimate]
    spread: Components
    by_fold: tuple[float, ...]
    breakdown: Breakdown
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models on the same hidden ratings; the first is better by the headline.

    Attributes:
        first: Label of the first model.
        second: Label of the second.
        effect: Their difference over users, with p-values corrected for all pairs.
        over_folds: Interval of their mean difference over folds, refits included;
            `None` for one fold.
        n_users: Users that would make the difference significant; `None` if nothing
            differs.
        n_folds: Folds that would; `None` if no number of them.
        n_fits: Fits a fold that keep seeds from hiding the difference.
        seeds_may_explain: Whether the spread over seeds could make the difference.
        sharper_over_users: How many times narrower the interval is than if the models
            had been scored on different users; `None` where it has no width.
        sharper_over_folds: The same of folds.
    """

    first: str
    second: str
    effect: Effect
    over_folds: Interval | None
    n_users: int | None
    n_folds: int | None
    n_fits: int | None
    seeds_may_explain: bool
    sharper_over_users: float | None
    sharper_over_folds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All models of a run on one data set under one protocol, best first.

    Attributes:
        stage: Data set and protocol: the definition all figures share.
        clip: Whether predictions were moved onto the scale.
        headline: The metric that models are ordered and compared by.
        metrics: All metrics with intervals and slices, in the order of their columns.
        models: Those with a prediction of every fold, best first by the headline over
            all folds together.
        pairs: Every two of them, in that order.
        left_out: Labels of the other models.
        unknown: Titles of the run's metrics that are not installed as it recorded them.
    """

    stage: StageRecord
    clip: bool
    headline: Metric
    metrics: list[Metric]
    models: list[ModelAnalysis]
    pairs: list[Pair]
    left_out: list[str]
    unknown: tuple[str, ...] = ()

"""Results of an analysis, for models and for pairs of models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchbox.analysis.statistics.components import Components
from benchbox.analysis.statistics.intervals import Interval
from benchbox.analysis.statistics.paired import Effect
from benchbox.analysis.statistics.resampling import Estimate
from benchbox.metrics import Breakdown, Metric, Reliability
from benchbox.records import AskedAgain, StageRecord

REFERENCE = "(bias model)"
"""Label of the bias model, if the run does not include an identical model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnalysis:
    """One model on one data set under one protocol.

    Attributes:
        label: Model and changed options.
        asks_times: Whether it is told when each question is asked.
        variants: RMSE by name of the definition, mean over folds and fits; `None` if
            no rating was left to score.
        n_scored: Number of scored ratings by name of the definition, over all folds.
        estimates: Value and interval over users by metric name, for metrics with a
            term, over all folds together.
        spread: Mean of the headline metric, and its spread over folds and seeds.
        by_fold: Headline metric per fold, mean over fits.
        breakdown: Metrics by slice.
        reliability: Calibration of its predicted distributions; `None` if it predicts
            none.
        group: Letters; models that share a letter do not differ significantly.
    """

    label: str
    asks_times: bool = False
    variants: Mapping[str, float | None]
    n_scored: Mapping[str, int]
    estimates: Mapping[str, Estimate]
    spread: Components
    by_fold: tuple[float, ...]
    breakdown: Breakdown
    group: str
    reliability: Reliability | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models on the same hidden ratings; the first has the better headline.

    Attributes:
        first: Label of the first model.
        second: Label of the second model.
        effect: Difference over users, with p-values corrected for all pairs.
        over_folds: Interval of the mean difference over folds, which includes refits;
            `None` with one fold.
        n_users: Number of users needed for a significant difference; `None` if the
            models do not differ at all.
        n_folds: Number of folds needed for a significant difference; `None` if no
            number is enough.
        n_fits: Number of fits per fold needed so that seeds do not hide the difference;
            `None` if a model was fitted with one seed, whose spread is unknown.
        seeds_may_explain: Whether the spread over seeds alone could explain the
            difference. It may if it is unknown, unless refits on other folds tell.
        sharper_over_users: How many times narrower the interval over users is than if
            the models had been scored on different users; `None` if its width is 0.
        sharper_over_folds: The same factor for the interval over folds.
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
        stage: Data set and protocol of all figures.
        clip: Whether predictions were clipped to the rating scale.
        headline: Metric by which models are ordered and compared.
        metrics: All metrics with intervals and slices, in the order of their columns.
        models: Models with predictions for every fold, best first by the headline over
            all folds together.
        pairs: Every two of these models that are compared, in that order.
        across_kinds: Whether models that are told when each question is asked are
            compared with others; if not, they never share a letter.
        left_out: Labels of the other models.
        unknown: Titles of the run's metrics that are not installed, or are defined
            differently now.
        asked_again: Whether predictions of these models depend on the other pairs asked
            for, by label and the gravest finding over trials; `None` if no trial tells.
    """

    stage: StageRecord
    clip: bool
    headline: Metric
    metrics: list[Metric]
    models: list[ModelAnalysis]
    pairs: list[Pair]
    left_out: list[str]
    across_kinds: bool = False
    unknown: tuple[str, ...] = ()
    asked_again: Mapping[str, AskedAgain | None] = field(default_factory=dict)

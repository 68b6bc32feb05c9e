"""What every number of a page means."""

from collections.abc import Iterable

from benchbox.records import MetricRecord
from benchbox.reports.numbers import score

COLUMNS = {
    "coverage": "Share of the hidden ratings that the model predicted itself. The bias "
    "model fills in the others, and the scores include them.",
    "tuning s": "Seconds per fold to choose the model's options on validation ratings; "
    "median over trials. Not included in fit s.",
    "fit s": "Wall-clock seconds of the fit, with the accelerator synchronised before "
    "and after; median over trials. ◆: no other model has a better score and takes "
    "less time from data to predictions. ⊘: trials ran at the same time, so that "
    "times are too long and compare with no others.",
    "ready s": "Wall-clock seconds from the data to the first predictions: import, "
    "construction and preparation of the model, fit, and first call of predict; median "
    "over trials.",
    "pairs/s": "Predicted pairs of user and item per second; median over trials.",
    "row ms": "Median time of one call that predicts all items for one user.",
    "energy J": "Joules of fit and prediction, of the accelerator or else of the "
    "processors, as their sensors report them; median over trials.",
    "MiB": "Peak resident memory of the process that ran the trial; largest over "
    "trials. 1 MiB is 1,048,576 bytes.",
    "GPU MiB": "Peak memory of tensors on the accelerator; largest over trials.",
    "parameters": "Number of learned parameters; largest over trials.",
    "trials": "Trials that succeeded, of those planned.",
}
"""Definition of each column by its heading, metrics and plugins' columns apart."""

_OTHERS = {
    "± beside a score": "Standard deviation over folds. It is no interval: folds share "
    "training ratings.",
    "tie": "Not significantly worse than the best: the paired 95 % interval over folds "
    "(Nadeau & Bengio), corrected for the number of models, includes 0.",
    "behind the best": "Difference of the headline metric to the best model on the "
    "same folds, with that interval.",
    "bias model": "Global mean plus a damped offset per user and item, fitted to the "
    "same ratings. A model that is worse has learned nothing useful (▽).",
    "noise floor": "RMSE that a perfect model would have, where the noise in the "
    "ratings is known. Lower figures suggest a leak (⚠).",
    "over users": "Interval for these fits and other users of the same kind: users are "
    "resampled, as errors on one user's ratings are correlated.",
    "over folds": "Interval that includes fits to other training ratings.",
}


def definitions(metrics: Iterable[MetricRecord]) -> list[tuple[str, str]]:
    """Return name and definition of every number, metrics first."""
    units = {"rating": "in units of the rating", "fraction": "in per cent"}
    return [
        *(
            (
                m.title,
                f"{m.definition.removesuffix('.')}, {units.get(m.unit, m.unit)}; "
                f"{_aim(m)}." + (f" ⚠ {m.flaw}." if m.flaw else ""),
            )
            for m in metrics
        ),
        *_OTHERS.items(),
        *COLUMNS.items(),
    ]


def _aim(metric: MetricRecord) -> str:
    """Return which values are good."""
    if metric.target is not None:
        return f"the nearer to {score(metric, metric.target)}, the better"
    return f"{'higher' if metric.higher_is_better else 'lower'} is better"

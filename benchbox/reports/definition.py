"""What defines the figures of a table, and whether those of two runs agree."""

from collections.abc import Sequence
from itertools import chain

from benchbox.errors import ResultsError
from benchbox.options import spell
from benchbox.records import RunRecord, StageRecord, TrialRecord

_METRIC = "metric "


def definition(run: RunRecord, stage: StageRecord) -> dict[str, str]:
    """Return everything that defines the figures of a stage, as text by name.

    Folds, seeds, models and machines are not in it: runs that differ in them can be
    merged.
    """
    config = run.config
    return {
        "data set": spell(stage.dataset, stage.dataset_options),
        "data": stage.data_id,
        "scale": str(stage.scale),
        "protocol": spell(stage.protocol, stage.protocol_options),
        "flaw": stage.flaw or "none",
        "cold policy": stage.cold_policy,
        # Folds that are not drawn are the same under every rule.
        **(
            {"fold format": str(stage.fold_format)}
            if "seed" in stage.protocol_options
            else {}
        ),
        "clipping": "on" if config.clip else "off",
        "precision": config.precision,
        "tuning": str(config.tuning or "none"),
        **{_METRIC + m.name: f"{m.definition} ({m.unit})" for m in run.metrics},
    }


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Return a text for each entry in which two definitions differ.

    A metric that only one of them has is no difference: no figure of the other is in
    its column. Runs have the metrics of distributions only if a model predicts some.
    """
    return [
        f"{word} ({first.get(word, 'none')} against {second.get(word, 'none')})"
        for word in dict.fromkeys(chain(first, second))
        if first.get(word) != second.get(word)
        and not (word.startswith(_METRIC) and (word not in first or word not in second))
    ]


def check_folds(run: RunRecord, trials: Sequence[TrialRecord]) -> None:
    """Check that each trial was scored on the fold of its table.

    Raises:
        ResultsError: A trial was scored on another fold.
    """
    ids = [{fold.name: fold.id for fold in stage.folds} for stage in run.stages]
    for trial in trials:
        here = ids[trial.stage].get(trial.fold)
        if here != trial.fold_id:
            raise ResultsError(
                f"{trial.label} was scored on fold {trial.fold!r} with id "
                f"{trial.fold_id}, but its table shows {here}, which has other "
                f"ratings. Run it again."
            )


def refuse(first: RunRecord, other: RunRecord, found: list[str]) -> None:
    """Refuse to show two runs in one table if anything was *found* to differ.

    Raises:
        ResultsError: Something was.
    """
    if found:
        raise ResultsError(
            f"Runs {first.id} and {other.id} cannot share a table, as their figures "
            f"differ in: {'; '.join(found)}. Report them one by one."
        )

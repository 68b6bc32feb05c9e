"""Merges tables of several runs, if their figures have the same definitions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import msgspec

from benchbox.errors import ResultsError
from benchbox.options import spell
from benchbox.plugins import ColumnSpec
from benchbox.records import PlannedModel, RunRecord, StageRecord, TrialRecord
from benchbox.reports.leaderboard import Leaderboard, leaderboards

RunTrials = tuple[RunRecord, list[TrialRecord]]
"""A run and its trials."""


def definition(run: RunRecord, stage: StageRecord) -> dict[str, str]:
    """Return everything that defines the figures of a stage, as text by name."""
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
        "folds": " ".join(fold.name for fold in stage.folds),
        **{f"id of fold {fold.name}": fold.id for fold in stage.folds},
        "clipping": "on" if config.clip else "off",
        "fits of a stochastic model": str(config.seeds),
        **{f"metric {m.name}": f"{m.definition} ({m.unit})" for m in run.metrics},
        # These define seconds and bytes.
        "machine": run.environment.machine(),
        "threads": str(run.n_threads),
        "precision": config.precision,
    }


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Return a text for each entry in which two definitions differ."""
    return [
        f"{word} ({first.get(word, 'none')} against {second.get(word, 'none')})"
        for word in dict.fromkeys(chain(first, second))
        if first.get(word) != second.get(word)
    ]


def merged(
    runs: Sequence[RunTrials], columns: Sequence[ColumnSpec] = ()
) -> tuple[RunRecord, list[Leaderboard]]:
    """Return the tables of several runs, one for each data set and protocol.

    An identical model in several runs is shown once, from the first run.

    Args:
        runs: The runs, at least one.
        columns: Columns that plugins add.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    first, _ = runs[0]
    for run, trials in runs:
        check_folds(run, trials)
        _check_runs(first, run)
    boards = [_board(group, columns) for group in _groups(runs)]
    ids = " + ".join(run.id for run, _ in runs)
    n_trials = sum(run.n_trials for run, _ in runs)
    return msgspec.structs.replace(first, id=ids, n_trials=n_trials), boards


def check_folds(run: RunRecord, trials: Sequence[TrialRecord]) -> None:
    """Check that each trial was scored on the fold of its table.

    Raises:
        ResultsError: A trial was scored on another fold.
    """
    for trial in trials:
        ids = {fold.name: fold.id for fold in run.stages[trial.stage].folds}
        if ids.get(trial.fold) != trial.fold_id:
            raise ResultsError(
                f"{trial.label} was scored on fold {trial.fold!r} with id "
                f"{trial.fold_id}, but its table shows {ids.get(trial.fold)}, which "
                f"has other ratings. Run it again."
            )


def _check_runs(first: RunRecord, other: RunRecord) -> None:
    """Refuse runs that differ in any definition from the first run."""
    for stage in first.stages:
        mine, its = definition(first, stage), definition(other, stage)
        _refuse(first, other, differences(mine, its))


def _refuse(first: RunRecord, other: RunRecord, found: list[str]) -> None:
    if found:
        raise ResultsError(
            f"Runs {first.id} and {other.id} cannot share a table, as their figures "
            f"differ in: {'; '.join(found)}. Report them one by one."
        )


def _groups(runs: Sequence[RunTrials]) -> list[list[tuple[RunTrials, int]]]:
    """Return the stages of all runs, grouped by definition."""
    grouped: list[list[tuple[RunTrials, int]]] = []
    for own in runs:
        for number, stage in enumerate(own[0].stages):
            group = _fitting(grouped, own, stage)
            if group is None:
                grouped.append([(own, number)])
            else:
                group.append((own, number))
    return grouped


def _fitting(
    grouped: list[list[tuple[RunTrials, int]]], own: RunTrials, stage: StageRecord
) -> list[tuple[RunTrials, int]] | None:
    mine = definition(own[0], stage)
    namesakes = []
    for group in grouped:
        (run, _), number = group[0]
        found = differences(definition(run, run.stages[number]), mine)
        if not found:
            return group
        its = run.stages[number]
        # Within one run, both were requested, so each gets its own table.
        if (its.dataset, its.protocol) == (stage.dataset, stage.protocol):
            namesakes += [(run, found)] if run is not own[0] else []
    for run, found in namesakes:
        _refuse(run, own[0], found)
    return None


def _board(
    group: list[tuple[RunTrials, int]], columns: Sequence[ColumnSpec]
) -> Leaderboard:
    (first, _), number = group[0]
    models: dict[str, PlannedModel] = {}
    fits: dict[str, int] = {}
    moved: list[TrialRecord] = []
    for (run, trials), stage in group:
        new = list(_new_models(run, models, first))
        models |= {run.models[place].label: run.models[place] for place in new}
        # Runs may differ in how often they repeat a fit.
        fits |= {
            run.models[n].label: run.config.n_trials(run.models[n].capabilities)
            for n in new
        }
        places = {place: list(models).index(run.models[place].label) for place in new}
        moved += [
            msgspec.structs.replace(t, stage=0, model=places[t.model])
            for t in trials
            if t.stage == stage and t.model in places
        ]
    alone = msgspec.structs.replace(
        first, models=list(models.values()), stages=[first.stages[number]]
    )
    (board,) = leaderboards(alone, moved, columns)
    n_folds = len(board.stage.folds)
    rows = [replace(row, n_trials=fits[row.label] * n_folds) for row in board.rows]
    return replace(board, rows=rows)


def _new_models(
    run: RunRecord, known: dict[str, PlannedModel], first: RunRecord
) -> Iterator[int]:
    for place, model in enumerate(run.models):
        earlier = known.get(model.label)
        if earlier is None:
            yield place
        elif (earlier.options, earlier.source_digest) != (
            model.options,
            model.source_digest,
        ):
            _refuse(first, run, [f"the code or the defaults of {model.label}"])

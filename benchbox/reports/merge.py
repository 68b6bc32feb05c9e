"""Merges runs whose figures have the same definitions into one run."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import msgspec

from benchbox.errors import counted
from benchbox.machine import Environment
from benchbox.plugins import ColumnSpec
from benchbox.records import (
    CaseRecord,
    FoldRecord,
    MergedRun,
    PlannedModel,
    RunRecord,
    StageRecord,
    TrialRecord,
)
from benchbox.reports.definition import (
    check_folds,
    definition,
    differences,
    refuse,
)
from benchbox.reports.leaderboard import Leaderboard, leaderboards

RunTrials = tuple[RunRecord, list[TrialRecord]]
"""A run and its trials."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A run made of several.

    Attributes:
        run: Its record.
        trials: Its trials.
        origins: For each of them, the number of the run it comes from, and its record
            there.
    """

    run: RunRecord
    trials: list[TrialRecord]
    origins: list[tuple[int, TrialRecord]]


def merged(
    runs: Sequence[RunTrials], columns: Sequence[ColumnSpec] = ()
) -> tuple[RunRecord, list[Leaderboard]]:
    """Return the tables of a run, or those of several, merged.

    Args:
        runs: The runs, at least one.
        columns: Columns that plugins add.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    if len(runs) == 1:
        (run, trials) = runs[0]
        check_folds(run, trials)
        return run, leaderboards(run, trials, columns)
    joined = join(runs)
    return joined.run, leaderboards(joined.run, joined.trials, columns)


def join(runs: Sequence[RunTrials]) -> Joined:
    """Return one run of all trials of *runs*.

    Data sets, folds, models and seeds are those that any of them has. They are known by
    content, not by their places: a trial that several runs have is taken from the first
    in which it succeeded.

    Args:
        runs: The runs, at least one.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    for run, trials in runs:
        check_folds(run, trials)
    # Each with each: two may have a metric that the first does not have.
    for (one, _), (other, _) in combinations(runs, 2):
        for stage in one.stages:
            found = differences(definition(one, stage), definition(other, stage))
            refuse(one, other, found)
    return _Joining(runs).joined()


_Group = dict[int, int]
"""Stages of several runs that become one: by run, the number of its stage."""


class _Joining:
    def __init__(self, runs: Sequence[RunTrials]) -> None:
        self._runs = [run for run, _ in runs]
        self._trials = [trials for _, trials in runs]
        self._models = self._all_models()
        self._place = {label: n for n, label in enumerate(self._models)}
        self._groups = self._all_groups()
        self._n_again = self._n_other = 0

    def joined(self) -> Joined:
        chosen = self._chosen()
        taken: dict[tuple[object, ...], dict[int, int]] = {}
        trials, origins = [], []
        for group, number, trial in chosen:
            model = self._place[trial.label]
            numbers = taken.setdefault((group, model, trial.fold_id), {})
            moved = msgspec.structs.replace(
                trial,
                stage=group,
                model=model,
                replicate=_numbered(self._seed(trial), trial.replicate, numbers),
            )
            trials.append(moved)
            origins.append((number, trial))
        stages = [self._stage(n) for n in range(len(self._groups))]
        return Joined(self._run(stages, trials), trials, origins)

    def _all_models(self) -> dict[str, PlannedModel]:
        models: dict[str, PlannedModel] = {}
        for run in self._runs:
            for model in run.models:
                known = models.setdefault(model.label, model)
                same = (known.options, known.source_digest) == (
                    model.options,
                    model.source_digest,
                )
                if not same:
                    what = f"the code or the defaults of {model.label}"
                    refuse(self._runs[0], run, [what])
        return models

    def _all_groups(self) -> list[_Group]:
        groups: list[_Group] = []
        for number, run in enumerate(self._runs):
            for place, stage in enumerate(run.stages):
                group = self._fitting(groups, number, stage)
                if group is None:
                    groups.append(group := {})
                group[number] = place
        return groups

    def _fitting(
        self, groups: list[_Group], number: int, stage: StageRecord
    ) -> _Group | None:
        """Return the group that a stage of a run belongs to; `None` if it is new."""
        run = self._runs[number]
        namesakes = []
        for group in groups:
            # Within one run, both were requested, so each gets its own table.
            if number in group:
                continue
            other, place = next(iter(group.items()))
            theirs, its = self._runs[other], self._runs[other].stages[place]
            found = [
                *differences(definition(theirs, its), definition(run, stage)),
                *self._other_folds(group, stage),
            ]
            if not found and _title(its) == _title(stage):
                return group
            if found and (its.dataset, its.protocol) == (stage.dataset, stage.protocol):
                namesakes.append((theirs, found))
        for other_run, found in namesakes:
            refuse(other_run, run, found)
        return None

    def _other_folds(self, group: _Group, stage: StageRecord) -> Iterator[str]:
        ids = {fold.name: fold.id for one in self._stages(group) for fold in one.folds}
        for fold in stage.folds:
            if (known := ids.get(fold.name, fold.id)) != fold.id:
                yield f"id of fold {fold.name} ({known} against {fold.id})"

    def _stages(self, group: _Group) -> list[StageRecord]:
        return [self._runs[run].stages[place] for run, place in group.items()]

    def _seed(self, trial: TrialRecord) -> int:
        """Return what tells fits of a model on a fold apart."""
        return trial.seed if self._models[trial.label].capabilities.stochastic else 0

    def _chosen(self) -> Iterable[tuple[int, int, TrialRecord]]:
        """Return each trial once, with its group and its run."""
        chosen: dict[tuple[object, ...], tuple[int, int, TrialRecord]] = {}
        by_place = [
            {group[run]: n for n, group in enumerate(self._groups) if run in group}
            for run in range(len(self._runs))
        ]
        for number, trials in enumerate(self._trials):
            for trial in trials:
                group = by_place[number][trial.stage]
                model = self._place[trial.label]
                seed = self._seed(trial)
                which = (group, model, trial.fold_id, seed, trial.repeat)
                known = chosen.get(which)
                if known is None or "ok" == trial.status != known[2].status:
                    chosen[which] = (group, number, trial)
                elif trial.status == known[2].status == "ok":
                    self._n_again += 1
                    self._n_other += not _same(known[2], trial)
        return chosen.values()

    def _stage(self, number: int) -> StageRecord:
        group = self._groups[number]
        stages = self._stages(group)
        folds = {fold.name: fold for stage in stages for fold in stage.folds}
        names = sorted(folds, key=_in_order)
        return msgspec.structs.replace(
            stages[0],
            standard=all(stage.standard for stage in stages),
            folds=[folds[name] for name in names],
            notes=list(dict.fromkeys(n for stage in stages for n in stage.notes)),
            case=self._case(group),
            planned=self._planned(group, list(folds.values())),
        )

    def _case(self, group: _Group) -> CaseRecord | None:
        published = {}
        first: CaseRecord | None = None
        for number, place in group.items():
            run = self._runs[number]
            case = run.stages[place].case
            if case is None:
                continue
            first = first or case
            for figure in case.published:
                model = self._place[run.models[figure.model].label]
                moved = msgspec.structs.replace(figure, model=model)
                published[moved.claim, model, moved.metric] = moved
        if first is None:
            return None
        return msgspec.structs.replace(
            first,
            models=list(self._planned(group, [])),
            published=list(published.values()),
        )

    def _planned(self, group: _Group, folds: list[FoldRecord]) -> dict[int, int]:
        """Return how many trials of each model belong on all folds together.

        A fold on which no run has a model counts like the one with the most fits.
        """
        fits: dict[int, dict[str, set[tuple[int, int, int]]]] = {}
        for number, place in group.items():
            run = self._runs[number]
            for model in run.stages[place].participants(run):
                planned = run.models[model]
                stochastic = planned.capabilities.stochastic
                own = {
                    (run.config.seed if stochastic else 0, replicate, repeat)
                    for replicate in range(run.config.n_fits(planned.capabilities))
                    for repeat in range(run.config.repeats)
                }
                by_fold = fits.setdefault(self._place[planned.label], {})
                for fold in run.stages[place].folds:
                    by_fold.setdefault(fold.name, set()).update(own)
        return {
            model: sum(
                len(by_fold.get(fold.name, max(by_fold.values(), key=len)))
                for fold in folds
            )
            for model, by_fold in sorted(fits.items())
        }

    def _run(self, stages: list[StageRecord], trials: list[TrialRecord]) -> RunRecord:
        runs, first = self._runs, self._runs[0]
        configs = [run.config for run in runs]
        environments = {e.id: e for run in runs for e in _environments(run)}
        environments.pop(first.environment.id)
        n_trials = sum(n for stage in stages for n in stage.planned.values())
        is_whole = len(trials) == n_trials
        return msgspec.structs.replace(
            first,
            id=" + ".join(run.id for run in runs),
            status=(
                "finished"
                if is_whole and all(run.status == "finished" for run in runs)
                else "interrupted"
            ),
            created=min(run.created for run in runs),
            finished=max(run.finished for run in runs),
            config=msgspec.structs.replace(
                first.config,
                models=_union(config.models for config in configs),
                datasets=_union(config.datasets for config in configs),
                protocols=_union(config.protocols or ("",) for config in configs),
                folds=(),
                seeds=max(config.seeds for config in configs),
                repeats=max(config.repeats for config in configs),
            ),
            n_trials=n_trials,
            models=list(self._models.values()),
            stages=stages,
            metrics=[*{m.name: m for run in runs for m in run.metrics}.values()],
            first_use_seconds={
                label: seconds
                for run in reversed(runs)
                for label, seconds in run.first_use_seconds.items()
            },
            earlier_environments=list(environments.values()),
            merged=[one for run in runs for one in _merged_runs(run)],
            remarks=[*_union(run.remarks for run in runs), *self._remarks()],
        )

    def _remarks(self) -> Iterator[str]:
        if not self._n_again:
            return
        which = counted(self._n_again, "trial")
        other = (
            f", of which {self._n_other} predicted otherwise there"
            if self._n_other
            else ""
        )
        yield f"Several of the merged runs have {which}{other}; the first run's count."


def _environments(run: RunRecord) -> Iterator[Environment]:
    yield run.environment
    yield from run.earlier_environments


def _merged_runs(run: RunRecord) -> list[MergedRun]:
    return run.merged or [
        MergedRun(
            id=run.id,
            created=run.created,
            command=run.command,
            config=run.config,
            n_threads=run.n_threads,
        )
    ]


def _title(stage: StageRecord) -> str:
    return stage.case.title if stage.case else ""


def _union(listed: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(listed)))


def _numbered(seed: int, wished: int, numbers: dict[int, int]) -> int:
    """Return the number of the fit with *seed*: that of its run, or else the next."""
    if seed not in numbers:
        taken = set(numbers.values())
        numbers[seed] = next(n for n in chain([wished], range(10**9)) if n not in taken)
    return numbers[seed]


def _same(one: TrialRecord, other: TrialRecord) -> bool:
    if one.predictions_digest and other.predictions_digest:
        return one.predictions_digest == other.predictions_digest
    return one.metrics == other.metrics


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return what to sort names of folds by, such that k10 comes after k9."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(p), "") if p.isdigit() else (0, p) for p in parts]

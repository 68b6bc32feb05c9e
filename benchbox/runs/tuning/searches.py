"""Tunes every model on every fold of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from benchbox.errors import UsageError
from benchbox.metrics import Metric
from benchbox.models import SearchSpace
from benchbox.protocols import validation_fold
from benchbox.records import STUDY, RunConfig, RunFolder, StudiesRecord, StudyRecord
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Chosen, Plan, PlannedTrial
from benchbox.runs.runner import execute
from benchbox.runs.tuning.study import Study, StudyListener
from benchbox.runs.tuning.suggestions import free_space
from benchbox.trials import Executor

"""File in a run's folder with all settings tried, by model and fold."""


def tunable(config: RunConfig, spaces: Mapping[str, SearchSpace]) -> RunConfig:
    """Return *config*; if it names no models, with those of *spaces* that have one."""
    if config.models or config.cases:
        return config
    models = tuple(sorted(name for name, space in spaces.items() if space))
    return msgspec.structs.replace(config, models=models)


def with_tuned(plan: Plan, spaces: Mapping[str, SearchSpace]) -> Plan:
    """Return *plan* with each model twice: as it is, and to be tuned.

    Args:
        plan: Plan of the run.
        spaces: Search spaces by name of the model.

    Raises:
        UsageError: No model has an option to tune.
    """
    models, searches = [], {}
    for model in plan.models:
        models.append(model)
        space = free_space(spaces.get(model.name, {}), model.changed, model.options)
        if space:
            twin = msgspec.structs.replace(model, tuned=True)
            models.append(twin)
            searches[twin.id] = space
    if not searches:
        raise UsageError(
            "No model has an option left to tune. Name one that states ranges for its "
            "options, and do not set all of them; or use `benchbox run`."
        )
    return replace(plan, models=models, searches=searches)


class Searches:
    """All searches of a run.

    Args:
        plan: Plan of the run, with `Plan.searches`.
        folder: Folder of the run, which also gets the records of the searches.
        executor: Executor that runs the trials.
        listener: Its methods are called as the searches progress.

    Raises:
        UsageError: The metric to optimise is unknown.
    """

    def __init__(
        self, plan: Plan, folder: RunFolder, executor: Executor, listener: Listener
    ) -> None:
        self._plan, self._folder = plan, folder
        self._executor, self._listener = executor, listener
        self._metric = _metric(plan)

    def run(self) -> Plan | None:
        """Return the plan with the chosen options; `None` after Ctrl-C."""
        studies: list[StudyRecord] = []
        chosen: dict[tuple[str, str], Chosen] = {}
        for first in self._first_trials():
            study = self._search(first)
            if study is None:
                return None
            if study.tried:
                found = study.record()
                studies.append(found)
                chosen[first.fold.id, first.untuned.id] = Chosen(
                    options=found.chosen, seconds=found.seconds
                )
        self._write(studies)
        return replace(self._plan, chosen=chosen)

    def _first_trials(self) -> Iterator[PlannedTrial]:
        """Yield a trial for each search, with its model and fold."""
        for number, stage in enumerate(self._plan.stages):
            for fold in stage.folds:
                for place, model in enumerate(self._plan.models):
                    if model.id in self._plan.searches:
                        yield PlannedTrial(
                            plan=self._plan,
                            stage_number=number,
                            model_number=place,
                            fold=fold,
                            replicate=0,
                        )

    def _search(self, first: PlannedTrial) -> Study | None:
        name = f"tuning/m{first.model_number:02d}-{first.model.name}"
        records = self._folder.inner(name)
        study = Study(
            first,
            validation_fold(first.fold, first.fold_seed("tuning")),
            self._plan.searches[first.untuned.id],
            self._metric,
            records,
        )
        if first.skip_reason():
            return study
        self._listener.search_started(study.label, study.budget)
        done = execute(
            study.plan,
            study.trials(),
            records,
            self._executor,
            StudyListener(study, self._listener),
        )
        self._listener.search_ended(study.record() if done.to_the_end else None)
        return study if done.to_the_end else None

    def _write(self, studies: list[StudyRecord]) -> None:
        record = StudiesRecord(
            run=self._folder.path.name,
            stages=[stage.record().label for stage in self._plan.stages],
            seed=self._plan.config.seed,
            environment=self._plan.environment.id,
            studies=studies,
        )
        encoded = msgspec.json.format(msgspec.json.encode(record), indent=1)
        self._folder.write_text(STUDY, encoded.decode() + "\n")


def check_metric(plan: Plan) -> None:
    """Check that the metric to optimise exists.

    Raises:
        UsageError: It does not.
    """
    _metric(plan)


def _metric(plan: Plan) -> Metric:
    assert plan.config.tuning is not None
    name = plan.config.tuning.metric
    by_name = {metric.name: metric for metric in plan.metrics}
    if name not in by_name:
        raise UsageError(f"No metric named {name!r}. Available: {', '.join(by_name)}.")
    metric = by_name[name]
    if metric.target is not None:
        raise UsageError(
            f"Options cannot be chosen by {name!r}, of which neither higher nor lower "
            f"values are better. Choose another --metric."
        )
    return metric

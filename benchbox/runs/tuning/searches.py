"""Tunes every model on every fold of a run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import msgspec

from benchbox.errors import UsageError
from benchbox.machine import Environment
from benchbox.metrics import Metric
from benchbox.models import SearchSpace
from benchbox.protocols import validation_fold
from benchbox.records import RunConfig, RunFolder, StudiesRecord, StudyRecord
from benchbox.runs.costs import MemoryNeeds
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Chosen, Plan, PlannedTrial
from benchbox.runs.runner import execute_in_turn
from benchbox.runs.tuning.study import Study, StudyListener
from benchbox.runs.tuning.suggestions import free_space
from benchbox.runs.turns import RunsAside, at_once
from benchbox.trials import Executor


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
        jobs: How many searches run at once; the executor must be able to. What each
            tries depends on its own results alone.
        needs: Estimates of the memory that trials need.
        met: Takes the machines of trials; see `execute`.

    Raises:
        UsageError: The metric to optimise is unknown.
    """

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        executor: Executor,
        listener: Listener,
        jobs: int = 1,
        needs: MemoryNeeds | None = None,
        met: Callable[[Environment], None] = lambda environment: None,
    ) -> None:
        self._plan, self._folder, self._listener = plan, folder, listener
        self._aside = RunsAside(executor, jobs, met)
        self._needs = needs or MemoryNeeds()
        self._metric = _metric(plan)

    def run(self) -> Plan | None:
        """Return the plan with the chosen options; `None` after Ctrl-C."""
        done: dict[int, tuple[PlannedTrial, Study]] = {}
        firsts = enumerate(self._first_trials())

        def search() -> None:
            for number, first in firsts:
                done[number] = first, self._search(first)

        try:
            at_once(search, self._aside)
        except KeyboardInterrupt:
            return None
        studies: list[StudyRecord] = []
        chosen: dict[tuple[str, str], Chosen] = {}
        for _, (first, study) in sorted(done.items()):
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

    def _search(self, first: PlannedTrial) -> Study:
        """Search options for the model and the fold of *first*.

        Raises:
            KeyboardInterrupt: It was interrupted.
        """
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
        with self._aside.speaking:
            self._listener.search_started(study.label, study.budget)
        done = execute_in_turn(
            study.plan,
            study.trials(),
            records,
            self._aside,
            StudyListener(study, self._listener),
            self._needs,
        )
        with self._aside.speaking:
            found = study.record() if done.to_the_end else None
            self._listener.search_ended(study.label, found)
        if not done.to_the_end:
            raise KeyboardInterrupt
        return study

    def _write(self, studies: list[StudyRecord]) -> None:
        record = StudiesRecord(
            run=self._folder.path.name,
            stages=[stage.record().label for stage in self._plan.stages],
            seed=self._plan.config.seed,
            environment=self._plan.environment.id,
            studies=studies,
        )
        self._folder.write_studies(record)


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

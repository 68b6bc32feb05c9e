"""A session plans and carries out runs, for the command line and for Python."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from benchbox.errors import counted
from benchbox.machine import AUTO, Environment, n_usable_cpus
from benchbox.metrics import Metric
from benchbox.plugins import ExecutorSpec, Registry
from benchbox.records import (
    Access,
    MetricRecord,
    PlannedModel,
    RunConfig,
    RunFolder,
    RunRecord,
    now,
    remove_stale_scratch,
    remove_unborn,
    scratch_folder,
)
from benchbox.reports import Citations, time_warnings, write_tables
from benchbox.runs.access import access_of
from benchbox.runs.cases import resolve_cases
from benchbox.runs.costs import Costs, MemoryNeeds, earlier_trials
from benchbox.runs.events import Events, TellingListener
from benchbox.runs.execution import ONE_BY_ONE, Execution
from benchbox.runs.listener import Listener, Silent
from benchbox.runs.plan import Plan, Stage
from benchbox.runs.reporting import write_page
from benchbox.runs.resolve import (
    choose_device,
    find_accelerators,
    make_accelerators_known,
    own_spaces,
    resolve_metrics,
    resolve_models,
)
from benchbox.runs.resuming import FAILED, check_stages, trials_left
from benchbox.runs.runner import execute
from benchbox.runs.saved.files import SavedRecord
from benchbox.runs.saved.fitting import FitSettings, fit
from benchbox.runs.scoring import failed_metrics
from benchbox.runs.settings import check_bounds, check_n_trials
from benchbox.runs.stages import Notify, Stages, lists_of
from benchbox.runs.tuning.searches import Searches, check_metric, tunable, with_tuned
from benchbox.runs.tuning.suggestions import needs_optuna
from benchbox.targets import resolve
from benchbox.trials import Executor, Machines

_LIBRARIES = "torch and other libraries, for the trials"


class Session:
    """Plans and carries out runs. As a context manager, it ends its processes.

    Processes that have imported torch are reused from run to run, one for each number
    of threads.

    Attributes:
        registry: Installed plugins.
        notify: Shows a line to the user.
        execution: How trials are carried out.

    Args:
        registry: Installed plugins.
        notify: Shows a line to the user: downloads, warnings, plugins that fail.
        listener: Its methods are called as runs progress.
        command: Command line, for the record.
        execution: How trials are carried out.

    Raises:
        UsageError: There is no such executor, or it runs one trial at a time.
    """

    def __init__(
        self,
        registry: Registry,
        notify: Notify,
        listener: Listener | None = None,
        command: str = "",
        execution: Execution = ONE_BY_ONE,
    ) -> None:
        self.registry, self.notify = registry, notify
        named = registry.find("executors", execution.executor)
        self._spec: ExecutorSpec = named.value
        execution.check(self._spec)
        self.execution = execution
        make_accelerators_known(registry)
        self._listener, self._command = listener or Silent(), command
        self._context = ExitStack()
        self._scratch = Path()
        self._executors: dict[int, Executor] = {}

    def __enter__(self) -> Self:
        remove_stale_scratch()
        self._scratch = self._context.enter_context(scratch_folder())
        return self

    def __exit__(self, *_: object) -> None:
        self._executors.clear()
        self._context.close()

    @cached_property
    def machines(self) -> Machines:
        """The machines that run trials.

        Raises:
            BenchboxError: They cannot be reached, or do not go together.
        """
        if not self._spec.machines:
            return Machines(n_cpus=(n_usable_cpus(),))
        reached: AbstractContextManager[Machines] = resolve(self._spec.machines)(
            **self.execution.where
        )
        return self._context.enter_context(reached)

    def executor(self, n_threads: int) -> Executor:
        """Return an executor that runs trials with *n_threads* threads each."""
        if n_threads not in self._executors:
            log = self._scratch / f"executor-{n_threads}.log"
            most = max(self.machines.n_cpus) // n_threads
            more = self.execution.arguments(min(self.execution.jobs, most))
            executor: Executor = resolve(self._spec.target)(n_threads, log, **more)
            self._executors[n_threads] = self._context.enter_context(executor)
        return self._executors[n_threads]

    def jobs_at_once(self, n_threads: int) -> int:
        """Return for how many trials there are processors."""
        return self.machines.at_once(self.execution.jobs, n_threads)

    def _check_processors(self, n_threads: int) -> None:
        """Say so if there are processors for fewer trials than are to run at once."""
        machines = self.machines.n_cpus
        wanted, here = self.execution.jobs * len(machines), sum(machines)
        jobs = self.jobs_at_once(n_threads)
        if jobs < wanted:
            less = "fewer threads or jobs" if n_threads > 1 else "fewer jobs"
            self.notify(
                f"benchbox: {counted(wanted, 'trial')} at once, of "
                f"{counted(n_threads, 'thread')} each, need {wanted * n_threads} "
                f"processors, and here are {here}: {jobs} will run at once. Choose "
                f"{less}."
            )

    def plan(self, config: RunConfig) -> Plan:
        """Return the plan of a run with these settings.

        Raises:
            UsageError: A name or an option is unknown.
            DataError: A data set cannot be found, downloaded or read.
            ProtocolError: A protocol cannot split a data set.
            LeakError: A split leaks hidden ratings to the models.
        """
        check_bounds(config)
        offered = [offer.value for offer in self.registry.all("models")]
        spaces = {spec.name: spec.search for spec in offered}
        if config.tuning is not None:
            needs_optuna()
            by_default = {spec.name: spec.search for spec in offered if spec.by_default}
            config = tunable(config, by_default)
        n_threads = config.threads or max(
            1, min(self.machines.n_cpus) // self.execution.jobs
        )
        self._check_processors(n_threads)
        executor = self.executor(n_threads)
        access = _access(config)
        stages = Stages(self.registry, self.notify, config.columns)
        # Names first: a device that is not here, or a misspelt model, must not wait for
        # a download. If no device is named, torch is imported meanwhile.
        accelerators = None
        if config.device != AUTO:
            self._listener.loading(_LIBRARIES)
            accelerators = find_accelerators(config.device, executor)
        self._listener.loading("the models")
        if config.cases:
            models, made = resolve_cases(
                config.cases, self.registry, executor, stages, access
            )
        else:
            models = resolve_models(config.models, self.registry, executor, access)
            self._listener.loading(f"and splitting {', '.join(config.datasets)}")
            made = stages.all(config)
        self._listener.loading(_LIBRARIES)
        plan = Plan(
            config=config,
            models=models,
            stages=made,
            metrics=_metrics_for(models, resolve_metrics(self.registry)),
            n_threads=n_threads,
            accelerators=accelerators or find_accelerators(config.device, executor),
            access=_access(config, made),
            refused=tuple(map(str, stages.refused)),
            elsewhere=self.machines.environment,
        )
        check_n_trials(plan)
        self._tell_of_times(plan)
        if config.tuning is None:
            return plan
        check_metric(plan)
        targets = {spec.target for spec in offered}
        # A plugin may be a file, too; it states its ranges itself.
        of_files = [model for model in models if model.target not in targets]
        return with_tuned(plan, {**spaces, **own_spaces(of_files, executor)})

    def _tell_of_times(self, plan: Plan) -> None:
        """Say what the times of questions betray to the models that are told them."""
        for number, stage in enumerate(plan.stages):
            told = [
                plan.models[place].label
                for place in plan.participants(number)
                if plan.models[place].capabilities.uses_question_times
            ]
            if not told:
                continue
            record = stage.record()
            for text in time_warnings(record):
                self.notify(
                    f"benchbox: {record.label}, told when each question is asked: "
                    f"{', '.join(told)}. In {text}."
                )

    def costs(self, out: Path) -> Costs:
        """Return estimates of times, from authors' hints and earlier runs in *out*."""
        return self._estimates(out)[0]

    def _estimates(self, out: Path) -> tuple[Costs, MemoryNeeds]:
        """Return estimates of times and of memory, for which runs are read once."""
        offers = self.registry.all("models")
        costs = Costs({o.value.name: o.value.cost_hint for o in offers})
        needs, earlier = MemoryNeeds(), earlier_trials(out)
        costs.learn_from(earlier)
        needs.learn_from(earlier)
        return costs, needs

    def carry_out(
        self, plan: Plan, folder: RunFolder, rerun: str = FAILED
    ) -> RunRecord:
        """Run the trials of *plan* that are not done yet, and write records and tables.

        Args:
            plan: Plan of the run.
            folder: Folder for the records; it may already contain some of them.
            rerun: Which trials that have ended are run again; see `trials_left`.

        Returns:
            Record of the run; its status says whether the run finished.

        Raises:
            ResultsError: Another process carries out this run, or it cannot be written.
        """
        access = _access(plan.config, plan.stages, folder.path.parent)
        with folder.locked():
            remove_unborn(folder.path.parent)
            return self._carried_out(replace(plan, access=access), folder, rerun)

    def _carried_out(self, plan: Plan, folder: RunFolder, rerun: str) -> RunRecord:
        # The run is on disk before its first trial, so that it can be resumed.
        record = _record(plan, folder, self._command)
        if folder.has_run():
            for line in folder.clean().left_out:
                self.notify(f"benchbox: left out: {line}")
        folder.write_run(record)
        executor = self.executor(plan.n_threads)
        jobs = self.jobs_at_once(plan.n_threads)
        costs, needs = self._estimates(folder.path.parent)
        if plan.searches:
            searches = Searches(
                plan,
                folder,
                executor,
                self._listener,
                jobs,
                needs,
                partial(_meet, record, folder),
            )
            found = searches.run()
            if found is None:
                record.status = "interrupted"
                folder.write_run(record)
                return record
            plan = found
        record = self._executed(plan, folder, executor, record, rerun, needs, costs)
        formats = {o.value.name: o.value for o in self.registry.all("formats")}
        columns = [offer.value for offer in self.registry.all("columns")]
        citations = Citations.of(self.registry)
        for line in write_tables(folder, formats, columns, citations):
            self.notify(f"benchbox: {line}")
        stages = plan.stages
        write_page(folder, self.registry, self.notify, lambda n: stages[n].folds)
        self._tell_of_metrics(folder)
        return record

    def _tell_of_metrics(self, folder: RunFolder) -> None:
        """Say once of each metric that failed why it did."""
        told: dict[str, str] = {}
        for trial in folder.examine().records:
            told = failed_metrics(trial) | told
        for name, why in told.items():
            self.notify(f"benchbox: metric {name!r} has no figure: {why}.")

    def _executed(
        self,
        plan: Plan,
        folder: RunFolder,
        executor: Executor,
        record: RunRecord,
        rerun: str,
        needs: MemoryNeeds,
        costs: Costs,
    ) -> RunRecord:
        left = trials_left(plan, folder, folder.examine().records, rerun)
        events = Events(self.registry, self.notify)
        events.tell("run_started", run=record, folder=folder.path)
        if (jobs := self.jobs_at_once(plan.n_threads)) > 1:
            left = costs.longest_first(left)
        self._listener.run_started(left, costs)
        try:
            listener = TellingListener(record, events, self._listener)
            done = execute(
                plan,
                left,
                folder,
                executor,
                listener,
                jobs=jobs,
                needs=needs,
                met=partial(_meet, record, folder),
            )
        finally:
            self._listener.run_ended(record)
        record.status = "finished" if done.to_the_end else "interrupted"
        record.first_use_seconds |= done.first_use_seconds
        record.finished = now()
        folder.write_run(record)
        events.tell("run_ended", run=record, folder=folder.path)
        return record

    def fit(
        self,
        model: str,
        dataset: str,
        out: Path,
        settings: FitSettings,
        columns: str = "",
    ) -> SavedRecord:
        """Fit a model to all ratings of a data set and save it in the folder *out*.

        Args:
            model: Model with options, as on the command line.
            dataset: Data set, as on the command line.
            out: Folder to save the model in; it must not exist.
            settings: Settings of the fit; the device may be ``auto``.
            columns: Names of the columns in the user's own files.

        Raises:
            UsageError: A name or an option is unknown, or the folder exists.
            DataError: The data set cannot be found, downloaded or read.
            ModelError: The fit failed, or the model cannot be saved.
        """
        executor = self.executor(settings.n_threads)
        allowed = partial(
            access_of, read=settings.allow_read, network=settings.allow_network
        )
        (planned,) = resolve_models((model,), self.registry, executor, allowed())
        device = choose_device(settings.device, planned.capabilities, executor)
        data = Stages(self.registry, self.notify, columns).dataset(dataset)
        return fit(
            planned,
            data,
            replace(settings, device=device),
            allowed(datasets=[data]),
            executor,
            partial(self._listener.trial_said, None),
            out,
        )


def _metrics_for(
    models: Sequence[PlannedModel], metrics: Sequence[Metric]
) -> list[Metric]:
    """Return the metrics that can have a value for any of the models."""
    any_predicts = any(m.capabilities.predicts_distribution for m in models)
    return [m for m in metrics if any_predicts or not m.needs_distribution]


def _access(
    config: RunConfig, stages: Sequence[Stage] = (), results: Path | None = None
) -> Access:
    return access_of(
        read=config.allow_read,
        network=config.allow_network,
        datasets=[stage.dataset for stage in stages],
        # They list the pairs that will be asked.
        lists=list(filter(None, map(lists_of, config.protocols))),
        results=results,
    )


def _record(plan: Plan, folder: RunFolder, command: str) -> RunRecord:
    """Return the record of a run that begins, or goes on, in *folder*."""
    earlier = folder.read_run() if folder.has_run() else None
    environments = []
    if earlier is not None:
        check_stages(plan, earlier)
        known = [*earlier.earlier_environments, earlier.environment]
        # A trial names its environment by id; those of this run's own are in there.
        environments = [one for one in known if one.id != plan.environment.id]
    return RunRecord(
        id=folder.path.name,
        created=now() if earlier is None else earlier.created,
        config=plan.config,
        command=command,
        n_trials=len(plan.trials),
        n_threads=plan.n_threads,
        models=plan.models,
        stages=[stage.record() for stage in plan.stages],
        metrics=[_metric_record(metric) for metric in plan.metrics],
        environment=plan.environment,
        earlier_environments=environments,
    )


def _meet(record: RunRecord, folder: RunFolder, environment: Environment) -> None:
    """Write down the machine of a trial, if it is a new one, before the trial is."""
    known = [record.environment, *record.earlier_environments]
    if environment.id not in [one.id for one in known]:
        record.earlier_environments.append(environment)
        folder.write_run(record)


def _metric_record(metric: Metric) -> MetricRecord:
    names = MetricRecord.__struct_fields__
    return MetricRecord(**{name: getattr(metric, name) for name in names})

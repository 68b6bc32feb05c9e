"""Collects the measurements of one side of a comparison, from a run or a file."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import fsum, inf
from statistics import fmean
from typing import NamedTuple

from benchbox.errors import ResultsError
from benchbox.metrics import Metric
from benchbox.models import Capabilities
from benchbox.records import MOST_SCORE, MetricRecord, RunRecord, TrialRecord

TIMED_PHASES = ("fit", "predict")

COVERAGE = "coverage"
"""Name, in benchmark files, of the share of hidden ratings that the model predicted
without fallback. It is not a metric of predictions, but is judged like one."""

_LEAST_SECONDS = 0.002
"""Differences of times below this are noise of the system."""


class Subject(NamedTuple):
    """A model on a data set and protocol, or a benchmark.

    Attributes:
        where: Data set and protocol, or the module of a benchmark.
        who: Model and changed options, or the name of a benchmark.
    """

    where: str
    who: str


class Round(NamedTuple):
    """One pass over all folds, with one seed.

    Attributes:
        replicate: Number of the seed, from 0.
        repeat: Number of the repeat with this seed, from 0.
    """

    replicate: int
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of a subject in one phase.

    Attributes:
        seconds: Seconds by fold id and round.
        contended: Rounds in which other work disturbed a trial.
        together: Those of them in which trials of the same run ran at once.
        least_seconds: Differences below this count as SAME.
    """

    seconds: dict[str, dict[Round, float]] = field(default_factory=dict)
    contended: set[Round] = field(default_factory=set)
    together: set[Round] = field(default_factory=set)
    least_seconds: float = 0.0

    def over(self, folds: set[str], without: Set[Round] = frozenset()) -> list[float]:
        """Return the seconds of each complete round, summed over *folds*."""
        rounds = set.intersection(*(set(self.seconds[fold]) for fold in folds))
        return [
            fsum(self.seconds[fold][one] for fold in folds)
            for one in sorted(rounds - without)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The values of a metric of a subject.

    Attributes:
        definition: Definition of the metric.
        values: Value by fold id and replicate.
        digests: Hash of the predictions by fold id and replicate; empty if unknown.
        higher_is_better: Direction of the metric.
        is_stochastic: Whether the model depends on the seed, as far as is known.
        asks_times: Whether the model is told when each question is asked.
        target: The best value, if neither higher nor lower ones are better.
    """

    definition: str = ""
    values: dict[str, dict[int, float]] = field(default_factory=dict)
    digests: dict[str, dict[int, str]] = field(default_factory=dict)
    higher_is_better: bool = False
    is_stochastic: bool = True
    asks_times: bool = False
    target: float | None = None

    def by_fold(self, folds: list[str]) -> list[list[float]]:
        """Return the values of all replicates, per fold."""
        return [list(self.values[fold].values()) for fold in folds]

    def mean(self, folds: list[str]) -> float:
        """Return the mean over folds of the mean over replicates."""
        return fmean(fmean(scores) for scores in self.by_fold(folds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The measurements of one side of a comparison.

    Attributes:
        name: Name of the side.
        machine: Fingerprint of the machine that timed it.
        machine_name: Description of the machine.
        conditions: Other settings that affect times, by name.
        times: Times by subject and phase.
        scores: Scores by subject and metric.
        failed: Why a subject failed, by subject.
        hidden_shares: Hidden ratings divided by training ratings, by fold id.
    """

    name: str
    machine: str
    machine_name: str
    conditions: dict[str, str] = field(default_factory=dict)
    times: dict[tuple[Subject, str], Times] = field(default_factory=dict)
    scores: dict[tuple[Subject, str], Scores] = field(default_factory=dict)
    failed: dict[Subject, str] = field(default_factory=dict)
    hidden_shares: dict[str, float] = field(default_factory=dict)

    @property
    def subjects(self) -> list[Subject]:
        """All subjects, measured or failed, in the order of the run."""
        measured = [subject for subject, _ in (*self.scores, *self.times)]
        return list(dict.fromkeys([*measured, *self.failed]))


def common_folds(first: Collection[str], second: Collection[str]) -> list[str]:
    """Return the ids of folds in both, in the order of the first."""
    return [fold for fold in first if fold in second]


def side_of_run(run: RunRecord, trials: list[TrialRecord]) -> Side:
    """Return the measurements of a run."""
    environments = [run.environment, *run.earlier_environments]
    known = {environment.id: environment.fingerprint for environment in environments}
    machines = {known.get(t.environment, run.environment.fingerprint) for t in trials}
    side = Side(
        name=run.id,
        # A run that was resumed on another machine can only be compared with itself.
        machine=" and ".join(sorted(machines)) or run.environment.fingerprint,
        machine_name=run.environment.machine(),
        conditions={
            "threads": str(run.n_threads),
            "devices": ", ".join(sorted({trial.device for trial in trials})),
            "precision": run.config.precision,
            "torch": run.environment.packages.get("torch", ""),
            "rules of drawing": ", ".join(
                sorted(
                    {
                        f"fold format {stage.fold_format}"
                        for stage in run.stages
                        if "seed" in stage.protocol_options
                    }
                )
            ),
        },
        hidden_shares={
            fold.id: fold.n_hidden / fold.n_train
            for stage in run.stages
            for fold in stage.folds
        },
    )
    metrics = {metric.name: metric for metric in run.metrics}
    for trial in trials:
        subject = subject_of(run, trial)
        if trial.status != "ok":
            side.failed.setdefault(subject, f"{trial.status}: {trial.reason}")
            continue
        _add_times(side, subject, trial)
        if not trial.repeat:
            can = run.models[trial.model].capabilities
            _add_scores(side, subject, trial, metrics, can)
    return side


def subject_of(run: RunRecord, trial: TrialRecord) -> Subject:
    """Return the subject of a trial."""
    stage = run.stages[trial.stage]
    case = "" if stage.case is None else f"{stage.case.title}: "
    clipping = "" if run.config.clip else " · not clipped"
    return Subject(f"{case}{stage.label}{clipping}", trial.label)


def side_of_benchmarks(
    name: str, content: Mapping[str, object], metrics: Sequence[Metric]
) -> Side:
    """Return the measurements in a file of ``pytest --benchmark-json``.

    The file has the time of each round. In ``extra_info``, numbers under the name of a
    metric are scores, with a list for several seeds; ``folds`` has the fold ids by
    name, and ``contended`` lists what disturbed each round.

    Args:
        name: Name of the side.
        content: Content of the file.
        metrics: Installed metrics, for the direction of each score.

    Raises:
        ResultsError: A benchmark is there twice, or has no times, or one that is not
            above 0.
    """
    higher_is_better = {m.name: m.higher_is_better for m in metrics} | {COVERAGE: True}
    machine = content.get("machine_info")
    side = Side(name=name, machine=_fingerprint(machine), machine_name=_words(machine))
    for benchmark in _list(content.get("benchmarks")):
        module, _, test = str(benchmark.get("fullname", "")).rpartition("::")
        subject = Subject(module, test or str(benchmark.get("name")))
        extra = _dict(benchmark.get("extra_info"))
        seconds = _floats(_dict(benchmark.get("stats")).get("data"))
        if subject in side.subjects:
            raise ResultsError(f"{name} has the benchmark {subject.who} twice.")
        if not seconds or not all(0 < s < inf for s in seconds):
            raise ResultsError(
                f"{name} has {_said(seconds)} for the benchmark {subject.who}. Run "
                f"pytest again with --benchmark-json."
            )
        rounds = {Round(k, 0): value for k, value in enumerate(seconds)}
        # A round covers all folds, so sides are comparable only if all folds agree.
        fold = " ".join(sorted(map(str, _dict(extra.get("folds")).values())))
        side.times[subject, "time"] = Times(
            seconds={fold: rounds}, contended=_disturbed(extra.get("contended"))
        )
        for metric, values in _numbers(extra, higher_is_better):
            scores = dict(enumerate(values))
            side.scores[subject, metric] = Scores(
                values={fold: scores}, higher_is_better=higher_is_better[metric]
            )
    return side


def _said(seconds: list[float]) -> str:
    """Return what is wrong with the times of a benchmark."""
    wrong = [value for value in seconds if not 0 < value < inf]
    return f"a time of {wrong[0]:g} s" if wrong else "no times of rounds"


def _add_times(side: Side, subject: Subject, trial: TrialRecord) -> None:
    place = Round(trial.replicate, trial.repeat)
    for phase in TIMED_PHASES:
        if phase not in trial.wall_seconds:
            continue
        times = side.times.setdefault(
            (subject, phase), Times(least_seconds=_LEAST_SECONDS)
        )
        times.seconds.setdefault(trial.fold_id, {})[place] = trial.wall_seconds[phase]
        if trial.contended:
            times.contended.add(place)
        if trial.ran_beside_others:
            times.together.add(place)


def _add_scores(
    side: Side,
    subject: Subject,
    trial: TrialRecord,
    metrics: dict[str, MetricRecord],
    can: Capabilities,
) -> None:
    for name, score in trial.metrics.items():
        if score.value is None:
            continue
        scores = side.scores.setdefault(
            (subject, name),
            Scores(
                definition=metrics[name].definition,
                higher_is_better=metrics[name].higher_is_better,
                is_stochastic=can.stochastic,
                asks_times=can.uses_question_times,
                target=metrics[name].target,
            ),
        )
        scores.values.setdefault(trial.fold_id, {})[trial.replicate] = score.value
        digests = scores.digests.setdefault(trial.fold_id, {})
        digests[trial.replicate] = trial.predictions_digest


def _fingerprint(machine: object) -> str:
    """Return what identifies a machine, without what changes from day to day."""
    info = _dict(machine)
    cpu = _dict(info.get("cpu"))
    # benchbox's pytest plugin adds its fingerprint.
    parts = [info.get("benchbox_fingerprint"), cpu.get("brand_raw"), cpu.get("count")]
    return " ".join(str(part) for part in parts if part)


def _words(machine: object) -> str:
    info = _dict(machine)
    cpu = _dict(info.get("cpu"))
    return f"{cpu.get('brand_raw', 'unknown processor')}, {cpu.get('count', '?')} cores"


def _disturbed(contended: object) -> set[Round]:
    listed = contended if isinstance(contended, list) else []
    return {Round(k, 0) for k, causes in enumerate(listed) if causes}


def _numbers(
    extra: dict[str, object], names: Iterable[str]
) -> Iterator[tuple[str, list[float]]]:
    for name in names:
        # A metric that is no usable number for one seed is missing.
        listed = extra.get(name)
        n_listed = len(listed) if isinstance(listed, list) else 1
        numbers = [value for value in _floats(listed) if abs(value) <= MOST_SCORE]
        if numbers and len(numbers) == n_listed:
            yield name, numbers


def _floats(value: object) -> list[float]:
    listed = value if isinstance(value, list) else [value]
    numbers = [v for v in listed if isinstance(v, int | float)]
    # An integer of a JSON file may be too large for a float.
    return [inf if abs(v) >= 1e300 else float(v) for v in numbers]


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []

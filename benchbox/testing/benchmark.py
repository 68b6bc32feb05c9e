"""Runs rounds of trials of one model, for benchmarks with pytest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec

from benchbox.analysis import TIMED_PHASES
from benchbox.errors import UsageError, nearest
from benchbox.plugins import discover
from benchbox.records import RunFolder, TrialRecord
from benchbox.runs import Plan, Session, Silent, execute, make_config


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Results of several rounds of trials of one model.

    Attributes:
        model: Label of the model.
        where: Data set and protocol, in words.
        fingerprint: Fingerprint of the machine.
        rounds: Records of each round, one per fold.
    """

    model: str
    where: str
    fingerprint: str
    rounds: list[list[TrialRecord]]

    @property
    def seconds(self) -> list[float]:
        """Wall-clock seconds of fit and predict, per round."""
        return [fsum(map(_seconds, records)) for records in self.rounds]

    @property
    def figures(self) -> dict[str, list[float]]:
        """Values per round, by name: metrics (mean over folds), seconds and sizes."""
        found = {"seconds": self.seconds}
        for name in self.rounds[0][0].metrics:
            scores = [[r.metrics[name].value for r in fold] for fold in self.rounds]
            known = [[s for s in of_round if s is not None] for of_round in scores]
            if all(known):
                found[name] = list(map(fmean, known))
        found["coverage"] = [
            sum(r.n_answered for r in fold) / sum(r.n_hidden for r in fold)
            for fold in self.rounds
        ]
        for name in ("peak_memory_bytes", "peak_accelerator_bytes", "n_parameters"):
            sizes = [[getattr(r, name) or 0 for r in fold] for fold in self.rounds]
            if any(map(any, sizes)):
                found[name] = list(map(max, sizes))
        return found

    def extra_info(self) -> dict[str, Any]:
        """Return what a benchmark file stores besides the times."""
        records = [record for records in self.rounds for record in records]
        why = [
            [why for record in fold for why in record.contended] for fold in self.rounds
        ]
        return {
            "model": self.model,
            "setting": self.where,
            "folds": {record.fold: record.fold_id for record in records},
            "machine": self.fingerprint,
            "contended": [sorted(set(of_round)) for of_round in why],
            **{k: v for k, v in self.figures.items() if k != "seconds"},
        }

    @property
    def failure(self) -> str:
        """How the first failed trial failed, in one line; empty if none failed."""
        for record in (record for records in self.rounds for record in records):
            if record.status != "ok":
                where = f"{self.where}, fold {record.fold}"
                return f"{self.model} on {where}: {record.status}: {record.reason}"
        return ""

    def missed(
        self, at_most: Mapping[str, float], at_least: Mapping[str, float]
    ) -> str:
        """Return in one line the first bound that is missed, or an empty string.

        Raises:
            UsageError: A bound is for a figure that was not measured.
        """
        for bounds, sign, word in ((at_most, 1, "above"), (at_least, -1, "below")):
            for name, bound in bounds.items():
                value = fmean(self._figure(name))
                # Negated, so that NaN misses every bound.
                if not sign * value <= sign * bound:
                    return (
                        f"{self.model} on {self.where}: {name} is {value:.6g}, {word} "
                        f"the bound of {bound:.6g}."
                    )
        return ""

    def _figure(self, name: str) -> list[float]:
        figures = self.figures
        if name not in figures:
            raise UsageError(
                f"There is a bound for {name!r}, which was not measured."
                f"{nearest(name, figures)} Available: {', '.join(figures)}."
            )
        return figures[name]


class Measurer:
    """Runs models as `benchbox run` does, in processes that have imported torch.

    It is a context manager, which ends these processes.
    """

    def __init__(self) -> None:
        self._session = Session(discover(), notify=lambda line: None)

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.__exit__()

    def measure(self, model: str, rounds: int, settings: Mapping[str, Any]) -> Measured:
        """Run *model* for a number of rounds.

        Each round is a fit with its own seed. If the model does not depend on the
        seed, each round repeats the same fit.

        Args:
            model: Model, as on the command line.
            rounds: Number of rounds.
            settings: Settings of `benchbox.records.RunConfig` that differ from the
                defaults.

        Raises:
            UsageError: A name, an option or a setting is unknown.
        """
        given = {"models": (model,), "seeds": rounds, "keep_predictions": False}
        plan = self._session.plan(make_config({**given, **settings}))
        return self._carried_out(_in_rounds(plan, rounds))

    def _carried_out(self, plan: Plan) -> Measured:
        executor = self._session.executor(plan.n_threads)
        with TemporaryDirectory(prefix="benchbox-") as name:
            folder = RunFolder.create(Path(name), "run")
            done = execute(plan, plan.trials, folder, executor, Silent())
            if not done.to_the_end:
                raise KeyboardInterrupt
            records = folder.trials()
        return Measured(
            model=plan.models[0].label,
            where=plan.stages[0].record().label,
            fingerprint=plan.environment.fingerprint,
            rounds=_by_round(records),
        )


def _in_rounds(plan: Plan, rounds: int) -> Plan:
    (model,) = plan.models
    if model.capabilities.stochastic:
        return plan
    # A run skips further seeds of such a model, so ask for repeats instead.
    config = msgspec.structs.replace(plan.config, seeds=1, repeats=rounds)
    return replace(plan, config=config)


def _by_round(records: Sequence[TrialRecord]) -> list[list[TrialRecord]]:
    rounds: dict[tuple[int, int], list[TrialRecord]] = {}
    for record in records:
        rounds.setdefault((record.replicate, record.repeat), []).append(record)
    return [rounds[place] for place in sorted(rounds)]


def _seconds(record: TrialRecord) -> float:
    return fsum(record.wall_seconds.get(phase, 0.0) for phase in TIMED_PHASES)

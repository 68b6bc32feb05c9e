"""The search for one model's options on one fold."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from benchbox.metrics import Metric
from benchbox.models import SearchSpace
from benchbox.protocols import Fold
from benchbox.records import (
    PlannedModel,
    RunFolder,
    StudyRecord,
    TrialNews,
    TrialRecord,
    Tried,
    TuningBudget,
)
from benchbox.runs.listener import Listener, Silent
from benchbox.runs.plan import Chosen, Plan, PlannedTrial
from benchbox.runs.tuning.suggestions import suggest


class Study:
    """The search for one model's options on one fold.

    Each trial is an ordinary trial on a fold within the fold's training ratings, whose
    hidden ratings are validation ratings. The protocol splits them off. Trials whose
    records are already on disk are not repeated.

    Args:
        first: A trial of the model on the fold. The trials of the search get only the
            data in *validation*.
        validation: Fold within the training ratings.
        space: Search space.
        metric: Metric to optimise.
        folder: Folder for the trials' records.
    """

    def __init__(
        self,
        first: PlannedTrial,
        validation: Fold,
        space: SearchSpace,
        metric: Metric,
        folder: RunFolder,
    ) -> None:
        # Predictions of validation ratings are not needed later.
        plan = first.plan
        config = msgspec.structs.replace(plan.config, keep_predictions=False)
        self.plan: Plan = replace(plan, config=config)
        self._stage: int = first.stage_number
        self._model: PlannedModel = first.untuned
        self._name = msgspec.structs.replace(self._model, tuned=False).label
        self._validation, self._space, self._metric = validation, space, metric
        assert plan.config.tuning is not None
        self._budget = plan.config.tuning
        self._tried: list[Tried] = []
        self._known = {record.key: record for record in folder.trials()}
        self._seed = self._planned({}, 0).fold_seed("tuning", self._name)

    @property
    def label(self) -> str:
        """Model and fold."""
        return label_of_search(self._planned({}, 0))

    @property
    def budget(self) -> TuningBudget:
        """Budget of the search."""
        return self._budget

    @property
    def tried(self) -> list[Tried]:
        """Settings tried so far."""
        return self._tried

    def trials(self) -> Iterator[PlannedTrial]:
        """Yield the remaining trials, each chosen by the results of those before.

        The caller passes each record to `took` before it asks for the next trial.
        """
        while (options := self._next()) is not None:
            trial = self._planned(options, len(self._tried))
            found = self._known.get(trial.key)
            if found is not None and found.status != "interrupted":
                self.took(found)
            else:
                yield trial

    def took(self, record: TrialRecord) -> None:
        """Add the record of the trial that has just ended."""
        score = record.metrics.get(self._metric.name)
        self._tried.append(
            Tried(
                options=dict(record.tuned),
                value=None if score is None else score.value,
                seconds=self._seconds(record),
                status=record.status,
                reason=record.reason,
            )
        )

    def record(self) -> StudyRecord:
        """Return the record of the search."""
        done = [tried for tried in self._tried if tried.value is not None]
        sign = -1 if self._metric.higher_is_better else 1
        best = min(done, key=lambda tried: sign * (tried.value or 0), default=None)
        return StudyRecord(
            model=self._name,
            stage=self._stage,
            fold=self._validation.name,
            validation_id=self._validation.id,
            n_validation=len(self._validation.partition.hidden),
            metric=self._metric.name,
            budget=self._budget,
            tried=self._tried,
            chosen={} if best is None else best.options,
            before=self._tried[0].value if self._tried else None,
            after=None if best is None else best.value,
            seconds=self._spent,
            space=msgspec.to_builtins(self._space),
        )

    @property
    def _spent(self) -> float:
        return sum(tried.seconds for tried in self._tried)

    def _next(self) -> dict[str, Any] | None:
        """Return the options to try next, if the budget allows."""
        if not self._tried:
            # As decoded from JSON, so that a tuple equals the list it becomes.
            options = msgspec.json.decode(msgspec.json.encode(self._model.options))
            return {name: options[name] for name in self._space}
        is_spent = self._spent >= (self._budget.seconds or float("inf"))
        if is_spent or not self._space or len(self._tried) >= self._budget.trials:
            return None
        return suggest(
            self._space,
            self._tried,
            seed=self._seed,
            higher_is_better=self._metric.higher_is_better,
        )

    def _planned(self, options: Mapping[str, Any], number: int) -> PlannedTrial:
        limit = self._limit()
        config = msgspec.structs.replace(self.plan.config, time_limit_seconds=limit)
        plan = replace(
            self.plan,
            config=config,
            models=[self._model] * (number + 1),
            chosen={(self._validation.id, self._model.id): Chosen(options=options)},
        )
        return PlannedTrial(
            plan=plan,
            stage_number=self._stage,
            model_number=number,
            fold=self._validation,
            replicate=0,
        )

    def _limit(self) -> float | None:
        """Return how many seconds the next trial may take; `None` if any number."""
        left = [self.plan.config.time_limit_seconds]
        if self._budget.seconds is not None:
            left.append(self._budget.seconds - self._spent)
        return min((seconds for seconds in left if seconds is not None), default=None)

    def _seconds(self, record: TrialRecord) -> float:
        limit = self._limit() if record.status == "timeout" else None
        # A trial that was stopped did not report all of its seconds.
        return record.seconds if limit is None else limit


def label_of_search(trial: PlannedTrial) -> str:
    """Return the label of the search that *trial* belongs to: its model and fold."""
    model = msgspec.structs.replace(trial.untuned, tuned=False)
    return f"{model.label} on {trial.fold.name}"


class StudyListener(Silent):
    """Passes each record to the study before it calls another listener.

    Args:
        study: The study.
        inner: The other listener.
    """

    def __init__(self, study: Study, inner: Listener) -> None:
        self._study, self._inner = study, inner

    def trial_started(self, trial: PlannedTrial) -> None:
        """Pass on that *trial* starts."""
        self._inner.trial_started(trial)

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Pass on a message of the running trial."""
        self._inner.trial_said(trial, message)

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Pass the record of *trial* to the study, then its result to the listener."""
        self._study.took(record)
        self._inner.search_tried(self._study.label, self._study.tried[-1])

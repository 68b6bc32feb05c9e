"""A member of a blend: fitted as a trial would fit it by itself."""

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError
from benchbox.models import EpochReport, State, prepare_model
from benchbox.plugins import ChosenModel

_CHUNK = 1 << 18
"""Pairs to predict at a time, as in a trial."""


class Member:
    """One model of a blend.

    Args:
        chosen: The model and its options.
    """

    def __init__(self, chosen: ChosenModel) -> None:
        self.name = chosen.spec.name
        self._can = chosen.capabilities
        self._model = chosen.build()
        # Epoch with the lowest validation error in the fit with validation ratings.
        self._best_epoch: int | None = None

    def prepare(self, device: str) -> None:
        """Prepare the model for a fit on *device*."""
        prepare_model(self._model, device)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Fit the model to *train*, with the validation ratings if it uses them."""
        reports: list[EpochReport] = []
        if not self._can.uses_validation:
            context = replace(context, validation=None, validation_history=None)
        self._model.fit(train, self._own(context, reports))
        errors = {
            report.epoch: report.validation_rmse
            for report in reports
            if report.validation_rmse is not None and isfinite(report.validation_rmse)
        }
        self._best_epoch = min(errors, key=errors.__getitem__) if errors else None

    def refit(self, train: Ratings, context: FitContext) -> None:
        """Fit the model to all of *train*, as long as the fit before found best.

        A model that validates but does not refit stays as that fit left it.
        """
        epochs = None
        if self._can.uses_validation:
            if not self._can.refits:
                return
            epochs = self._best_epoch or context.epochs
        self._model.fit(train, replace(self._own(context, []), epochs=epochs))

    def predict(
        self,
        history: Ratings,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        timestamps: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the model's predictions, shape ``(n,)``.

        Args:
            history: All visible ratings of these users.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.
            timestamps: When each question is asked, shape ``(n,)``, for a model that
                is told.
        """
        questions: list[NDArray[Any]] = [users, items]
        if self._can.uses_question_times and timestamps is not None:
            questions.append(timestamps)
        predicted = np.empty(len(users))
        for start in range(0, len(users), _CHUNK):
            part = slice(start, start + _CHUNK)
            asked = [column[part] for column in questions]
            predicted[part] = self._model.predict(history, *asked)
        return predicted

    @property
    def n_parameters(self) -> int:
        """Number of the model's parameters, if it says so."""
        return int(getattr(self._model, "n_parameters", 0))

    def state(self) -> State:
        """Return the state of the model.

        Raises:
            ModelError: It has none.
        """
        if not hasattr(self._model, "state"):
            raise ModelError(f"{self.name} cannot be saved, so no blend of it can.")
        state: State = self._model.state()
        return state

    def restore(self, state: State) -> None:
        """Restore the model from *state*."""
        self._model.restore(state)  # type: ignore[attr-defined]

    def _own(self, context: FitContext, reports: list[EpochReport]) -> FitContext:
        """Return the context of a fit of the member alone; it reports to *reports*."""

        def note(name: str, text: str) -> None:
            context.note(f"{self.name}: {name}", text)

        return replace(context, on_report=reports.append, on_note=note, time_step=None)

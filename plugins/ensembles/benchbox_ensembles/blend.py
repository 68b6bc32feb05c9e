"""Blend: a weighted sum of the predictions of other models."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import State, nested, part
from benchbox.plugins import choose_model, discover
from benchbox_ensembles.member import Member
from benchbox_ensembles.options import BlendOptions
from benchbox_ensembles.weights import fit_weights


class Blend:
    """``mean + sum(w_m (prediction of m - mean))`` over the members *m*.

    Members are fitted without the validation ratings, which then give the weights:
    non-negative, and shrunk to equal ones. Members with a weight are fitted again to
    all training ratings, each as it would be by itself. So a blend sees no more than
    any model does, and takes as long as its members together.
    """

    def __init__(self, options: BlendOptions) -> None:
        self._options = options
        registry = discover()
        self._members = [
            Member(choose_model(text, registry)) for text in options.fits_models
        ]
        self._mean = 0.0
        self._weights: NDArray[np.float64]

    def prepare(self, device: str) -> None:
        """Prepare all members."""
        for member in self._members:
            member.prepare(device)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Fit the members; validation ratings give the weights, which a refit keeps."""
        if context.epochs is not None:
            self._refit(train, context)
            return
        self._mean = _mean(train)
        self._weights = self._equal()
        for member in self._members:
            member.fit(train, context)
        hidden, history = context.validation, context.validation_history
        error = None
        if hidden is not None and history is not None and len(hidden):
            predicted = np.column_stack(
                [
                    member.predict(
                        history, hidden.users, hidden.items, hidden.timestamps
                    )
                    for member in self._members
                ]
            )
            predicted -= self._mean
            wanted = hidden.values.astype(np.float64) - self._mean
            shrinkage = self._options.shrinkage
            self._weights = fit_weights(predicted, wanted, shrinkage)
            total = (self._mean + predicted @ self._weights).astype(np.float32)
            error = context.validation_error(lambda *_: total)
        for place, (member, weight) in enumerate(self._weighted(), 1):
            context.note(f"weight of member {place}, {member.name}", f"{weight:.3f}")
        context.report(1, 1, validation_rmse=error)

    def state(self) -> State:
        """Return the mean, the weights, and the states of members with a weight."""
        whole = {"mean": self._mean, "weights": self._weights}
        for place, (member, weight) in enumerate(self._weighted()):
            if weight:
                whole |= nested(f"member{place}", member.state())
        return whole

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._mean, self._weights = float(state["mean"]), state["weights"]
        for place, (member, weight) in enumerate(self._weighted()):
            if weight:
                member.restore(part(state, f"member{place}"))

    @property
    def n_parameters(self) -> int:
        """Weights, the mean, and the parameters of members with a weight."""
        used = [member.n_parameters for member, weight in self._weighted() if weight]
        return 1 + len(self._weights) + sum(used)

    def predict(
        self,
        history: Ratings,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        timestamps: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """Return the weighted sum of the members' predictions.

        The times of the questions go to members that are told them.
        """
        total = np.full(len(users), self._mean)
        for member, weight in self._weighted():
            if weight:
                predicted = member.predict(history, users, items, timestamps)
                total += weight * (predicted - self._mean)
        return total.astype(np.float32)

    def _refit(self, train: Ratings, context: FitContext) -> None:
        # Without a fit before, as on very few ratings, all members count the same.
        self._weights = getattr(self, "_weights", self._equal())
        self._mean = _mean(train)
        for member, weight in self._weighted():
            if weight:
                member.refit(train, context)
        context.report(1, 1)

    def _equal(self) -> NDArray[np.float64]:
        return np.full(len(self._members), 1 / len(self._members))

    def _weighted(self) -> list[tuple[Member, float]]:
        return list(zip(self._members, map(float, self._weights), strict=True))


def _mean(train: Ratings) -> float:
    return float(train.values.mean(dtype=np.float64))

"""SVD++ and Asymmetric SVD: factors of users and of the items that they rated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import (
    EarlyStopping,
    Shrinkage,
    State,
    fit_shrinkage,
    nested,
    part,
    rehearse,
)
from benchbox.models.training import Centre, fit_centre
from benchbox_factorization import gradient_kernels as kernels
from benchbox_factorization.options import GradientOptions
from benchbox_factorization.population import Vectors

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
"""Users' ratings: offsets, items, and residuals divided by their spread."""

_LEARNED = ("biases", "item_biases", "p", "q", "x", "y")


class _GradientModel:
    """What both models share: gradient descent on ratings around their centre.

    What remains is divided by its standard deviation, so that learning rates and
    penalties suit every rating scale. Each epoch goes through the users in random
    order, and takes a step for each of their ratings. It needs one thread.

    What a user has rated comes from their history. The offset and own vector of a user
    who was not trained on are trained on that history, in as many epochs as the model
    was, with all items fixed.
    """

    _has_own: bool
    """Whether each user has a vector of their own, or else one from ratings alone."""

    def __init__(self, options: GradientOptions) -> None:
        self._options = options
        self._centre: Centre
        self._shrinkage = Shrinkage()
        self._epochs = 0
        self._is_trained: NDArray[np.bool_]
        # Offsets and vectors, as `kernels.learn` takes them.
        self._learned: dict[str, NDArray[np.float32]]

    def prepare(self) -> None:
        """Compile the loops, by a fit to a few ratings."""
        rehearse(self, FitContext(epochs=1))

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train on *train*; validation ratings, if any, choose the best epoch."""
        options = self._options
        draw = np.random.Generator(np.random.PCG64(context.seed))
        self._centre = fit_centre(train, options.centring)
        self._start(train, draw)
        rows = self._rows(train)
        stopping, best = EarlyStopping(options.patience), self._trained()
        n_epochs = context.epochs or options.epochs
        for epoch in range(1, n_epochs + 1):
            order = draw.permutation(train.n_users)
            squares = kernels.learn(order, *rows, *self._learned.values(), *self._step)
            self._epochs = epoch
            error = context.validation_error(self._unshrunk)
            loss = squares / len(train)
            context.report(epoch, n_epochs, loss=loss, validation_rmse=error)
            if error is None or not options.patience:
                continue
            if stopping.improved(epoch, error):
                best = {
                    name: np.array(value) for name, value in self._trained().items()
                }
            if stopping.should_stop(epoch):
                break
        if stopping.best_epoch:
            self._restore_trained(best)
        if options.shrink:
            self._shrinkage = fit_shrinkage(
                train, context, self._unshrunk, self._shrinkage
            )

    def state(self) -> State:
        """Return the bias model, and offsets and vectors of users and items."""
        return {**self._trained(), **nested("shrinkage", self._shrinkage.state)}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._restore_trained(state)
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))

    def _trained(self) -> State:
        return {
            **nested("centre", self._centre.state),
            **nested("learned", self._learned),
            "epochs": self._epochs,
            "is_trained": self._is_trained,
        }

    def _restore_trained(self, state: State) -> None:
        self._centre = Centre.from_state(part(state, "centre"))
        learned = part(state, "learned")
        self._learned = {name: np.array(learned[name]) for name in _LEARNED}
        self._epochs = int(state["epochs"])
        self._is_trained = state["is_trained"]

    @property
    def n_parameters(self) -> int:
        """Offsets and vectors of users and items, and the bias model's."""
        own = sum(each.size for each in self._learned.values())
        own += 1 + self._centre.model.item_bias.size
        return own + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the predictions, with what users have rated from *history*."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        learned, rows = self._learned, self._rows(history)
        vectors = kernels.tastes(*rows, learned["x"], learned["y"])
        biases, own = self._of_users(history, rows, vectors, users)
        if self._has_own:
            vectors += own
        total = biases[users] + learned["item_biases"][items]
        total += np.einsum("nk,nk->n", vectors[users], learned["q"][items])
        return self._centre.restored(total, self._centre.of(history, users, items))

    def _of_users(
        self, history: Ratings, rows: Rows, fixed: Vectors, asked: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], Vectors]:
        """Return offsets and own vectors of all users of *history*."""
        learned, n = self._learned, history.n_users
        is_trained = _resized(self._is_trained, n)
        biases = _resized(learned["biases"], n)
        own = _resized(learned["p"], n) if self._has_own else learned["p"]
        asked = np.unique(asked)
        kernels.place(
            asked[~is_trained[asked]],
            self._epochs,
            *rows,
            biases,
            learned["item_biases"],
            own,
            learned["q"],
            fixed,
            *self._step,
        )
        return biases, own

    @property
    def _step(self) -> tuple[np.float32, np.float32]:
        """Learning rate and penalty."""
        options = self._options
        return np.float32(options.learning_rate), np.float32(options.weight_decay)

    def _rows(self, ratings: Ratings) -> Rows:
        grouped = ratings.by_user()
        # Copies: for arrays that cannot be written to, loops would be compiled again.
        return (
            grouped.offsets.astype(np.int64),
            grouped.indices.astype(np.int32),
            grouped.arranged(self._centre.scaled(ratings)),
        )

    def _start(self, train: Ratings, draw: np.random.Generator) -> None:
        """Draw all vectors; those that are never trained are 0, as all offsets are."""
        rated = [
            np.bincount(side, minlength=n) > 0
            for side, n in ((train.users, train.n_users), (train.items, train.n_items))
        ]
        users, items = rated
        none = np.zeros(0, dtype=bool)
        self._is_trained = users
        self._learned = {
            "biases": np.zeros(len(users), np.float32),
            "item_biases": np.zeros(len(items), np.float32),
            "p": self._drawn(users if self._has_own else none, draw),
            "q": self._drawn(items, draw),
            "x": self._drawn(none if self._has_own else items, draw),
            "y": self._drawn(items, draw),
        }

    def _drawn(self, rated: NDArray[np.bool_], draw: np.random.Generator) -> Vectors:
        shape = len(rated), self._options.n_factors
        drawn = draw.standard_normal(shape, dtype=np.float32)
        drawn *= np.float32(self._options.start_spread)
        return np.where(rated[:, None], drawn, np.float32(0))


def _resized(column: NDArray[Any], n: int) -> NDArray[Any]:
    """Return a copy of *column* with *n* rows, cut or filled up with 0."""
    resized = np.zeros((n, *column.shape[1:]), column.dtype)
    resized[: len(column)] = column[:n]
    return resized


class SVDPlusPlus(_GradientModel):
    """``b_ui + q_i . (p_u + sum(y_j) / sqrt(n_u))`` (Koren, 2008, eq. 15).

    The sum is over the *n_u* items that the user has rated, and *b* is the bias model,
    or the mean, with further offsets. For predictions, a user's offset and *p* are
    trained on their history, in as many epochs as the model was, with all items fixed.
    """

    _has_own = True


class AsymmetricSVD(_GradientModel):
    """``b_ui + q_i . sum((r_uj - b_uj) x_j + y_j) / sqrt(n_u)`` (Koren, 2008, eq. 13).

    The sum is over the *n_u* items that the user has rated, and *b* is the bias model,
    or the mean, with further offsets. Users have no vectors of their own: what they
    rated, and how, gives theirs. For predictions, a user's offset is trained on their
    history, as by `SVDPlusPlus`.
    """

    _has_own = False

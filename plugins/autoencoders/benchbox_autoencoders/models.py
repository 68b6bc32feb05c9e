"""The models: autoencoders over the ratings of users, and over those of items."""

from weakref import ref

import numpy as np
import torch
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import (
    Shrinkage,
    State,
    fit_shrinkage,
    is_accelerator,
    nested,
    part,
)
from benchbox.models.training import (
    Centre,
    fit_centre,
    module_state,
    restore_module,
)
from benchbox_autoencoders.network import Network
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_autoencoders.reading import Reader
from benchbox_autoencoders.route import warm_up
from benchbox_autoencoders.rows import Rows
from benchbox_autoencoders.side import Side, fit_side
from benchbox_autoencoders.training import Evaluate
from benchbox_autoencoders.training import train as train_network


class UserAutoencoder:
    """Reconstructs a user's row of ratings (U-AutoRec, or deeper).

    A prediction is read from the reconstruction of the user's history, so it works the
    same for users who were not trained on.
    """

    _of_users = True

    def __init__(self, options: AutoencoderOptions) -> None:
        self._options = options
        self._device = "cpu"
        self._shrinkage = Shrinkage()
        self._centre: Centre
        self._side: Side
        self._rows: Rows
        self._network: Network
        self._latest: tuple[ref[Ratings], Rows] | None = None

    def prepare(self, device: str) -> None:
        """Load the kernels that `fit` may need on *device*."""
        if not is_accelerator(device):
            warm_up(self._options)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train on *train*; validation ratings, if any, choose the best epoch."""
        self._device, self._latest = context.device, None
        self._centre = fit_centre(train, self._options.centring)
        self._side = fit_side(train, self._options, of_users=self._of_users)
        self._rows = self._as_rows(train)
        self._network = train_network(
            self._rows, self._options, context, self._validator(context)
        )
        if self._options.shrink:
            self._shrinkage = fit_shrinkage(
                train, context, self._unshrunk, self._shrinkage
            )

    def state(self) -> State:
        """Return the centre, the scale of side inputs, and the network."""
        return {
            **nested("centre", self._centre.state),
            "taste_mean": self._side.mean,
            "taste_spread": self._side.spread,
            "n_side": 0 if self._rows.side is None else self._rows.side.shape[1],
            "is_sparse": self._network.route == "sparse",
            **nested("network", module_state(self._network)),
            **nested("shrinkage", self._shrinkage.state),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._device, self._latest = "cpu", None
        self._centre = Centre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        self._side = Side(
            kinds=self._options.side_inputs,
            of_users=self._of_users,
            mean=state["taste_mean"],
            spread=state["taste_spread"],
        )
        weights = part(state, "network")
        n_columns, n_side = len(weights["weights.0"]), int(state["n_side"])
        rows = Rows.empty(n_columns, n_side)
        self._network = Network(rows, self._options, torch.Generator()).eval()
        self._network.route = "sparse" if state["is_sparse"] else "dense"
        restore_module(self._network, weights)

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the reconstruction of the visible rows at these pairs."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        scaled = self._reader(history, users, items).read(self._network)
        return self._centre.restored(scaled, self._centre.of(history, users, items))

    def _validator(self, context: FitContext) -> Evaluate | None:
        hidden, history = context.validation, context.validation_history
        if hidden is None or history is None or not len(hidden):
            return None
        reader = self._reader(history, hidden.users, hidden.items)
        centres = self._centre.of(history, hidden.users, hidden.items)

        def evaluate(network: Network) -> float:
            predicted = self._centre.restored(reader.read(network), centres)
            # The run scores clipped predictions, so epochs are chosen by them too.
            error = hidden.scale.clip(predicted) - hidden.values
            return float(np.sqrt(np.mean(np.square(error), dtype=np.float64)))

        return evaluate

    def _as_rows(self, ratings: Ratings) -> Rows:
        grouped = ratings.by_user() if self._of_users else ratings.by_item()
        scaled, side = self._centre.scaled(ratings), self._side.inputs(ratings)
        return Rows.from_grouped(grouped, scaled, self._device, side)

    def _reader(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> Reader:
        # Predictions are asked for in chunks, and preparing the rows of twenty million
        # ratings takes long, so the latest ones are reused.
        if self._latest is None or self._latest[0]() is not history:
            self._latest = ref(history), self._as_rows(history)
        return Reader(self._latest[1], users, items)


class ItemAutoencoder(UserAutoencoder):
    """Reconstructs an item's column of ratings (I-AutoRec).

    A column has one entry per training user, so the model cannot predict for others. It
    reads the columns of the training ratings, because the history need not contain all
    of an item's ratings.
    """

    _of_users = False

    def state(self) -> State:
        """Return the state of a user autoencoder, and the training columns."""
        return {**super().state(), **nested("rows", self._rows.state)}

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        super().restore(state)
        self._rows = Rows.from_state(part(state, "rows"))

    def _reader(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> Reader:
        return Reader(self._rows, items, users)

"""The kernel autoencoders, SparseFC and GLocal-K: both reconstruct items' ratings."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox import FitContext, Ratings
from benchbox.models import Shrinkage, State, fit_shrinkage, nested, part
from benchbox.models.training import Centre, fit_centre
from benchbox_autoencoders.cells import Batch
from benchbox_autoencoders.kernel_network import KernelNetwork
from benchbox_autoencoders.kernel_options import SparseFCOptions
from benchbox_autoencoders.kernel_training import Evaluate, train_kernels, whole_batch
from benchbox_autoencoders.rows import Rows

# Pairs predicted at once, so that their factors take tens of megabytes.
_AT_ONCE = 1 << 16


class KernelAutoencoder:
    """An autoencoder over items' ratings with kernelised weights.

    A row has one entry per training user, so the model cannot predict for others. It
    predicts from the training ratings alone, and needs no history.
    """

    def __init__(self, options: SparseFCOptions) -> None:
        self.n_parameters = 0
        self._options = options
        self._shrinkage = Shrinkage()
        self._centre: Centre
        self._units: Tensor
        self._weights: Tensor

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train on *train*; validation ratings, if any, choose the best epoch."""
        self._centre = fit_centre(train, self._options.centring)
        scaled = self._centre.scaled(train) + np.float32(self._options.level)
        rows = Rows.from_grouped(train.by_item(), scaled, context.device)
        batch = whole_batch(rows)
        evaluate = self._validator(train, batch, context)
        network = train_kernels(rows, batch, self._options, context, evaluate)
        self.n_parameters = sum(p.numel() for p in network.parameters())
        self._units, self._weights = network.factors(batch)
        if self._options.shrink:
            self._shrinkage = fit_shrinkage(
                train, context, self._unshrunk, self._shrinkage
            )

    def state(self) -> State:
        """Return the centre, units per item, and weights per user."""
        return {
            **nested("centre", self._centre.state),
            "units": self._units.cpu().numpy(),
            "weights": self._weights.cpu().numpy(),
            "n_parameters": self.n_parameters,
            **nested("shrinkage", self._shrinkage.state),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._centre = Centre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        self._units = torch.from_numpy(np.array(state["units"]))
        self._weights = torch.from_numpy(np.array(state["weights"]))
        self.n_parameters = int(state["n_parameters"])

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the reconstruction of the items' training ratings at these pairs."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        centres = self._centre.of(history, users, items)
        factors = self._units, self._weights
        return self._restored(_products(*factors, users, items), centres)

    def _restored(
        self, products: NDArray[np.float32], centres: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        return self._centre.restored(products - self._options.level, centres)

    def _validator(
        self, train: Ratings, batch: Batch, context: FitContext
    ) -> Evaluate | None:
        hidden = context.validation
        if hidden is None or not len(hidden):
            return None
        history = context.validation_history or train
        centres = self._centre.of(history, hidden.users, hidden.items)

        def evaluate(network: KernelNetwork) -> float:
            factors = network.factors(batch)
            products = _products(*factors, hidden.users, hidden.items)
            # The run scores clipped predictions, so epochs are chosen by them too.
            predicted = hidden.scale.clip(self._restored(products, centres))
            error = predicted - hidden.values
            return float(np.sqrt(np.mean(np.square(error), dtype=np.float64)))

        return evaluate


def _products(
    units: Tensor, weights: Tensor, users: NDArray[np.int32], items: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return the product of the item's units and the user's weights, per pair."""

    def parts() -> Iterator[Tensor]:
        for at in range(0, len(users), _AT_ONCE):
            chosen = slice(at, at + _AT_ONCE)
            row, column = (
                torch.from_numpy(index[chosen].astype(np.int64)).to(units.device)
                for index in (items, users)
            )
            yield (units[row] * weights[column]).sum(1)

    found = [*parts()]
    if not found:
        return np.zeros(0, dtype=np.float32)
    values: NDArray[np.float32] = torch.cat(found).cpu().numpy()
    return values

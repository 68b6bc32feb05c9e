"""The models: biased matrix factorization and a perceptron, with shared training."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from benchbox import FitContext, Ratings
from benchbox.arrays import mapped
from benchbox.models import (
    Shrinkage,
    State,
    fit_shrinkage,
    is_accelerator,
    nested,
    part,
)
from benchbox.models.training import fit_centre, module_state, restore_module
from benchbox_embeddings.blocks import BlockSteps
from benchbox_embeddings.centring import TensorCentre
from benchbox_embeddings.heads import InnerProduct, Perceptron
from benchbox_embeddings.negatives import Negatives
from benchbox_embeddings.network import Network
from benchbox_embeddings.options import (
    BiasedMFSGDOptions,
    EmbeddingOptions,
    NeuralCFOptions,
    Side,
)
from benchbox_embeddings.pairs import Pairs, on_device
from benchbox_embeddings.row_steps import RowSteps
from benchbox_embeddings.rows import Rows, rows_from, rows_of
from benchbox_embeddings.training import Stepper, Steps, train_network

# Pairs predicted at once, few enough that hidden layers stay in the CPU cache.
_BLOCK = 1 << 14

# Ratings centred at once, few enough that temporary arrays do not matter.
_PART = 1 << 20

# Ratings per step if the options leave it open and a step takes more than one.
_BATCH = 2048

SIDES: tuple[Side, Side] = ("users", "items")


class EmbeddingModel:
    """A head over embeddings, trained on centred ratings.

    Minimises the mean of ``(r - centre - spread * head(p_u, q_i))^2 / spread^2`` over
    the ratings of a mini-batch, plus the penalties. *p_u* is row *u* of a table of
    shape ``(n_users, n_factors)``, and *q_i* is row *i* of another.

    Users and items that were not trained on get the mean of the trained embeddings and
    no offset, so their predictions are close to the bias model's.
    """

    def __init__(self, options: EmbeddingOptions) -> None:
        self._options = options
        self._side_features: tuple[Side, ...] = ()
        self._device = "cpu"
        self._shrinkage = Shrinkage()
        self._centre: TensorCentre
        self._network: Network

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train on *train*; validation ratings, if any, choose the best epoch."""
        self._device = context.device
        # On the CPU, so that a seed gives the same initial weights on every device.
        generator = Generator().manual_seed(context.seed)
        chance = generator
        if is_accelerator(context.device):
            chance = Generator(context.device).manual_seed(context.seed)
        centre = fit_centre(train, self._options.centring)
        self._centre = TensorCentre.on(context.device, centre)
        users, items = (
            rows_of(train, side, with_features=side in self._side_features)
            for side in SIDES
        )
        network = self._built(users, items, generator, chance)
        self._network = network.to(context.device)
        steps, batch_size = _steps(self._network, self._options, context, chance)
        train_network(
            self._network,
            steps,
            batch_size,
            self._pair_maker(train, chance, is_summed=steps.sums_by_torch),
            chance,
            self._options,
            context,
            self._validator(context.validation),
        )
        if self._options.shrink:
            self._shrinkage = fit_shrinkage(
                train, context, self._unshrunk, self._shrinkage
            )

    def state(self) -> State:
        """Return the centre and the network."""
        return {
            **nested("centre", self._centre.state),
            **nested("network", module_state(self._network)),
            **nested("shrinkage", self._shrinkage.state),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._device = "cpu"
        self._centre = TensorCentre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        weights = part(state, "network")
        users, items = (rows_from(weights, side) for side in SIDES)
        generator = Generator()
        self._network = self._built(users, items, generator, generator).eval()
        restore_module(self._network, weights)

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the network and the centre."""
        own = sum(parameter.numel() for parameter in self._network.parameters())
        return own + self._centre.n_parameters + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the predictions of the network, pulled to the bias model's."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        pairs = on_device(users, self._device), on_device(items, self._device)
        predicted: NDArray[np.float32] = self._predict(*pairs).cpu().numpy()
        return predicted

    def _built(
        self, users: Rows, items: Rows, generator: Generator, chance: Generator
    ) -> Network:
        head = self._head(users, items, generator, chance)
        return Network(users, items, self._options.n_factors, head, generator)

    def _head(
        self, users: Rows, items: Rows, generator: Generator, chance: Generator
    ) -> InnerProduct | Perceptron:
        raise NotImplementedError

    @torch.no_grad()
    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        blocks = zip(*(torch.split(x, _BLOCK) for x in (users, items)), strict=True)
        means = self._network.means
        scaled = torch.cat([self._network(*block, means) for block in blocks])
        return self._centre.restored(scaled, users, items)

    def _pair_maker(
        self, train: Ratings, chance: Generator, *, is_summed: bool
    ) -> Callable[[], Pairs]:
        users, items = (
            on_device(index, self._device, is_summed=is_summed)
            for index in (train.users, train.items)
        )
        copy = mapped.copied(train.values, np.float32)
        targets = torch.from_numpy(copy).to(self._device)
        columns = (torch.split(column, _PART) for column in (targets, users, items))
        for values, *pairs in zip(*columns, strict=True):
            values.copy_(self._centre.scaled(values, *pairs))
        rated = Pairs(users, items, targets)
        if self._options.negative_ratio == 0:
            return lambda: rated
        negatives = Negatives(train, self._options.negative_ratio, self._device)

        def make_pairs() -> Pairs:
            users, items = negatives.draw(chance)
            targets = self._centre.scaled(0.0, users, items)
            return rated.followed_by(Pairs(users, items, targets))

        return make_pairs

    def _validator(self, hidden: Ratings | None) -> Callable[[], float] | None:
        if hidden is None or not len(hidden):
            return None
        users = on_device(hidden.users, self._device)
        items = on_device(hidden.items, self._device)
        values = torch.from_numpy(hidden.values.copy()).to(self._device)

        def evaluate() -> float:
            # The run scores clipped predictions, so epochs are chosen by them too.
            predicted = self._predict(users, items)
            clipped = predicted.clamp(hidden.scale.low, hidden.scale.high)
            # On the host, because not every device has float64.
            squares = (clipped - values).square().cpu()
            return float(squares.mean(dtype=torch.float64).sqrt())

        return evaluate


def _steps(
    network: Network, options: EmbeddingOptions, context: FitContext, chance: Generator
) -> tuple[Stepper, int]:
    """Return what takes the steps of *network*, and its number of ratings per step."""
    precision = context.precision
    on_cpu = not is_accelerator(context.device)
    moves_rows = options.optimizer.startswith("row-")
    by_rating = moves_rows and on_cpu and bool(network.head.row_offsets)
    size = options.batch_size or (1 if by_rating else _BATCH)
    if by_rating and size == 1:
        return BlockSteps(network, options, chance), size
    kind = RowSteps if moves_rows else Steps
    return kind(network, options, size, precision), size


class BiasedMFSGD(EmbeddingModel):
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4) by gradient steps.

    The centre is the bias model. Learned are offsets ``b`` of shapes ``(n_users,)`` and
    ``(n_items,)`` in addition to its own, without weight decay, and factors, with
    weight decay. With ``centring=mean``, all offsets are learned by gradient steps.
    Nothing then keeps those of rare users and items small.
    """

    def __init__(self, options: BiasedMFSGDOptions) -> None:
        super().__init__(options)

    def _head(
        self, users: Rows, items: Rows, generator: Generator, chance: Generator
    ) -> InnerProduct:
        return InnerProduct(len(users), len(items))


class NeuralCF(EmbeddingModel):
    """A perceptron over both embeddings (He et al., 2017, the MLP of eq. 10).

    ``g(w . f(W_L ... f(W_1 [p_u, q_i, x_u, x_i] + c_1) ... + c_L) + c)``, where *f* and
    *g* are the activations and *x* are features, if asked for. ``W_1`` has shape
    ``(h_1, 2 * n_factors + d_u + d_i)``. The paper predicts clicks with log loss; here
    ratings are predicted with squared error.

    Because layers are nonlinear, the mean embedding does not give the mean prediction.
    For a tenth of ML-100K's items, left out of training, the RMSE is 1.08, against 1.05
    of the bias model. With features of users and items it is 1.03.
    """

    def __init__(self, options: NeuralCFOptions) -> None:
        super().__init__(options)
        self._perceptron = options
        self._side_features = options.side_features

    def _head(
        self, users: Rows, items: Rows, generator: Generator, chance: Generator
    ) -> Perceptron:
        return Perceptron(users, items, self._perceptron, generator, chance)

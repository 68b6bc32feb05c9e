"""Bayesian matrix factorization with biases, by Gibbs sampling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.metrics import NormalDistribution
from benchbox.models import (
    Shrinkage,
    State,
    fit_bias_model,
    fit_shrinkage,
    nested,
    part,
)
from benchbox.models.training import Centre, fit_centre
from benchbox.ratings import Grouped
from benchbox_factorization.matrix import of_users, starting_factors
from benchbox_factorization.options import BayesianMFOptions
from benchbox_factorization.population import Floats, Population
from benchbox_factorization.sides import Side, make_side

# Gamma prior of the precision of the noise, for ratings with variance 1. It counts as
# two ratings, and keeps the precision finite if ratings have no noise.
_NOISE_SHAPE = 1.0
_NOISE_RATE = 0.5

# Weight of the prior of a population's mean, as a number of vectors at 0.
_MEAN_WEIGHT = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is stored from one sweep, enough to compute any user's vector.

    Attributes:
        items: Vector per item, float32, shape ``(n_items, 1 + k)``. Items without
            ratings have the mean of their population.
        users: Distribution of the users' vectors.
        noise: Precision of ratings around their predictions.
    """

    items: NDArray[np.float32]
    users: Population
    noise: float


class BayesianMF:
    """``mean + b_u + b_i + p_u . q_i``, averaged over the posterior.

    Bayesian probabilistic matrix factorization (Salakhutdinov & Mnih, 2008), with each
    bias as the first entry of its vector. Vectors of users and of items are normally
    distributed, with a Normal-Wishart prior for each side. Ratings have normal noise,
    with a Gamma prior on its precision. All of these are drawn in turn. Ratings are
    first standardised to mean 0 and variance 1, so that the priors fit every scale.

    Every ``thin``-th sweep after the burn-in is stored, with its item vectors and its
    distribution of users: ``4 * (1 + n_factors) * n_items * epochs / thin`` bytes.
    Given these, a user's vector is normal with a mean that follows from their history
    in closed form. Predictions average over these means, not over draws of users, so
    they also work for users who were not trained on.
    """

    def __init__(self, options: BayesianMFOptions) -> None:
        self._options = options
        self._shrinkage = Shrinkage()
        self._centre: Centre
        self._device = "cpu"
        self._samples: list[Sample] = []

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Draw users, items, their populations and the noise in turn."""
        options = self._options
        self._samples, self._device = [], context.device
        self._centre = fit_centre(train, "mean")
        draw = np.random.Generator(np.random.PCG64(context.seed))
        scaled = self._centre.scaled(train)
        squares = np.square(scaled, dtype=np.float64)
        chain = _Chain(
            users_rated=self._side(train.by_user(), scaled),
            items_rated=self._side(train.by_item(), scaled),
            sum_of_squares=float(squares.sum()),
            items=self._start(train, draw),
            spread=options.prior_spread,
            draw=draw,
        )
        n_sweeps = context.epochs or options.burn_in + options.epochs
        for sweep in range(1, n_sweeps + 1):
            chain.sweep()
            # Counted from the end, so that the last sweep is always stored.
            is_last = sweep == n_sweeps
            is_due = sweep > options.burn_in and (n_sweeps - sweep) % options.thin == 0
            if is_due or is_last:
                self._samples.append(chain.sample())
            error = context.validation_error(self._unshrunk) if is_last else None
            context.report(sweep, n_sweeps, validation_rmse=error)
        self._shrinkage = fit_shrinkage(train, context, self._unshrunk, self._shrinkage)

    def state(self) -> State:
        """Return the standardisation of ratings, and the stacked samples."""
        samples = self._samples
        return {
            **nested("centre", self._centre.state),
            **nested("shrinkage", self._shrinkage.state),
            "items": np.stack([sample.items for sample in samples]),
            "user_means": np.stack([sample.users.mean for sample in samples]),
            "user_precisions": np.stack([sample.users.precision for sample in samples]),
            "noises": np.array([sample.noise for sample in samples]),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._centre = Centre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        parts = (state[k] for k in ("items", "user_means", "user_precisions", "noises"))
        self._samples = [
            Sample(items=items, users=Population(mean, precision), noise=float(noise))
            for items, mean, precision, noise in zip(*parts, strict=True)
        ]

    @property
    def n_parameters(self) -> int:
        """All numbers of all samples, and the mean and deviation of ratings."""
        own = sum(
            sample.items.size + sample.users.mean.size + sample.users.precision.size + 1
            for sample in self._samples
        )
        return 2 + own + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the means of the posterior, given *history*."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def predict_distribution(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NormalDistribution:
        """Return the normal distribution with the moments of the posterior predictive.

        That is a mixture, over the stored sweeps, of normal distributions whose
        variance is that of the user's vector plus the noise; the spread of their means
        shows how unsure the items' vectors are. The mean is that of `predict`.
        """
        rated, places = self._rated(history, users)
        total, squares, within = np.zeros((3, len(users)))
        for sample in self._samples:
            mean, variance = rated.predictive(
                sample.items, sample.users, sample.noise, (places, items)
            )
            total += mean
            squares += np.square(mean, dtype=np.float64)
            within += variance + 1 / sample.noise
        n = len(self._samples)
        total /= n
        between = np.maximum(squares / n - np.square(total), 0)
        centre = self._centre.of(history, users, items)
        predicted = self._centre.restored(total, centre)
        return NormalDistribution(
            self._shrinkage.shrunk(predicted, history, users, items),
            self._centre.spread * np.sqrt(within / n + between),
        )

    def _rated(
        self, history: Ratings, users: NDArray[np.int32]
    ) -> tuple[Side, NDArray[np.int64]]:
        """Return the ratings of the asked users, and the row of each pair's user."""
        asked, places = np.unique(users, return_inverse=True)
        visible = of_users(history, asked)
        return self._side(visible.by_user(), self._centre.scaled(visible)), places

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        rated, places = self._rated(history, users)
        total = np.zeros(len(users))
        for sample in self._samples:
            placed = rated.means(sample.items, sample.users, sample.noise)
            left, right = placed[places], sample.items[items]
            total += left[:, 0] + right[:, 0]
            total += np.einsum("nk,nk->n", left[:, 1:], right[:, 1:])
        total /= len(self._samples)
        return self._centre.restored(total, self._centre.of(history, users, items))

    def _side(self, grouped: Grouped, scaled: NDArray[np.float32]) -> Side:
        width = 1 + self._options.n_factors
        return make_side(grouped, grouped.arranged(scaled), width, self._device)

    def _start(self, train: Ratings, draw: np.random.Generator) -> NDArray[np.float32]:
        bias = fit_bias_model(train)
        factors = starting_factors(train, bias, self._options.n_factors, draw)
        scaled = (bias.item_bias / self._centre.spread).astype(np.float32)
        return np.column_stack([scaled, factors])


class _Chain:
    """The state of the sampler: users, items, their populations, and the noise."""

    def __init__(
        self,
        *,
        users_rated: Side,
        items_rated: Side,
        sum_of_squares: float,
        items: NDArray[np.float32],
        spread: float,
        draw: np.random.Generator,
    ) -> None:
        self._users_rated = users_rated
        self._items_rated = items_rated
        self._has_users = users_rated.counts > 0
        self._has_items = items_rated.counts > 0
        self._n_ratings = int(users_rated.counts.sum())
        self._sum_of_squares = sum_of_squares
        self._spread = spread
        self._draw = draw
        width = items.shape[1]
        self._items = items
        self._of_items = Population(np.zeros(width), np.eye(width) / spread**2)
        self._of_users = self._of_items
        self._noise = 1.0

    def sweep(self) -> None:
        """Draw each variable once, given all others."""
        users, _ = self._users_rated.draw(
            self._items, self._of_users, self._noise, self._draw
        )
        # Users and items without ratings say nothing about their population.
        self._of_users = draw_population(
            users[self._has_users], self._spread, self._draw
        )
        self._of_items = draw_population(
            self._items[self._has_items], self._spread, self._draw
        )
        self._items, error = self._items_rated.draw(
            users, self._of_items, self._noise, self._draw
        )
        error = max(0.0, self._sum_of_squares + error)
        self._noise = draw_noise(error, self._n_ratings, self._draw)

    def sample(self) -> Sample:
        """Return the part of the state that predictions need."""
        mean = self._of_items.mean.astype(np.float32)
        items = np.where(self._has_items[:, None], self._items, mean)
        return Sample(items=items, users=self._of_users, noise=self._noise)


def draw_population(
    vectors: NDArray[np.float32], spread: float, draw: np.random.Generator
) -> Population:
    """Draw the distribution of *vectors* from its posterior.

    The prior is Normal-Wishart.

    Args:
        vectors: Bias and factors per user or item, shape ``(m, d)``; *m* may be 0.
        spread: Standard deviation of the entries of a vector under the prior, which
            has the weight of ``d + 1`` vectors.
        draw: Source of randomness.
    """
    m, width = vectors.shape
    total = vectors.sum(axis=0, dtype=np.float64)
    weight = _MEAN_WEIGHT + m
    centre = total / weight
    # Scatter around the shrunken mean, and that of the prior around 0.
    rest = vectors - centre
    scatter = rest.T @ rest + _MEAN_WEIGHT * np.outer(centre, centre)
    scatter[np.diag_indices(width)] += (width + 1) * spread**2
    root = draw_wishart_root(scatter, width + 1 + m, draw)
    shift = np.linalg.solve(root.T, draw.standard_normal(width))
    return Population(centre + shift / np.sqrt(weight), root @ root.T)


def draw_wishart_root(
    scatter: Floats, degrees: int, draw: np.random.Generator
) -> Floats:
    """Return *A* such that ``A A'`` is a draw from a Wishart distribution.

    The mean of the distribution is *degrees* times the inverse of *scatter*. Uses the
    Bartlett decomposition.

    Args:
        scatter: Inverse of the scale matrix, shape ``(d, d)``.
        degrees: Degrees of freedom, at least *d*.
        draw: Source of randomness.
    """
    width = len(scatter)
    triangle = np.tril(draw.standard_normal((width, width)), -1)
    chi_squares = 2 * draw.standard_gamma((degrees - np.arange(width)) / 2)
    triangle[np.diag_indices(width)] = np.sqrt(chi_squares)
    root: Floats = np.linalg.solve(np.linalg.cholesky(scatter).T, triangle)
    return root


def draw_noise(
    squared_error: float, n_ratings: int, draw: np.random.Generator
) -> float:
    """Draw the precision of the noise, given the sum of squared errors."""
    shape = _NOISE_SHAPE + n_ratings / 2
    return float(draw.standard_gamma(shape) / (_NOISE_RATE + squared_error / 2))

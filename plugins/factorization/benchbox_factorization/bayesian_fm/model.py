"""The model: from ratings to sweeps, samples and predictions."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.errors import ModelError
from benchbox.metrics import NormalDistribution, StepDistribution
from benchbox.models import (
    Shrinkage,
    State,
    fit_bias_model,
    fit_shrinkage,
    nested,
    part,
    rehearse,
)
from benchbox.models.training import kernels_at_most
from benchbox_factorization.bayesian_fm.blocks import equal_shares
from benchbox_factorization.bayesian_fm.chain import Chain
from benchbox_factorization.bayesian_fm.curve import Curve
from benchbox_factorization.bayesian_fm.days import Days
from benchbox_factorization.bayesian_fm.facts import facts
from benchbox_factorization.bayesian_fm.layout import Layout, lay_out
from benchbox_factorization.bayesian_fm.likelihoods import (
    Likelihood,
    Normal,
    OrderedProbit,
)
from benchbox_factorization.bayesian_fm.prediction_kernels import predict
from benchbox_factorization.bayesian_fm.samples import (
    Known,
    Questions,
    Samples,
    empty_samples,
)
from benchbox_factorization.matrix import of_users, starting_factors
from benchbox_factorization.options import BayesianFMOptions
from benchbox_factorization.population import Floats, Vectors

Times = NDArray[np.int64]

_MOST_LEVELS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What is predicted for some pairs, in the order they were asked in.

    Attributes:
        means: Mean rating per pair, float64, shape ``(n,)``.
        spreads: Standard deviation of a rating, noise included, shape ``(n,)``.
        probabilities: Probability of each level, shape ``(n, n_levels)``; ``(n, 0)``
            with normal noise.
    """

    means: Floats
    spreads: Floats
    probabilities: Floats


class BayesianFM:
    """A factorization machine on facts about users, items and days, by Gibbs sampling.

    Each user, item and day has a bias and a vector of factors: the weighted sum of
    those of its facts. Facts are its number, what the user has rated or who has rated
    the item (with weights ``1 / sqrt(n)``, as in SVD++), and static features. A rating
    is the sum of the biases and of the products of the vectors of user and item, user
    and day, and item and day, plus noise. Facts about the same user, item or day do not
    interact: that would only add to its bias, which is free already.

    The coefficients of each kind of fact have a normal distribution per factor, with a
    mean and a precision of their own (Rendle, 2012). All these are drawn in turn, one
    coefficient after the other. A sweep takes time in proportion to the number of
    factors times that of the ratings and of the facts (Rendle, 2013). Ratings are first
    standardised, so that the priors fit every scale.

    Every ``thin``-th sweep after the burn-in is stored. Given one, a user's own bias
    and factors are normal with a mean that follows from their history in closed form.
    Predictions average over these means, not over draws of users, so they also work for
    users who were not trained on. With an ordered probit the distribution of a user's
    vector is not normal; the normal one with the same mode and curvature stands for it.
    """

    def __init__(self, options: BayesianFMOptions) -> None:
        self._options = options
        self._n_threads = 1
        self._mean = 0.0
        self._deviation = 1.0
        self._levels: Floats = np.empty(0)
        self._days = Days.of(None)
        self._facts = np.empty((0, 0), dtype=np.float32)
        self._samples = empty_samples(0, (0, 0, 0, 0), 1, 0)
        self._shrinkage = Shrinkage()

    def prepare(self) -> None:
        """Compile the kernels, or load them from the cache."""
        likelihood = self._options.likelihood
        model = BayesianFM(
            BayesianFMOptions(n_factors=1, burn_in=0, epochs=1, likelihood=likelihood)
        )
        rehearse(model)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Draw the coefficients of all blocks, their priors and the noise in turn."""
        options = self._options
        self._n_threads = context.n_threads
        self._mean = float(train.values.mean(dtype=np.float64))
        self._deviation = float(train.values.std(dtype=np.float64)) or 1.0
        self._days = Days.of(train.timestamps if options.time else None)
        features = facts(train, needed=options.side)
        self._facts = np.empty((train.n_users, 0), dtype=np.float32)
        if features[0] is not None:
            self._facts = features[0].matrix
        draw = np.random.Generator(np.random.PCG64(context.seed))
        days = None
        if options.time:
            days = self._days.numbers(train.timestamps, len(train))
        with kernels_at_most(self._n_threads):
            layout = lay_out(train, options, days, features, self._n_threads)
            likelihood = self._likelihood(train.values[layout.order], draw)
            start = self._start(train, draw)
            chain = Chain(
                layout.blocks, layout.positions, likelihood.targets, start, draw
            )
            self._run(chain, likelihood, layout, train, context)

    def predict(
        self,
        history: Ratings,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        timestamps: Times | None = None,
    ) -> NDArray[np.float32]:
        """Return the means of the posterior, given *history*."""
        posterior = self._posterior(self._samples, history, users, items, timestamps)
        return self._shrinkage.shrunk(
            posterior.means.astype(np.float32), history, users, items
        )

    def predict_distribution(
        self,
        history: Ratings,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        timestamps: Times | None = None,
    ) -> NormalDistribution | StepDistribution:
        """Return the distribution of each pair's rating, noise included.

        With an ordered probit it is a probability for each value that a training rating
        has; else the normal distribution with the moments of the posterior predictive.
        """
        posterior = self._posterior(self._samples, history, users, items, timestamps)
        if len(self._levels):
            return StepDistribution(self._levels, posterior.probabilities)
        means = self._shrinkage.shrunk(
            posterior.means.astype(np.float32), history, users, items
        )
        return NormalDistribution(means, posterior.spreads)

    def state(self) -> State:
        """Return what standardises ratings, the known days, and the samples."""
        return {
            "mean": self._mean,
            "deviation": self._deviation,
            "levels": self._levels,
            "days": self._days.known,
            "facts": self._facts,
            **nested("shrinkage", self._shrinkage.state),
            **nested("samples", self._samples._asdict()),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._mean = float(state["mean"])
        self._deviation = float(state["deviation"])
        self._levels = np.array(state["levels"])
        self._days = Days(np.array(state["days"]))
        self._facts = np.array(state["facts"])
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        samples = part(state, "samples")
        self._samples = Samples._make(np.array(samples[k]) for k in Samples._fields)

    @property
    def n_parameters(self) -> int:
        """All numbers of all samples, and the mean and deviation of ratings."""
        own = sum(array.size for array in self._samples)
        return 2 + own + self._shrinkage.n_parameters

    def _likelihood(
        self, values: NDArray[np.float32], draw: np.random.Generator
    ) -> Likelihood:
        if self._options.likelihood == "gaussian":
            self._levels = np.empty(0)
            return Normal(self._scaled(values), draw)
        levels, steps = np.unique(values, return_inverse=True)
        if len(levels) > _MOST_LEVELS:
            raise ModelError(
                f"likelihood=ordered-probit needs ratings with at most {_MOST_LEVELS} "
                f"different values, but there are {len(levels)}. Use "
                f"likelihood=gaussian."
            )
        self._levels = levels.astype(np.float64)
        return OrderedProbit(steps, self._n_threads, draw)

    def _run(
        self,
        chain: Chain,
        likelihood: Likelihood,
        layout: Layout,
        train: Ratings,
        context: FitContext,
    ) -> None:
        options = self._options
        n_sweeps = context.epochs or options.burn_in + options.epochs
        n_after = max(1, n_sweeps - options.burn_in)
        n_stored = 0
        users, items = chain.coefficients[:2]
        self._samples = empty_samples(
            -(-n_after // options.thin),
            (
                items.own.shape[1],
                users.history.shape[1],
                users.side.shape[1],
                1 + len(self._days),
            ),
            1 + options.n_factors,
            len(likelihood.cuts),
        )
        has_ratings = np.diff(layout.blocks[1].offsets) > 0
        curve = Curve(context)
        for sweep in range(1, n_sweeps + 1):
            loss = likelihood.sweep(chain, is_burn_in=sweep <= options.burn_in)
            # Counted from the end, so that the last sweep is always stored.
            is_due = sweep > options.burn_in and (n_sweeps - sweep) % options.thin == 0
            if is_due or sweep == n_sweeps:
                _store(self._samples, n_stored, chain, likelihood, has_ratings)
                curve.add(n_stored, partial(self._sample_means, n_stored))
                n_stored += 1
            if options.likelihood == "gaussian":
                loss *= self._deviation**2
            context.report(sweep, n_sweeps, loss=loss, validation_rmse=curve.rmse)
        if curve.n_best:
            self._samples = Samples(*(each[: curve.n_best] for each in self._samples))
        if options.likelihood == "gaussian":
            self._shrinkage = fit_shrinkage(
                train, context, lambda *_: curve.best_means, self._shrinkage
            )

    def _sample_means(self, place: int, history: Ratings, asked: Ratings) -> Floats:
        one = Samples(*(array[place : place + 1] for array in self._samples))
        return self._posterior(
            one, history, asked.users, asked.items, asked.timestamps
        ).means

    def _posterior(
        self,
        samples: Samples,
        history: Ratings,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        timestamps: Times | None,
    ) -> Posterior:
        asked, places = np.unique(users, return_inverse=True)
        order = np.argsort(places, kind="stable")
        counts = np.bincount(places, minlength=len(asked))
        days = self._days.numbers(timestamps, len(users))
        questions = Questions(
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            items=items[order].astype(np.int32),
            days=days[order],
        )
        n, n_levels = len(users), len(self._levels)
        means, variances = np.zeros(n), np.zeros(n)
        probabilities = np.zeros((n, n_levels))
        known = self._known(history, asked)
        bounds = equal_shares(known.offsets, self._n_threads)
        with kernels_at_most(self._n_threads):
            predict(known, questions, bounds, samples, means, variances, probabilities)
        back = np.empty(n, dtype=np.int64)
        back[order] = np.arange(n)
        means, variances = means[back], variances[back]
        if n_levels:
            return _of_levels(self._levels, probabilities[back])
        variances = np.maximum(variances, 0) + np.mean(1 / samples.noises)
        return Posterior(
            means=self._mean + self._deviation * means,
            spreads=self._deviation * np.sqrt(variances),
            probabilities=probabilities,
        )

    def _known(self, history: Ratings, asked: NDArray[np.int32]) -> Known:
        visible = of_users(history, asked)
        rated = visible.by_user()
        times = visible.timestamps
        days = self._days.numbers(times, len(visible))
        return Known(
            offsets=rated.offsets.astype(np.int64),
            items=np.array(rated.indices),
            days=days[rated.positions],
            values=self._scaled(rated.values),
            steps=_nearest(self._levels, rated.values),
            facts=self._facts[asked],
        )

    def _scaled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = values - np.float32(self._mean)
        scaled /= np.float32(self._deviation)
        return scaled

    def _start(self, train: Ratings, draw: np.random.Generator) -> Vectors:
        bias = fit_bias_model(train)
        factors = starting_factors(train, bias, self._options.n_factors, draw)
        return np.ascontiguousarray(factors.T)


def _store(
    samples: Samples,
    place: int,
    chain: Chain,
    likelihood: Likelihood,
    has_ratings: NDArray[np.bool_],
) -> None:
    users, items, *days = chain.coefficients
    prior, item_prior, *day_prior = chain.priors
    # An item without ratings has the mean of their distribution, and what its features
    # add, instead of a draw.
    own = np.where(has_ratings, 0, item_prior.means[0][:, None] - items.own)
    samples.items[place] = (items.sums + own).T
    samples.histories[place] = users.history.T
    samples.sides[place] = users.side.T
    if days:
        samples.days[place, :-1] = days[0].sums.T
        samples.days[place, -1] = day_prior[0].means[0]
    samples.means[place] = prior.means[0]
    samples.precisions[place] = prior.precisions[0]
    samples.noises[place] = likelihood.noise
    samples.cuts[place] = likelihood.cuts


def _of_levels(levels: Floats, probabilities: Floats) -> Posterior:
    means = probabilities @ levels
    squares = probabilities @ np.square(levels)
    spreads = np.sqrt(np.maximum(squares - np.square(means), 0))
    return Posterior(means, spreads, probabilities)


def _nearest(levels: Floats, values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the place of the level that is nearest to each value."""
    between = (levels[1:] + levels[:-1]) / 2
    return np.searchsorted(between, values).astype(np.int64)

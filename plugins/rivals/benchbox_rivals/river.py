"""river's online models, which learn from one rating at a time.

They see the ratings in random order, once by default. By user, as benchbox stores them,
the mean would follow the last users.
"""

from typing import Any

from benchbox import FitContext
from benchbox.models import SearchSpace, Span
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import (
    Count,
    Library,
    NotNegative,
    Positive,
    RowOrder,
    as_values,
    ordered,
    seed32,
)


class OnlineOptions(RowOrder, frozen=True):
    """Options of ``river-baseline``.

    Attributes:
        shuffled: Whether to pass the ratings in random order, drawn with the seed of
            the trial, instead of by user and then item as benchbox stores them.
        n_passes: Number of passes over the ratings, in the same order.
        learning_rate: Step size of stochastic gradient descent.
        l2: Weight of the squared parameters.
    """

    shuffled: bool = True
    n_passes: Count = 1
    learning_rate: Positive = 0.01
    l2: NotNegative = 0.0


class FunkMFOptions(OnlineOptions, frozen=True):
    """Options of ``river-funk-mf``.

    Attributes:
        n_factors: Number of factors.
    """

    n_factors: Count = 10
    learning_rate: Positive = 0.1


class BiasedMFOptions(OnlineOptions, frozen=True):
    """Options of ``river-biased-mf``.

    Attributes:
        n_factors: Number of factors.
        learning_rate: Step size of the biases.
        learning_rate_latent: Step size of the factors.
        l2: Weight of the squared biases.
        l2_latent: Weight of the squared factors.
    """

    n_factors: Count = 10
    learning_rate_latent: Positive = 0.01
    l2_latent: NotNegative = 0.0


class _River:
    """One of river's recommenders.

    Args:
        options: Its options.
    """

    def __init__(self, options: Any) -> None:
        self._options = options
        self._fitted: Any = None

    def prepare(self) -> None:
        """Import river before the fit is timed."""
        import river.reco  # noqa: F401

    def build(self, seed: int) -> Any:
        """Return river's model, untrained."""
        raise NotImplementedError

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Have the model learn from one rating after the other."""
        self._fitted = self.build(seed32(context.seed))
        rows = ordered(train, self._options, context.seed)
        columns = rows.users.tolist(), rows.items.tolist(), rows.values.tolist()
        learn = self._fitted.learn_one
        for _ in range(self._options.n_passes):
            for user, item, value in zip(*columns, strict=True):
                learn(user, item, value)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Ask for one pair after the other: river has no other way."""
        ask = self._fitted.predict_one
        pairs = zip(users.tolist(), items.tolist(), strict=True)
        return as_values([ask(user, item) for user, item in pairs])


class Baseline(_River):
    """Biases of users and items."""

    def build(self, seed: int) -> Any:
        """Return river's Baseline."""
        from river import optim, reco

        options: OnlineOptions = self._options
        return reco.Baseline(
            optimizer=optim.SGD(options.learning_rate), l2=options.l2, seed=seed
        )


class FunkMF(_River):
    """Factors without biases."""

    def build(self, seed: int) -> Any:
        """Return river's FunkMF."""
        from river import optim, reco

        options: FunkMFOptions = self._options
        return reco.FunkMF(
            n_factors=options.n_factors,
            optimizer=optim.SGD(options.learning_rate),
            l2=options.l2,
            seed=seed,
        )


class BiasedMF(_River):
    """Biases and factors."""

    def build(self, seed: int) -> Any:
        """Return river's BiasedMF."""
        from river import optim, reco

        options: BiasedMFOptions = self._options
        return reco.BiasedMF(
            n_factors=options.n_factors,
            bias_optimizer=optim.SGD(options.learning_rate),
            latent_optimizer=optim.SGD(options.learning_rate_latent),
            l2_bias=options.l2,
            l2_latent=options.l2_latent,
            seed=seed,
        )


_LIBRARY = Library("river", "river")
_SEARCH: SearchSpace = {
    "n_passes": Span(1, 10, log=True),
    "learning_rate": Span(2e-3, 0.1, log=True),
    "l2": Span(0.0, 0.1),
}
_FACTORS: SearchSpace = {"n_factors": Span(4, 32, log=True)}

SPECS = (
    _LIBRARY.model(
        "baseline",
        target="Baseline",
        summary="biases of users and items, online",
        options=OnlineOptions,
        search=_SEARCH,
        cost_hint=2.0,
    ),
    _LIBRARY.model(
        "funk-mf",
        target="FunkMF",
        summary="factors without biases, online",
        options=FunkMFOptions,
        search={**_SEARCH, **_FACTORS},
        # With river's step size it diverges on most data of more than a few ratings.
        presets={"steady": {"learning_rate": 0.01}},
        known_breaches={
            "zero-is-a-rating": "With its own step size, it diverges where ratings are "
            "far from 0, and predicts NaN; see the preset steady."
        },
        cost_hint=3.0,
    ),
    _LIBRARY.model(
        "biased-mf",
        target="BiasedMF",
        summary="biases and factors, online",
        options=BiasedMFOptions,
        search={
            **_SEARCH,
            **_FACTORS,
            "learning_rate_latent": Span(2e-3, 0.1, log=True),
            "l2_latent": Span(0.0, 0.1),
        },
        cost_hint=5.0,
    ),
)

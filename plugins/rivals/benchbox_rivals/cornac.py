"""Cornac's models that predict ratings.

A prediction is that of ``rate(user, item, clipping=False)``: where a model has no
score, Cornac falls back to the mean of the training ratings. With a seed, Cornac uses
one thread; only the neighbourhood models, which have nothing random, use more.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np

from benchbox import Capabilities, FitContext, Options
from benchbox.models import OneOf, SearchSpace, Span
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import (
    Count,
    FirstSeen,
    Library,
    NotNegative,
    Positive,
    RowOrder,
    UserPairs,
    as_values,
    ordered,
    own_options,
    seed32,
)


class BaselineOptions(RowOrder, frozen=True):
    """Options of ``cornac-baseline-only``.

    Attributes:
        max_iter: Number of passes over the ratings.
        learning_rate: Step size.
        lambda_reg: Weight of the squared biases.
        early_stop: Whether to stop when the training error grows.
    """

    max_iter: Count = 20
    learning_rate: Positive = 0.01
    lambda_reg: NotNegative = 0.02
    early_stop: bool = False


class SVDOptions(BaselineOptions, frozen=True):
    """Options of ``cornac-svd``.

    Attributes:
        k: Number of factors.
    """

    k: Count = 10


class MFOptions(SVDOptions, frozen=True):
    """Options of ``cornac-mf``.

    Attributes:
        use_bias: Whether to use biases and the mean.
        backend: Cornac's own loop, or torch with mini-batches.
        optimizer: Optimizer of the torch backend.
        batch_size: Ratings per step of the torch backend.
        dropout: Share of factors that the torch backend drops.
    """

    use_bias: bool = True
    backend: Literal["cpu", "pytorch"] = "cpu"
    optimizer: Literal["sgd", "adam", "rmsprop", "adagrad"] = "sgd"
    batch_size: Count = 256
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0

    @property
    def set_aside(self) -> frozenset[str]:
        """Options of the torch backend, if it is not used."""
        only = ("optimizer", "batch_size", "dropout")
        return frozenset(only if self.backend == "cpu" else ())


class PMFOptions(RowOrder, frozen=True):
    """Options of ``cornac-pmf``.

    Attributes:
        k: Number of factors.
        max_iter: Number of passes over the ratings.
        learning_rate: Step size.
        gamma: Decay of RMSProp's running mean.
        lambda_reg: Weight of the squared factors.
        variant: ``non_linear`` puts the product through a sigmoid, scaled to the range
            of the training ratings; ``linear`` does not.
    """

    k: Count = 5
    max_iter: Count = 100
    learning_rate: Positive = 0.001
    gamma: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.9
    lambda_reg: NotNegative = 0.001
    variant: Literal["non_linear", "linear"] = "non_linear"


class NMFOptions(RowOrder, frozen=True):
    """Options of ``cornac-nmf``.

    Attributes:
        k: Number of factors.
        max_iter: Number of passes over the ratings.
        learning_rate: Step size of biases.
        lambda_reg: One weight for all squares; 0 for the four below.
        lambda_u: Weight of the squared user factors.
        lambda_v: Weight of the squared item factors.
        lambda_bu: Weight of the squared user biases.
        lambda_bi: Weight of the squared item biases.
        use_bias: Whether to use biases and the mean.
    """

    k: Count = 15
    max_iter: Count = 50
    learning_rate: Positive = 0.005
    lambda_reg: NotNegative = 0.0
    lambda_u: NotNegative = 0.06
    lambda_v: NotNegative = 0.06
    lambda_bu: NotNegative = 0.02
    lambda_bi: NotNegative = 0.02
    use_bias: bool = False

    @property
    def set_aside(self) -> frozenset[str]:
        """The four weights, if one stands for all."""
        four = ("lambda_u", "lambda_v", "lambda_bu", "lambda_bi")
        return frozenset(four if self.lambda_reg else ())


class NeighbourOptions(Options, frozen=True):
    """Options of ``cornac-user-knn`` and ``cornac-item-knn``.

    Attributes:
        k: Number of neighbours.
        similarity: Measure of similarity.
        mean_centered: Whether the ratings are centred for the similarity.
        weighting: Weights of ratings in the similarity; none by default.
        amplify: Power to which similarities are raised.
    """

    k: Count = 20
    similarity: Literal["cosine", "pearson"] = "cosine"
    mean_centered: bool = False
    weighting: Literal["idf", "bm25"] | None = None
    amplify: Positive = 1.0


class _Cornac:
    """One of Cornac's models.

    Args:
        options: Its options.
    """

    recommender: ClassVar[str]

    def __init__(self, options: Any) -> None:
        self._options = options
        self._fitted: Any = None
        self._users: FirstSeen
        self._items: FirstSeen

    def prepare(self) -> None:
        """Import Cornac before the fit is timed."""
        import cornac  # noqa: F401

    def settings(self, context: FitContext) -> dict[str, Any]:
        """Return what the constructor takes beside the options."""
        return {"seed": seed32(context.seed), "verbose": False}

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Fit the model to a Cornac data set of these ratings."""
        import cornac

        train = ordered(train, self._options, context.seed)
        self._users = FirstSeen.of(train.users, train.n_users)
        self._items = FirstSeen.of(train.items, train.n_items)
        columns = (
            self._users.numbers[train.users],
            self._items.numbers[train.items],
            train.values.astype(np.float64),
        )
        known = self._users.n_known, self._items.n_known
        dataset = cornac.data.Dataset(
            num_users=known[0],
            num_items=known[1],
            uid_map={number: number for number in range(known[0])},
            iid_map={number: number for number in range(known[1])},
            uir_tuple=columns,
        )
        build = getattr(cornac.models, self.recommender)
        self._fitted = build(**own_options(self._options), **self.settings(context))
        self._fitted.fit(dataset)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Ask for one pair after the other, as Cornac's own experiments do."""
        rate = self._fitted.rate
        pairs = zip(
            self._users.numbers[users].tolist(),
            self._items.numbers[items].tolist(),
            strict=True,
        )
        return as_values([rate(u, i, clipping=False) for u, i in pairs])


class MF(_Cornac):
    """Biases and factors by stochastic gradient descent."""

    recommender = "MF"


class SVD(_Cornac):
    """Cornac's MF with biases, under the name others use."""

    recommender = "SVD"


class PMF(_Cornac):
    """Probabilistic matrix factorization."""

    recommender = "PMF"


class NMF(_Cornac):
    """Non-negative factors."""

    recommender = "NMF"


class BaselineOnly(_Cornac):
    """Biases of users and items."""

    recommender = "BaselineOnly"


class _Neighbours(_Cornac):
    def settings(self, context: FitContext) -> dict[str, Any]:
        # A seed would mean one thread, and nothing is random.
        return {"num_threads": context.n_threads, "verbose": False}

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Ask for all items of a user at once: one by one is far slower."""
        mean = self._fitted.default_score()
        predicted = np.full(len(users), mean, dtype=np.float64)
        for user, places in UserPairs.of(self._users.numbers[users]):
            if user == self._users.n_known:
                continue
            scores = self._fitted.score(user)
            asked = self._items.numbers[items[places]]
            is_known = asked < self._items.n_known
            predicted[places[is_known]] = scores[asked[is_known]]
        return as_values(predicted)


class UserKNN(_Neighbours):
    """Weighted mean of similar users' deviations."""

    recommender = "UserKNN"


class ItemKNN(_Neighbours):
    """Weighted mean of deviations of similar items."""

    recommender = "ItemKNN"


_LIBRARY = Library("cornac", "cornac")
_FACTORS: SearchSpace = {
    "k": Span(5, 100, log=True),
    "max_iter": Span(10, 100, log=True),
    "learning_rate": Span(2e-3, 3e-2, log=True),
    "lambda_reg": Span(0.01, 0.2, log=True),
}
_NEIGHBOURS: SearchSpace = {
    "k": Span(10, 100, log=True),
    "similarity": OneOf(("cosine", "pearson")),
    "mean_centered": OneOf((False, True)),
    "amplify": Span(0.5, 3.0),
}
_SGD_REFERENCE = "doi:10.1109/MC.2009.263"

SPECS = (
    _LIBRARY.model(
        "baseline-only",
        target="BaselineOnly",
        summary="biases of users and items",
        options=BaselineOptions,
        capabilities=Capabilities(stochastic=False),
        search={
            name: _FACTORS[name] for name in ("max_iter", "learning_rate", "lambda_reg")
        },
        cost_hint=0.02,
        reference=_SGD_REFERENCE,
        known_breaches={
            "unknown-users-and-items": "Cornac 3.0.1 reads the bias of a user without "
            "training ratings, which there is not, and fails (IndexError).",
        },
    ),
    _LIBRARY.model(
        "mf",
        target="MF",
        summary="biases and factors by stochastic gradient descent",
        options=MFOptions,
        search=_FACTORS,
        cost_hint=0.05,
        reference=_SGD_REFERENCE,
    ),
    _LIBRARY.model(
        "svd",
        target="SVD",
        summary="Cornac's MF with biases, under another name",
        options=SVDOptions,
        search=_FACTORS,
        cost_hint=0.05,
        reference=_SGD_REFERENCE,
    ),
    _LIBRARY.model(
        "pmf",
        target="PMF",
        summary="probabilistic matrix factorization",
        options=PMFOptions,
        search={
            "k": Span(3, 50, log=True),
            "max_iter": Span(50, 300, log=True),
            "learning_rate": Span(3e-4, 1e-2, log=True),
            "lambda_reg": Span(1e-4, 0.1, log=True),
        },
        cost_hint=0.8,
        reference="https://papers.nips.cc/paper/3208-probabilistic-matrix-factorization",
    ),
    _LIBRARY.model(
        "nmf",
        target="NMF",
        summary="non-negative factors",
        options=NMFOptions,
        search={
            "k": Span(5, 60, log=True),
            "max_iter": Span(20, 150, log=True),
            "use_bias": OneOf((False, True)),
            "lambda_reg": Span(0.0, 0.3),
        },
        cost_hint=0.3,
        reference="doi:10.1038/44565",
    ),
    _LIBRARY.model(
        "user-knn",
        target="UserKNN",
        summary="deviations of similar users",
        options=NeighbourOptions,
        capabilities=Capabilities(stochastic=False),
        search=_NEIGHBOURS,
        cost_hint=0.5,
        reference="doi:10.1145/192844.192905",
    ),
    _LIBRARY.model(
        "item-knn",
        target="ItemKNN",
        summary="deviations of similar items",
        options=NeighbourOptions,
        capabilities=Capabilities(stochastic=False),
        search=_NEIGHBOURS,
        cost_hint=0.8,
        reference="doi:10.1145/371920.372071",
        known_breaches={
            "memory-is-linear": "Cornac holds the similarity of every two items with "
            "a common user."
        },
    ),
)

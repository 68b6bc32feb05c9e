"""Surprise's eleven algorithms.

A prediction is that of ``predict(user, item, clip=False)``: where an algorithm has
none, Surprise falls back to the mean of the training ratings. All use one thread.
"""

from itertools import repeat
from typing import Any, ClassVar

import numpy as np

from benchbox import Capabilities, FitContext
from benchbox.models import OneOf, SearchSpace, Span
from benchbox.options import NoOptions
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import Library, as_values, ordered, own_options, seed32
from benchbox_rivals.surprise_options import (
    BaselineOptions,
    CoClusteringOptions,
    NeighbourOptions,
    NMFOptions,
    SVDOptions,
    SVDppOptions,
)


class _Surprise:
    """One of Surprise's algorithms.

    Args:
        options: Its options.
    """

    algorithm: ClassVar[str]
    seeded: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self._options = options
        self._fitted: Any = None

    def prepare(self) -> None:
        """Import Surprise before the fit is timed."""
        import surprise  # noqa: F401

    def arguments(self) -> dict[str, Any]:
        """Return the options as the algorithm's constructor takes them."""
        return own_options(self._options)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Fit the algorithm to a trainset that Surprise builds of these ratings."""
        import surprise

        seed = seed32(context.seed)
        train = ordered(train, self._options, seed)
        reader = surprise.Reader(rating_scale=(train.scale.low, train.scale.high))
        columns = train.users.tolist(), train.items.tolist(), train.values.tolist()
        rows = list(zip(*columns, repeat(None)))
        trainset = surprise.Dataset(reader).construct_trainset(rows)
        more = {"random_state": seed} if self.seeded else {}
        self._fitted = getattr(surprise, self.algorithm)(**self.arguments(), **more)
        self._fitted.fit(trainset)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Ask for one pair after the other, as Surprise's own ``test`` does."""
        predict = self._fitted.predict
        pairs = zip(users.tolist(), items.tolist(), strict=True)
        return as_values([predict(u, i, clip=False).est for u, i in pairs])


class NormalPredictor(_Surprise):
    """Random ratings from the normal distribution of the training ratings."""

    algorithm = "NormalPredictor"

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Estimate mean and spread."""
        super().fit(train, context)
        self._seed = seed32(context.seed)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Draw a number per pair from NumPy's global generator, and put that back."""
        before = np.random.get_state()  # noqa: NPY002
        np.random.seed(self._seed)  # noqa: NPY002
        try:
            return super().predict(history, users, items)
        finally:
            np.random.set_state(before)  # noqa: NPY002


class BaselineOnly(_Surprise):
    """Biases of users and items."""

    algorithm = "BaselineOnly"

    def arguments(self) -> dict[str, Any]:
        """Return the options as ``bsl_options``, those of the chosen method."""
        options: BaselineOptions = self._options
        given = super().arguments()
        used = {k: v for k, v in given.items() if k not in options.set_aside}
        if not options.n_epochs:
            del used["n_epochs"]
        return {"bsl_options": used, "verbose": False}


class _Neighbours(_Surprise):
    def arguments(self) -> dict[str, Any]:
        options: NeighbourOptions = self._options
        similarity: dict[str, Any] = {
            "name": options.similarity,
            "user_based": options.user_based,
            "min_support": options.min_support,
        }
        if options.similarity == "pearson_baseline":
            similarity["shrinkage"] = options.shrinkage
        return {
            "k": options.k,
            "min_k": options.min_k,
            "sim_options": similarity,
            "verbose": False,
        }


class KNNBasic(_Neighbours):
    """Weighted mean of the neighbours' ratings."""

    algorithm = "KNNBasic"


class KNNWithMeans(_Neighbours):
    """Weighted mean of the neighbours' deviations from their means."""

    algorithm = "KNNWithMeans"


class KNNWithZScore(_Neighbours):
    """Weighted mean of the neighbours' z-scores."""

    algorithm = "KNNWithZScore"


class KNNBaseline(_Neighbours):
    """Weighted mean of the neighbours' deviations from their baselines."""

    algorithm = "KNNBaseline"


class SVD(_Surprise):
    """Biases and factors by stochastic gradient descent."""

    algorithm, seeded = "SVD", True


class SVDpp(_Surprise):
    """SVD with implicit feedback."""

    algorithm, seeded = "SVDpp", True


class NMF(_Surprise):
    """Non-negative factors."""

    algorithm, seeded = "NMF", True


class SlopeOne(_Surprise):
    """Mean differences between items."""

    algorithm = "SlopeOne"


class CoClustering(_Surprise):
    """Means of clusters of users and of items."""

    algorithm, seeded = "CoClustering", True


_LIBRARY = Library("surprise", "scikit-surprise")
_FIXED = Capabilities(stochastic=False)
_TABLE = {"memory-is-linear": "Surprise holds the similarity of every two neighbours."}
_NO_SPREAD = {
    "one-rating-is-enough": "Surprise divides by the spread of a single rating, which "
    "is 0, and predicts NaN."
}
_NEIGHBOURS: SearchSpace = {
    "k": Span(10, 100, log=True),
    "min_k": Span(1, 6),
    "similarity": OneOf(("msd", "cosine", "pearson", "pearson_baseline")),
    "user_based": OneOf((True, False)),
    "shrinkage": Span(10.0, 200.0, log=True),
}
_FACTORS: SearchSpace = {
    "n_factors": Span(10, 200, log=True),
    "n_epochs": Span(10, 80, log=True),
    "lr_all": Span(2e-3, 2e-2, log=True),
    "reg_all": Span(0.01, 0.2, log=True),
}

SPECS = (
    _LIBRARY.model(
        "normal-predictor",
        target="NormalPredictor",
        summary="a random rating from the normal distribution of all ratings",
        options=NoOptions,
        cost_hint=0.1,
        known_breaches={
            "pairs-stand-alone": "Surprise draws one number after the other, "
            "whatever the pair.",
        },
    ),
    _LIBRARY.model(
        "baseline-only",
        target="BaselineOnly",
        summary="damped biases of users and items",
        options=BaselineOptions,
        capabilities=_FIXED,
        search={
            "method": OneOf(("als", "sgd")),
            "reg_i": Span(1.0, 30.0, log=True),
            "reg_u": Span(1.0, 30.0, log=True),
        },
        cost_hint=0.3,
        reference="doi:10.1145/1644873.1644874",
    ),
    *(
        _LIBRARY.model(
            name,
            target=target,
            summary=summary,
            options=NeighbourOptions,
            capabilities=_FIXED,
            search=_NEIGHBOURS,
            cost_hint=0.6,
            known_breaches=_TABLE | (_NO_SPREAD if name == "knn-with-zscore" else {}),
        )
        for name, target, summary in (
            ("knn-basic", "KNNBasic", "weighted mean of neighbours' ratings"),
            ("knn-with-means", "KNNWithMeans", "neighbours' deviations from means"),
            ("knn-with-zscore", "KNNWithZScore", "neighbours' z-scores"),
            ("knn-baseline", "KNNBaseline", "neighbours' deviations from baselines"),
        )
    ),
    _LIBRARY.model(
        "svd",
        target="SVD",
        summary="biases and factors by stochastic gradient descent",
        options=SVDOptions,
        search=_FACTORS,
        cost_hint=1.0,
        reference="doi:10.1109/MC.2009.263",
    ),
    _LIBRARY.model(
        "svdpp",
        target="SVDpp",
        summary="SVD++: SVD with the items that a user rated",
        options=SVDppOptions,
        search=_FACTORS,
        cost_hint=12.0,
        reference="doi:10.1145/1401890.1401944",
    ),
    _LIBRARY.model(
        "nmf",
        target="NMF",
        summary="non-negative factors",
        options=NMFOptions,
        search={
            "n_factors": Span(5, 60, log=True),
            "n_epochs": Span(20, 100, log=True),
            "biased": OneOf((False, True)),
            "reg_pu": Span(0.02, 0.5, log=True),
            "reg_qi": Span(0.02, 0.5, log=True),
        },
        cost_hint=2.0,
        reference="doi:10.1109/TII.2014.2308433",
    ),
    _LIBRARY.model(
        "slope-one",
        target="SlopeOne",
        summary="mean differences between the ratings of two items",
        options=NoOptions,
        capabilities=_FIXED,
        cost_hint=1.0,
        reference="arxiv:cs/0702144",
        known_breaches={
            "memory-is-linear": "Surprise holds the difference of every two items.",
        },
    ),
    _LIBRARY.model(
        "co-clustering",
        target="CoClustering",
        summary="means of clusters of users and of items",
        options=CoClusteringOptions,
        search={
            "n_cltr_u": Span(2, 20, log=True),
            "n_cltr_i": Span(2, 20, log=True),
            "n_epochs": Span(10, 60, log=True),
        },
        cost_hint=1.0,
        reference="doi:10.1109/ICDM.2005.14",
    ),
)

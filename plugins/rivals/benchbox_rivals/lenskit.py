"""LensKit's scorers of explicit ratings.

Each is put in LensKit's own ``predict_pipeline``: where a scorer has no answer, its
bias model fills it in. Items are scored user by user, as by ``lenskit.batch.predict``.
"""

from typing import Any, ClassVar, Literal

import numpy as np

from benchbox import Capabilities, FitContext, Options
from benchbox.models import SearchSpace, Span, rehearse
from benchbox.options import to_json
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import (
    Count,
    Library,
    NotNegative,
    Positive,
    UserPairs,
    as_values,
    seed32,
)


class BiasOptions(Options, frozen=True):
    """Options of ``lenskit-bias``.

    Attributes:
        damping: Number of imaginary average ratings per user and item.
    """

    damping: NotNegative = 0.0


class ALSOptions(Options, frozen=True):
    """Options of ``lenskit-als``.

    Attributes:
        embedding_size: Number of factors.
        epochs: Number of sweeps.
        regularization: Weight of the squared factors, times the number of ratings.
        damping: Number of imaginary average ratings in the biases.
        user_embeddings: ``refit`` solves for a user's factors at each question, as
            LensKit does by default; ``prefer`` uses those of the training.
    """

    embedding_size: Count = 50
    epochs: Count = 10
    regularization: Positive = 0.1
    damping: NotNegative = 5.0
    user_embeddings: Literal["refit", "prefer"] = "refit"


class FunkSVDOptions(Options, frozen=True):
    """Options of ``lenskit-funksvd``.

    Attributes:
        embedding_size: Number of factors, trained one after the other.
        epochs: Number of passes over the ratings for each factor.
        learning_rate: Step size.
        regularization: Weight of the squared factors.
        damping: Number of imaginary average ratings in the biases.
    """

    embedding_size: Count = 50
    epochs: Count = 100
    learning_rate: Positive = 0.001
    regularization: NotNegative = 0.015
    damping: NotNegative = 5.0


class NeighbourOptions(Options, frozen=True):
    """Options of ``lenskit-item-knn`` and ``lenskit-user-knn``.

    Attributes:
        max_nbrs: Greatest number of neighbours.
        min_nbrs: Least number of neighbours; with fewer, the bias model answers.
        min_sim: Least similarity of a neighbour.
    """

    max_nbrs: Count = 20
    min_nbrs: Count = 1
    min_sim: Positive = 1e-6


class ItemNeighbourOptions(NeighbourOptions, frozen=True):
    """Options of ``lenskit-item-knn``.

    Attributes:
        save_nbrs: Number of neighbours to store per item; all by default.
    """

    save_nbrs: Count | None = None


class FlexMFOptions(Options, frozen=True):
    """Options of ``lenskit-flexmf``.

    Attributes:
        embedding_size: Number of factors.
        batch_size: Ratings per step.
        learning_rate: Step size of Adam.
        epochs: Number of passes over the ratings.
        regularization: Strength of the regularization.
        reg_method: ``L2`` adds squares to the loss; ``AdamW`` decays the weights.
    """

    embedding_size: Count = 64
    batch_size: Count = 8192
    learning_rate: Positive = 0.01
    epochs: Count = 10
    regularization: NotNegative = 0.1
    reg_method: Literal["AdamW", "L2"] | None = "L2"


class _LensKit:
    """One of LensKit's scorers in its pipeline for predicting ratings.

    Args:
        options: Its options.
    """

    scorer: ClassVar[str]
    reads_history: ClassVar[bool] = True

    def __init__(self, options: Any) -> None:
        self._options = options
        self._pipeline: Any = None

    def prepare(self) -> None:
        """Import LensKit, much of it while it trains, before the fit is timed."""
        import torch

        # LensKit takes the number of threads once in a process.
        rehearse(self, FitContext(n_threads=torch.get_num_threads()))

    def arguments(self) -> dict[str, Any]:
        """Return the options as the scorer's configuration takes them."""
        return to_json(self._options)

    def _scorer(self) -> Any:
        from importlib import import_module

        module, _, name = self.scorer.rpartition(".")
        return getattr(import_module(f"lenskit.{module}"), name)(**self.arguments())

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train the pipeline on a LensKit data set of these ratings."""
        import pandas as pd
        from lenskit.data import from_interactions_df
        from lenskit.pipeline import predict_pipeline
        from lenskit.training import TrainingOptions

        _set_threads(context.n_threads)
        frame = pd.DataFrame(
            {"user_id": train.users, "item_id": train.items, "rating": train.values}
        )
        self._pipeline = predict_pipeline(self._scorer())
        self._pipeline.train(
            from_interactions_df(frame),
            TrainingOptions(
                rng=seed32(context.seed),
                device="cpu",
                # Compiling takes longer than the fit, and needs a compiler of C++.
                environment={"LK_TORCH_COMPILE": "0"},
            ),
        )

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Run the pipeline once for each user."""
        from lenskit.data import ItemList, RecQuery

        rows = history.by_user() if self.reads_history else None
        predicted = np.full(len(users), np.nan)
        for user, places in UserPairs.of(users):
            seen = None
            if rows is not None:
                own = slice(rows.offsets[user], rows.offsets[user + 1])
                seen = ItemList(item_ids=rows.indices[own], rating=rows.values[own])
            # The pairs of a user once each: LensKit takes no item twice.
            asked, back = np.unique(items[places], return_inverse=True)
            found = self._pipeline.run(
                "rating-predictor",
                query=RecQuery(user_id=user, history_items=seen),
                items=ItemList(item_ids=asked),
            )
            predicted[places] = found.scores()[back]
        return as_values(predicted)


def _set_threads(n_threads: int) -> None:
    """Have LensKit use *n_threads*: its own default depends on the machine."""
    from lenskit import parallel
    from lenskit.parallel import config

    if config._config is None:
        parallel.initialize(processes=1, threads=n_threads, backend_threads=n_threads)


class Bias(_LensKit):
    """Means of users and items."""

    scorer = "basic.BiasScorer"


class ALS(_LensKit):
    """Biases and factors by alternating least squares."""

    scorer = "als.BiasedMFScorer"

    def arguments(self) -> dict[str, Any]:
        """Return the options, with LensKit's word for the default."""
        given = super().arguments()
        if given["user_embeddings"] == "refit":
            given["user_embeddings"] = True
        return given


class FunkSVD(_LensKit):
    """Biases, and factors one after the other by gradient descent."""

    scorer, reads_history = "funksvd.FunkSVDScorer", False


class ItemKNN(_LensKit):
    """Deviations of similar items."""

    scorer = "knn.ItemKNNScorer"


class UserKNN(_LensKit):
    """Deviations of similar users."""

    scorer = "knn.UserKNNScorer"


class FlexMF(_LensKit):
    """Biases and factors by mini-batches in torch."""

    scorer, reads_history = "flexmf.FlexMFExplicitScorer", False

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Train the pipeline, which seeds torch's generator, and put that back."""
        import torch

        with torch.random.fork_rng(devices=[]):
            super().fit(train, context)


_LIBRARY = Library("lenskit", "lenskit")
_FROM_HISTORY = Capabilities(inductive=True, stochastic=False)
_NEIGHBOURS: SearchSpace = {
    "max_nbrs": Span(10, 100, log=True),
    "min_nbrs": Span(1, 6),
    "min_sim": Span(1e-6, 0.1, log=True),
}

SPECS = (
    _LIBRARY.model(
        "bias",
        target="Bias",
        summary="damped means of users and items",
        options=BiasOptions,
        capabilities=_FROM_HISTORY,
        search={"damping": Span(0.0, 30.0)},
        cost_hint=0.1,
    ),
    _LIBRARY.model(
        "als",
        target="ALS",
        summary="biases and factors by alternating least squares",
        options=ALSOptions,
        capabilities=Capabilities(inductive=True),
        search={
            "embedding_size": Span(5, 100, log=True),
            "epochs": Span(5, 30, log=True),
            "regularization": Span(0.02, 0.5, log=True),
            "damping": Span(1.0, 20.0, log=True),
        },
        cost_hint=0.4,
        reference="doi:10.1007/978-3-540-68880-8_32",
    ),
    _LIBRARY.model(
        "funksvd",
        target="FunkSVD",
        summary="biases, and factors one after the other",
        options=FunkSVDOptions,
        search={
            "embedding_size": Span(10, 100, log=True),
            "epochs": Span(30, 200, log=True),
            "learning_rate": Span(3e-4, 5e-3, log=True),
            "regularization": Span(5e-3, 0.1, log=True),
        },
        cost_hint=4.0,
        reference="https://sifter.org/~simon/journal/20061211.html",
    ),
    _LIBRARY.model(
        "item-knn",
        target="ItemKNN",
        summary="deviations of similar items",
        options=ItemNeighbourOptions,
        capabilities=_FROM_HISTORY,
        search=_NEIGHBOURS,
        cost_hint=0.5,
        reference="doi:10.1145/963770.963776",
    ),
    _LIBRARY.model(
        "user-knn",
        target="UserKNN",
        summary="deviations of similar users",
        options=NeighbourOptions,
        capabilities=_FROM_HISTORY,
        search=_NEIGHBOURS,
        cost_hint=0.2,
        reference="doi:10.1145/312624.312682",
    ),
    _LIBRARY.model(
        "flexmf",
        target="FlexMF",
        summary="biases and factors by mini-batches in torch",
        options=FlexMFOptions,
        search={
            "embedding_size": Span(8, 128, log=True),
            "learning_rate": Span(2e-3, 5e-2, log=True),
            "epochs": Span(5, 40, log=True),
            "regularization": Span(0.01, 1.0, log=True),
        },
        cost_hint=2.0,
    ),
)

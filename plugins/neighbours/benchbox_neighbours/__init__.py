"""Neighbours: what similar items or users were rated, and groups of them."""

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import Span
from benchbox_neighbours.options import (
    CoClusteringOptions,
    KNNItemOptions,
    KNNUserOptions,
    SlopeOneOptions,
)

_EXACT = Capabilities(
    inductive=True, uses_validation=True, refits=True, stochastic=False
)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer nearest neighbours, Slope One and co-clustering.

    All of them read a user's ratings from their history, so they predict for users who
    were not trained on. For cold users and items, the bias model predicts.
    """
    return [
        ModelSpec(
            name="knn-item",
            target="benchbox_neighbours.knn:KNNItem",
            summary="weighted mean over the most similar items the user rated",
            options=KNNItemOptions,
            capabilities=_EXACT,
            reference="doi:10.1145/1644873.1644874",
            search={
                "k": Span(10, 100, log=True),
                "shrinkage": Span(10.0, 500.0, log=True),
                "damping": Span(0.05, 4.0, log=True),
            },
            cost_hint=0.1,
        ),
        ModelSpec(
            name="knn-user",
            target="benchbox_neighbours.knn:KNNUser",
            summary="weighted mean over the most similar users who rated the item",
            options=KNNUserOptions,
            capabilities=_EXACT,
            reference="doi:10.1145/312624.312682",
            search={
                "k": Span(20, 400, log=True),
                "shrinkage": Span(5.0, 200.0, log=True),
                "damping": Span(0.1, 8.0, log=True),
            },
            cost_hint=0.02,
            by_default=False,
        ),
        ModelSpec(
            name="slope-one",
            target="benchbox_neighbours.slope_one:SlopeOne",
            summary="the user's ratings plus mean differences between items",
            options=SlopeOneOptions,
            presets={"plain": {"shrinkage": 0.0, "damping": 0.0, "shrink": False}},
            capabilities=_EXACT,
            reference="doi:10.1137/1.9781611972757.43",
            search={
                "shrinkage": Span(1.0, 200.0, log=True),
                "damping": Span(0.1, 20.0, log=True),
            },
            cost_hint=0.02,
            by_default=False,
        ),
        ModelSpec(
            name="co-clustering",
            target="benchbox_neighbours.co_clustering:CoClustering",
            summary="means of groups of users and items, found together",
            options=CoClusteringOptions,
            presets={
                "published": {
                    "offsets": "means",
                    "n_user_clusters": 3,
                    "n_item_clusters": 3,
                    "shrink": False,
                }
            },
            capabilities=Capabilities(
                inductive=True, uses_validation=True, refits=True
            ),
            reference="doi:10.1109/ICDM.2005.14",
            search={
                "n_user_clusters": Span(1, 12, log=True),
                "n_item_clusters": Span(1, 12, log=True),
            },
            cost_hint=0.15,
            by_default=False,
        ),
    ]

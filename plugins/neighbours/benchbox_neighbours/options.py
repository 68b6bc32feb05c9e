"""Options of the neighbourhood models."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox import Options

Count = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[float, Meta(ge=0)]


class NeighboursOptions(Options, frozen=True):
    """Options of every model of neighbours.

    Attributes:
        shrink: Whether predictions are pulled towards the bias model's, as far as
            validation ratings ask for; see `benchbox.models.Shrinkage`. For this the
            model is fitted twice.
    """

    shrink: bool = True

    @property
    def asks_validation(self) -> bool:
        """Whether validation ratings are used."""
        return self.shrink


class KNNOptions(NeighboursOptions, frozen=True):
    """Options of both nearest-neighbour models, in addition to those of every model.

    Attributes:
        k: Largest number of neighbours that a prediction averages over.
        shrinkage: Number of pseudo-ratings in common that pull a similarity towards 0.
        min_overlap: Those with fewer ratings in common are no neighbours.
        damping: Similarity of a pseudo-neighbour that agrees with the bias model. With
            few or distant neighbours, predictions are therefore close to the bias
            model's.
    """

    k: Count = 40
    shrinkage: NotNegative = 100.0
    min_overlap: Count = 2
    damping: NotNegative = 0.0


class KNNItemOptions(KNNOptions, frozen=True):
    """Options of ``knn-item``, in addition to those of both.

    Attributes:
        n_candidates: Largest number of neighbours to store per item.
    """

    # The lowest validation RMSE on ML-100K (three validation sets of a tenth of u1's
    # training part each). `n_candidates` bounds the memory.
    k: Count = 30
    shrinkage: NotNegative = 100.0
    damping: NotNegative = 0.5
    n_candidates: Count = 500


class KNNUserOptions(KNNOptions, frozen=True):
    """Options of ``knn-user``: those of both."""

    # Chosen like those of knn-item.
    k: Count = 80
    shrinkage: NotNegative = 30.0
    damping: NotNegative = 1.0


class SlopeOneOptions(NeighboursOptions, frozen=True):
    """Options of ``slope-one``, in addition to those of every model.

    Attributes:
        shrinkage: The difference between two items that *c* users have rated has the
            weight ``c / (c + shrinkage)``. With 0, all have the same weight.
        damping: Weight of a pseudo-item that agrees with the bias model.
    """

    # Chosen like those of knn-item.
    shrinkage: NotNegative = 100.0
    damping: NotNegative = 10.0


class CoClusteringOptions(NeighboursOptions, frozen=True):
    """Options of ``co-clustering``, in addition to those of every model.

    Attributes:
        n_user_clusters: Number of clusters of users.
        n_item_clusters: Number of clusters of items.
        epochs: Number of times that users and items are assigned to clusters.
        offsets: Offsets of users and items: those of the ``bias`` model, or their
            ``means``, as published.
    """

    # By validation RMSE, as for knn-item: more clusters overfit.
    n_user_clusters: Count = 2
    n_item_clusters: Count = 2
    epochs: Count = 20
    offsets: Literal["bias", "means"] = "bias"

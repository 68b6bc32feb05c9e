"""Options of the embedding models: those they share, and those of each head."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox.models.training import (
    Activation,
    Centring,
    Count,
    Layers,
    NotNegative,
    Positive,
    Schedule,
    Share,
    TrainingOptions,
)

Side = Literal["users", "items"]


class EmbeddingOptions(TrainingOptions, frozen=True):
    """Options of every embedding model, in addition to `TrainingOptions`.

    Here ``batch_size`` is a number of ratings.

    Attributes:
        n_factors: Length of each user's and item's embedding.
        centring: What is subtracted from ratings before training and added back later:
            the ``bias`` model, the global ``mean``, or ``none``.
        weight_decay: L2 penalty on embeddings and weights, not on offsets: half of it
            times the sum of their squares is added to the loss, which is a mean over
            the batch. All embeddings decay at every step, whether used or not, so those
            of rare users and items stay near 0.
        l1: L1 penalty: the sum of all parameters' absolute values, times this number,
            is added to the loss.
        negative_ratio: Number of negatives per rating, drawn again in each epoch. A
            negative is an item the user has not rated, with a target rating of 0. They
            teach the model who rates what, but ratings are predicted worse: an unrated
            item is not an item rated 0, and all predictions become lower.
    """

    n_factors: Count = 16
    centring: Centring = "mean"
    negative_ratio: NotNegative = 0.0
    l1: NotNegative = 0.0
    batch_size: Count = 2048


class BiasedMFSGDOptions(EmbeddingOptions, frozen=True):
    """Options of ``biased-mf-sgd``: those of every embedding model."""

    # Near the lowest validation RMSE on ML-100K (validation sets of a tenth of u1's
    # training part) and ml-latest-small. 24 factors gain 0.001. An L2 penalty per
    # rating, instead of per step, is as good. Centred by the mean, with a learning rate
    # of 0.012, the validation RMSE is the same on both, and 0.3 % higher on synthetic
    # ratings of the shape of Jester; where ratings are few, the offsets overfit.
    centring: Centring = "bias"
    learning_rate: Positive = 0.008
    weight_decay: NotNegative = 3e-4
    epochs: Count = 30
    patience: Annotated[int, Meta(ge=0)] = 3


class NeuralCFOptions(EmbeddingOptions, frozen=True):
    """Options of ``neural-cf``, in addition to those of every embedding model.

    Attributes:
        hidden_units: Width of each hidden layer, as in ``40`` or ``80-40-20``.
        activation: Activation of the hidden layers.
        output_activation: Activation of the last layer, whose output is a centred,
            scaled rating.
        dropout: Share of hidden units that are set to 0 while training.
        side_features: Features used in addition to the embeddings: of ``users``, of
            ``items``, or of both, as ``users-items``.
    """

    # The lowest validation RMSE among some 600 settings, measured as above: 0.931 on
    # ML-100K and 0.856 on ml-latest-small, averaged over three seeds. A high learning
    # rate that soon falls reaches in 12 epochs what a low one reaches in 30. Centring
    # by the bias model leaves little but noise; dropout, more layers and wider layers
    # gain nothing.
    n_factors: Count = 32
    hidden_units: Layers = (16,)
    activation: Activation = "swish"
    output_activation: Activation = "identity"
    dropout: Share = 0.0
    side_features: tuple[Side, ...] = ()
    learning_rate: Positive = 0.055
    schedule: Schedule = "step"
    schedule_epochs: Count = 2
    schedule_factor: Annotated[float, Meta(gt=0, lt=1)] = 0.6
    weight_decay: NotNegative = 2.8e-4
    batch_size: Count = 4096
    epochs: Count = 12
    patience: Annotated[int, Meta(ge=0)] = 2

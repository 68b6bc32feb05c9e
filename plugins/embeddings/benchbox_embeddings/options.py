"""Options of the embedding models: what the engine shares, and what each head adds."""

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
    """Options of every embedding model.

    To those of `TrainingOptions`, whose ``batch_size`` counts ratings here, they add:

    Attributes:
        n_factors: Length of each user's and item's embedding.
        centring: What is subtracted from ratings before training and put back after:
            the bias model, the global mean, or nothing (raw).
        weight_decay: Ridge on embeddings and weights, not on offsets; ``decay / 2``
            times the sum of their squares is added to the loss, which is a mean over
            the batch. Every embedding decays at every step, used or not, so that
            rare users and items stay near 0.
        l1: Times the sum of all parameters' absolute values, added to the loss.
        negative_ratio: Negatives per rating and epoch, drawn anew in each: an item the
            user has not rated, with target 0 on the scale of the ratings. It teaches
            who rates what. Ratings are predicted worse, for unrated items are no
            items rated 0: all predictions sink.
    """

    n_factors: Count = 16
    centring: Centring = "mean"
    negative_ratio: NotNegative = 0.0
    l1: NotNegative = 0.0
    batch_size: Count = 2048


class BiasedMFSGDOptions(EmbeddingOptions, frozen=True):
    """Options of ``biased-mf-sgd``: those of every embedding model."""

    # Near the lowest validation RMSE on ML-100K (three tenths carved from u1's training
    # part: 0.923, the bias model 0.944) and ml-latest-small (0.849, 0.865); half as
    # many factors again gain 0.001. A ridge counted by rating instead does as well.
    learning_rate: Positive = 0.012
    weight_decay: NotNegative = 3e-4
    epochs: Count = 30
    patience: Annotated[int, Meta(ge=0)] = 3


class NeuralCFOptions(EmbeddingOptions, frozen=True):
    """Options of ``neural-cf``.

    To those of every embedding model they add:

    Attributes:
        hidden_units: Width of each hidden layer, as in ``40`` or ``80-40-20``.
        activation: Of the hidden layers.
        output_activation: Of the last layer; it acts on centred, scaled ratings.
        dropout: Share of hidden units silenced while training.
        side_features: Whose features enter beside the embeddings: ``users``,
            ``items``, or both as ``users-items``.
    """

    # By validation RMSE as above, among some 600 choices: 0.931 on ML-100K and 0.856 on
    # ml-latest-small, averaged over three seeds. Long steps that soon get shorter reach
    # in 12 epochs what short ones reach in 30. The bias model as the centre leaves
    # little but noise; dropout, more layers and wider ones gain nothing.
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

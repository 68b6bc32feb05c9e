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
RowOptimizer = Literal[
    "adam", "adamw", "rmsprop", "sgd", "row-sgd", "row-adagrad", "row-adam"
]


class EmbeddingOptions(TrainingOptions, frozen=True):
    """Options of every embedding model, in addition to `TrainingOptions`.

    Here ``batch_size`` is a number of ratings, and ``optimizer`` may also be one that
    moves only the rows (embeddings and offsets) of users and items that a step's
    ratings name. Its steps cost the same however many others there are. With *g* half
    the gradient of the summed squared errors of these ratings by a row, and
    *learning_rate* as ``a``:

    - ``row-sgd`` subtracts ``a g``, without momentum.
    - ``row-adagrad`` subtracts ``a g / sqrt(s)``, where ``s`` is the sum of the mean
      squares of all the row's gradients so far.
    - ``row-adam`` is Adam as if the steps that name a row were all there are: moments
      do not fade in others, and bias is corrected by the row's own number of steps. It
      keeps one mean square per row.

    The mean squares of an offset are its own. Penalties are spread over the ratings of
    a row, so that an epoch pays for them once: a step that names it *c* times divides
    its embedding by ``1 + c p a / sqrt(s)`` (an implicit step, stable for any penalty).
    The perceptron takes steps of ``sgd`` without momentum, Adagrad or Adam.
    The other optimizers move all rows at every step, which costs more the more there
    are.

    Attributes:
        optimizer: ``row-sgd``, ``row-adagrad`` and ``row-adam`` move the rows that a
            step names; ``adam``, ``adamw``, ``rmsprop`` and ``sgd`` (with momentum 0.9)
            move all.
        ridge: L2 penalty on embeddings and weights, not on offsets: half of it times
            the sum of their squares is added to half the sum of all squared errors.
            Unlike ``weight_decay``, it does not depend on the number of ratings.
        ridge_per: Whether an embedding pays the ``ridge`` once per ``row`` or once per
            ``rating`` of it; the latter needs an optimizer that moves rows.
        n_factors: Length of each user's and item's embedding.
        centring: What is subtracted from ratings before training and added back later:
            the ``bias`` model, the global ``mean``, or ``none``.
        weight_decay: L2 penalty on embeddings and weights, not on offsets: half of it
            times the sum of their squares is added to the loss, which is a mean over
            the batch. Embeddings of rare users and items stay near 0, because all pay
            the same.
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
    batch_size: Annotated[int, Meta(ge=0)] = 2048
    optimizer: RowOptimizer = "adam"  # type: ignore[assignment]
    ridge: NotNegative = 0.0
    ridge_per: Literal["row", "rating"] = "row"

    def __post_init__(self) -> None:
        """Refuse a ridge per rating where all rows move at every step."""
        if self.ridge_per == "rating" and not self.optimizer.startswith("row-"):
            raise ValueError(
                "ridge_per=rating needs optimizer=row-sgd, row-adagrad or row-adam, "
                f"not {self.optimizer}"
            )


class BiasedMFSGDOptions(EmbeddingOptions, frozen=True):
    """Options of ``biased-mf-sgd``: those of every embedding model.

    Attributes:
        batch_size: Number of ratings per step; 0 for one where an optimizer moves
            rows on the CPU, and else 2,048.
    """

    # The lowest validation RMSE of those tried, on ML-100K (a tenth of u1's training
    # part) and on ml-latest-small: lower than that of Adam on all rows, of row-adagrad
    # and of a ridge per rating. row-sgd needs a larger start than embeddings have here.
    centring: Centring = "bias"
    optimizer: RowOptimizer = "row-adam"
    learning_rate: Positive = 0.003
    ridge: NotNegative = 13.0
    batch_size: Annotated[int, Meta(ge=0)] = 0
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

    # The lowest validation RMSE of Adam on all rows among those tried, measured as
    # above; row-adam at the same settings is as good. A high learning rate that soon
    # falls reaches in 12 epochs what a low one reaches in 30. Centring by the bias
    # model leaves little but noise; dropout, more layers and wider layers gain nothing.
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
    optimizer: RowOptimizer = "row-adam"
    ridge: NotNegative = 6.0
    batch_size: Annotated[int, Meta(ge=1)] = 4096
    epochs: Count = 12
    patience: Annotated[int, Meta(ge=0)] = 2

"""Options of training by gradient descent; this module does not import torch."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox.options import Options

Activation = Literal[
    "identity", "sigmoid", "tanh", "relu", "relu6", "leaky-relu", "elu", "selu", "swish"
]
"""Name of a function that each unit applies."""

Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]
"""Name of a rule that changes weights by their gradients."""

Centring = Literal["bias", "mean", "none"]
"""What is subtracted from ratings first: the bias model, their mean, or nothing."""

Schedule = Literal["constant", "plateau", "step"]
"""How the learning rate changes over epochs."""


Count = Annotated[int, Meta(ge=1)]
"""An option that counts something: 1 or more."""

Layers = Annotated[tuple[Count, ...], Meta(min_length=1)]
"""An option with the number of units of each layer."""

Share = Annotated[float, Meta(ge=0, lt=1)]
"""An option that is a share: from 0, below 1."""

Positive = Annotated[float, Meta(gt=0)]
"""An option above 0."""

NotNegative = Annotated[float, Meta(ge=0)]
"""An option of 0 or more."""


class TrainingOptions(Options, frozen=True):
    """Options of all models trained by gradient descent; inherit from this class.

    Attributes:
        optimizer: Optimizer; ``sgd`` has momentum 0.9.
        learning_rate: Initial learning rate.
        schedule: When the learning rate falls: ``plateau``, when the validation error
            (or the loss, without validation) has not fallen for ``schedule_epochs``
            epochs; ``step``, every ``schedule_epochs`` epochs; ``constant``, never.
        schedule_epochs: Number of epochs in ``schedule``.
        schedule_factor: Factor by which ``schedule`` multiplies the learning rate.
        weight_decay: L2 penalty on all weights, but not on offsets. ``adam``,
            ``rmsprop`` and ``sgd`` add it to the gradient; ``adamw`` decouples it.
        batch_size: Number of rows or ratings per step.
        epochs: Maximum number of passes over the ratings.
        patience: Number of epochs to wait for the validation error to fall by a
            ten-thousandth before training stops; the best epoch is used. With 0, all
            epochs are trained, and the last is used.
        shrink: Whether predictions are pulled towards the bias model's, as far as the
            validation ratings ask for; see `benchbox.models.Shrinkage`. With a
            ``patience`` of 0 there are no validation ratings, and nothing is pulled.
    """

    optimizer: Optimizer = "adam"
    learning_rate: Positive = 1e-3
    schedule: Schedule = "constant"
    schedule_epochs: Count = 10
    schedule_factor: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    weight_decay: NotNegative = 0.0
    batch_size: Count = 128
    epochs: Count = 50
    patience: Annotated[int, Meta(ge=0)] = 4
    shrink: bool = True

    @property
    def asks_validation(self) -> bool:
        """Whether the number of epochs is chosen by validation."""
        return self.patience > 0

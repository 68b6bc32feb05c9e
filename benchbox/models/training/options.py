"""Options of training by gradient steps; no torch is imported here."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox.options import Options

Activation = Literal[
    "identity", "sigmoid", "tanh", "relu", "relu6", "leaky-relu", "elu", "selu", "swish"
]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]
Centring = Literal["bias", "mean", "none"]
Schedule = Literal["constant", "plateau", "step"]

Count = Annotated[int, Meta(ge=1)]
Layers = Annotated[tuple[Count, ...], Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class TrainingOptions(Options, frozen=True):
    """Options of every model that learns by gradient steps; inherit and extend them.

    Attributes:
        optimizer: Rule of the steps; ``sgd`` has momentum 0.9.
        learning_rate: Length of the steps, at first.
        schedule: How the learning rate falls: ``plateau``, when the validation error,
            or without one the loss, has not fallen for ``schedule_epochs`` epochs;
            ``step``, every ``schedule_epochs`` epochs; or not at all.
        schedule_epochs: See there.
        schedule_factor: What the learning rate is then multiplied by.
        weight_decay: Ridge on all weights, not on offsets. ``adam``, ``rmsprop`` and
            ``sgd`` couple it to the gradient; ``adamw`` does not.
        batch_size: Rows, or ratings, per step.
        epochs: Passes over the ratings, at most.
        patience: Epochs without a validation error lower by a ten-thousandth before
            training ends; the best epoch of all is kept. With 0, all epochs are
            trained, and the last is kept.
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

    @property
    def asks_validation(self) -> bool:
        """Whether the number of epochs is chosen, or given."""
        return self.patience > 0

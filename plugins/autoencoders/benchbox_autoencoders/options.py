"""Options of the autoencoders: one record, and the defaults of the stacked one."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox import Options

Activation = Literal[
    "identity", "sigmoid", "tanh", "relu", "relu6", "leaky-relu", "elu", "selu", "swish"
]
OutputActivation = Literal["identity", "sigmoid", "tanh"]
Centring = Literal["bias", "mean", "none"]
Route = Literal["dense", "sparse"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]

Count = Annotated[int, Meta(ge=1)]
Layers = Annotated[tuple[Count, ...], Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]


class AutoencoderOptions(Options, frozen=True):
    """Options of every autoencoder, with the defaults of both AutoRecs.

    Attributes:
        hidden_units: Width of each hidden layer, as in ``300`` or ``300-100-300``.
        activation: Of the hidden layers.
        output_activation: Of the last layer; it acts on centred, scaled ratings.
        centring: What is subtracted from ratings before they enter and before they
            are targets: the bias model, the global mean, or nothing.
        input_dropout: Share of the ratings hidden from the encoder while training.
            They stay targets, so the model learns to predict, not to copy.
        dropout: Share of hidden units silenced while training.
        optimizer: Rule of the steps; ``sgd`` has momentum 0.9.
        learning_rate: Length of the steps.
        weight_decay: Ridge on all weights, not on offsets. ``adam``, ``rmsprop`` and
            ``sgd`` couple it to the gradient, as AutoRec's lambda; ``adamw`` does not.
        batch_size: Rows per step.
        epochs: Passes over the rows, at most.
        patience: Epochs without a better validation error before training ends.
        route: Whether steps multiply whole rows, or rated cells alone; the loss is the
            same. ``auto`` takes the faster one for the density at hand.
    """

    # Chosen by validation RMSE, three tenths carved from the training part of ML-100K's
    # u1 and one from ml-latest-small, for rows of users and of items alike. The error
    # is flat around them; 50 units do as well as 100 and 200, in less time.
    hidden_units: Layers = (50,)
    activation: Activation = "sigmoid"
    output_activation: OutputActivation = "identity"
    centring: Centring = "bias"
    input_dropout: Share = 0.3
    dropout: Share = 0.0
    optimizer: Optimizer = "adam"
    learning_rate: Annotated[float, Meta(gt=0)] = 4e-3
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-3
    batch_size: Count = 128
    epochs: Count = 60
    patience: Count = 4
    route: Literal["auto", "dense", "sparse"] = "auto"


class StackedOptions(AutoencoderOptions, frozen=True):
    """Options of ``stacked-autoencoder``: those of every autoencoder."""

    # Chosen as above, among bottlenecks of 10 to 100 units and six activations.
    hidden_units: Layers = (50, 20, 50)
    activation: Activation = "tanh"
    dropout: Share = 0.1
    optimizer: Optimizer = "adamw"
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-3
    weight_decay: Annotated[float, Meta(ge=0)] = 10.0

"""Options of the autoencoders: one record, and the defaults of the stacked one."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox.models.training import (
    Activation,
    Centring,
    Count,
    Layers,
    NotNegative,
    Optimizer,
    Positive,
    Share,
    TrainingOptions,
)

OutputActivation = Literal["identity", "sigmoid", "tanh"]
Route = Literal["dense", "sparse"]
SideInput = Literal["attributes", "tastes"]


class AutoencoderOptions(TrainingOptions, frozen=True):
    """Options of every autoencoder, with the defaults of both AutoRecs.

    To those of `TrainingOptions`, whose ``batch_size`` counts rows here, they add:

    Attributes:
        hidden_units: Width of each hidden layer, as in ``300`` or ``300-100-300``.
        activation: Of the hidden layers.
        output_activation: Of the last layer; it acts on centred, scaled ratings.
        tied: Whether the decoder uses the encoder's weights, transposed; the hidden
            layers must then read the same from both ends.
        centring: What is subtracted from ratings before they enter and before they
            are targets: the bias model, the global mean, or nothing (raw).
        side_inputs: What enters beside the ratings: ``attributes``, the features of
            the row's own user or item; ``tastes``, how many of the row's ratings in
            the upper half of the scale go to each feature of the other side.
        input_dropout: Share of the ratings hidden from the encoder while training.
            They stay targets, so the model learns to predict, not to copy.
        input_noise: Standard deviation of the noise on the ratings the encoder is
            given while training, in units of the centred ratings' own.
        dropout: Share of hidden units silenced while training.
        activity_l1: Times the sum of hidden units' absolute values, averaged over the
            batch's rows, added to the loss: few units then answer to a row.
        refeeding: Steps more per batch, with the output just made as the input and
            the ratings as targets still (Kuchaiev & Ginsburg, 2017).
        route: Whether steps multiply whole rows, or rated cells alone; the loss is the
            same. ``auto`` takes the faster one for the density at hand.
    """

    # Chosen by validation RMSE, three tenths carved from the training part of ML-100K's
    # u1 and one from ml-latest-small, for rows of users and of items alike. The error
    # is flat around them; 50 units do as well as 100 and 200, in less time.
    hidden_units: Layers = (50,)
    activation: Activation = "sigmoid"
    output_activation: OutputActivation = "identity"
    tied: bool = False
    centring: Centring = "bias"
    side_inputs: tuple[SideInput, ...] = ()
    input_dropout: Share = 0.3
    input_noise: NotNegative = 0.0
    dropout: Share = 0.0
    activity_l1: NotNegative = 0.0
    refeeding: Annotated[int, Meta(ge=0)] = 0
    learning_rate: Positive = 4e-3
    weight_decay: NotNegative = 1e-3
    batch_size: Count = 128
    epochs: Count = 60
    patience: Annotated[int, Meta(ge=0)] = 4
    route: Literal["auto", "dense", "sparse"] = "auto"

    def __post_init__(self) -> None:
        if len(set(self.side_inputs)) < len(self.side_inputs):
            raise ValueError(f"side_inputs names one twice: {self.side_inputs}")
        if self.tied and self.hidden_units != self.hidden_units[::-1]:
            widths = "-".join(map(str, self.hidden_units))
            raise ValueError(
                f"tied weights need hidden_units that read the same from both ends, "
                f"not {widths}"
            )


class StackedOptions(AutoencoderOptions, frozen=True):
    """Options of ``stacked-autoencoder``: those of every autoencoder."""

    # Chosen as above, among bottlenecks of 10 to 100 units and six activations.
    hidden_units: Layers = (50, 20, 50)
    activation: Activation = "tanh"
    dropout: Share = 0.1
    optimizer: Optimizer = "adamw"
    learning_rate: Positive = 3e-3
    weight_decay: NotNegative = 10.0

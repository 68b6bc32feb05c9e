"""Options of the autoencoders, and the defaults of the stacked one."""

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
    """Options of every autoencoder, in addition to `TrainingOptions`.

    Here ``batch_size`` is a number of rows. The defaults are those of the two AutoRecs.

    Attributes:
        hidden_units: Width of each hidden layer, as in ``300`` or ``300-100-300``.
        activation: Activation of the hidden layers.
        output_activation: Activation of the last layer, whose output is a centred,
            scaled rating.
        initial_weights: How weights start: ``rated``, the first layer's by the number
            of ratings per row, and the last layer's at 0 unless tied; ``xavier``, those
            of every layer by its widths (Glorot & Bengio, 2010).
        tied: Whether the decoder uses the transposed weights of the encoder. The widths
            in ``hidden_units`` must then be symmetric.
        centring: What is subtracted from ratings, as inputs and as targets: the
            ``bias`` model, the global ``mean``, or ``none``.
        side_inputs: Inputs in addition to the ratings: ``attributes``, the features of
            the row's user or item; ``tastes``, for each feature of the other side, the
            number of the row's ratings that are in the upper half of the scale.
        input_dropout: Share of ratings hidden from the encoder while training. They
            remain targets, so the model learns to predict, not to copy.
        input_noise: Standard deviation of the noise added to the encoder's inputs while
            training, in units of the standard deviation of centred ratings.
        dropout: Share of hidden units that are set to 0 while training.
        activity_l1: L1 penalty on hidden units: the sum of their absolute values,
            averaged over the rows of a batch, times this number, is added to the loss.
            So few units are active for each row.
        refeeding: Number of additional steps per batch with the latest output as the
            input and the ratings still as the targets (Kuchaiev & Ginsburg, 2017).
        route: Whether steps multiply whole rows (``dense``) or only rated cells
            (``sparse``); the loss is the same. ``auto`` takes what is faster for the
            density of the ratings.
    """

    # Chosen by validation RMSE, for rows of users and of items, on three validation
    # sets of a tenth of the training part of ML-100K's u1 each, and one of
    # ml-latest-small. The error hardly depends on them; 50 units are as good as 100
    # and 200, and faster.
    hidden_units: Layers = (50,)
    activation: Activation = "sigmoid"
    output_activation: OutputActivation = "identity"
    initial_weights: Literal["rated", "xavier"] = "rated"
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
            raise ValueError(f"side_inputs has a duplicate: {self.side_inputs}")
        if self.tied and self.hidden_units != self.hidden_units[::-1]:
            widths = "-".join(map(str, self.hidden_units))
            raise ValueError(
                f"tied weights need symmetric hidden_units, such as 50-20-50, "
                f"not {widths}"
            )


class StackedOptions(AutoencoderOptions, frozen=True):
    """Options of ``stacked-autoencoder``: those of every autoencoder."""

    # Chosen in the same way, among bottlenecks of 10 to 100 units and six activations.
    hidden_units: Layers = (50, 20, 50)
    activation: Activation = "tanh"
    dropout: Share = 0.1
    optimizer: Optimizer = "adamw"
    learning_rate: Positive = 3e-3
    weight_decay: NotNegative = 10.0

"""Options of the kernel autoencoders."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox.models.training import (
    Activation,
    Centring,
    Count,
    Layers,
    NotNegative,
    Positive,
)
from benchbox.options import Options


class SparseFCOptions(Options, frozen=True):
    """Options of ``sparse-fc``.

    All ratings are one batch. Penalties are in units of half the sum of squared errors,
    as published.

    Attributes:
        hidden_units: Width of each hidden layer, as in ``500-500``.
        kernel_dims: Number of dimensions of the space in which units have places.
        activation: Activation of the hidden layers.
        centring: What is subtracted from ratings, as inputs and as targets: the
            ``bias`` model, the global ``mean``, or ``none``. What remains is divided by
            its standard deviation, unless nothing is subtracted.
        level: Added to centred ratings: how many standard deviations an average rating
            lies above a missing one, which is read as 0.
        weight_decay: L2 penalty on weights, before they are multiplied by kernels:
            half of it times their squares is added to the loss.
        kernel_decay: L2 penalty on kernels, in the same way. The larger it is, the
            fewer pairs of units are connected.
        learning_rate: Initial change of every number per step of Rprop.
        steps: Number of steps per epoch.
        epochs: Maximum number of epochs.
        patience: Number of epochs to wait for the validation error to fall by a
            ten-thousandth before training stops; the best epoch is used. With 0, all
            epochs are trained, and the last is used.
        shrink: Whether predictions are pulled towards the bias model's, as far as the
            validation ratings ask for; see `benchbox.models.Shrinkage`. With a
            ``patience`` of 0 there are no validation ratings, and nothing is pulled.
    """

    # Chosen by validation RMSE, on a random tenth of the training part of ML-100K's u1.
    # 200 units per layer are as good as the published 500. Centred ratings without a
    # level are worse by 0.02.
    hidden_units: Layers = (200, 200)
    kernel_dims: Count = 5
    activation: Activation = "sigmoid"
    centring: Centring = "mean"
    level: float = 3.0
    weight_decay: NotNegative = 15.0
    kernel_decay: NotNegative = 0.006
    learning_rate: Positive = 1e-3
    steps: Count = 5
    epochs: Count = 60
    patience: Annotated[int, Meta(ge=0)] = 6
    shrink: bool = True

    @property
    def asks_validation(self) -> bool:
        """Whether the number of epochs is chosen by validation."""
        return self.patience > 0


class GLocalKOptions(SparseFCOptions, frozen=True):
    """Options of ``glocal-k``: those of ``sparse-fc``, and of the global kernel.

    Attributes:
        pretraining: Number of the first epochs, in which ratings are read as they are;
            in later ones they are read through the global kernel.
        global_start: How the global kernel starts: ``identity``, so that it changes
            nothing at first, or ``random``, as published.
        global_scale: Factor of the global kernel. A large one lets it change quickly.
    """

    pretraining: Annotated[int, Meta(ge=0)] = 12
    global_start: Literal["identity", "random"] = "identity"
    global_scale: Positive = 1.0

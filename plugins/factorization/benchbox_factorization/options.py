"""Options of the factorization models."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox import Options

Count = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[float, Meta(ge=0)]


class SVDOptions(Options, frozen=True):
    """Options of ``svd``.

    Attributes:
        n_factors: Singular values kept; no more than the matrix has.
        fill: What stands in for a missing rating: the ``bias`` model's prediction,
            or ``zero``, which drags every prediction towards 0.
    """

    # Lowest validation RMSE among 5, 10, 20 and 40, averaged over ML-100K (three
    # tenths carved from u1's training part) and ml-latest-small.
    n_factors: Count = 10
    fill: Literal["bias", "zero"] = "bias"


class BiasedMFOptions(Options, frozen=True):
    """Options of ``biased-mf``.

    Attributes:
        n_factors: Length of each user's and item's factor vector.
        damping: Ridge on a factor vector, whatever its number of ratings.
        weight_decay: Ridge on a factor vector per rating (weighted lambda).
        user_damping: Ridge on a user's bias.
        item_damping: Ridge on an item's bias.
        epochs: How often both sides are solved.
    """

    # Near the lowest validation RMSE on ML-100K (three tenths carved from u1's
    # training part) and ml-latest-small; the error is flat around them. Twice the
    # factors gain at most 0.001, on the smaller one, for three times the seconds.
    n_factors: Count = 8
    damping: Annotated[float, Meta(gt=0)] = 8.0
    weight_decay: NotNegative = 0.05
    user_damping: NotNegative = 5.0
    item_damping: NotNegative = 2.0
    epochs: Count = 8


class BayesianMFOptions(Options, frozen=True):
    """Options of ``bayesian-mf``.

    Attributes:
        n_factors: Length of each user's and item's factor vector.
        epochs: Sweeps of the sampler that predictions may average over.
        burn_in: Sweeps before these, to be forgotten.
        thin: Of how many sweeps one is kept; the last always is.
        prior_spread: Standard deviation of biases and factors that the prior expects,
            in units of the ratings' own.
    """

    # By validation RMSE on ML-100K (four tenths carved from u1's training part), where
    # more factors, sweeps or samples gain less than 0.001. A narrower prior gains as
    # little there, and loses 0.005 on synthetic ratings with stronger interactions.
    n_factors: Count = 8
    epochs: Count = 100
    burn_in: Annotated[int, Meta(ge=0)] = 10
    thin: Count = 3
    prior_spread: Annotated[float, Meta(gt=0)] = 0.15

"""Options of the factorization models."""

from typing import Annotated, Literal

from msgspec import Meta

from benchbox import Options

Count = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[float, Meta(ge=0)]


class FactorizationOptions(Options, frozen=True):
    """Options of every factorization model; penalties are for standardised ratings.

    Attributes:
        shrink: Whether predictions are pulled towards the bias model's, as far as
            validation ratings ask for; see `benchbox.models.Shrinkage`. For this the
            model is fitted twice.
    """

    shrink: bool = True

    @property
    def asks_validation(self) -> bool:
        """Whether validation ratings are used."""
        return self.shrink


class SVDOptions(FactorizationOptions, frozen=True):
    """Options of ``svd``, in addition to those of every factorization model.

    Attributes:
        n_factors: Number of singular values, at most as many as the matrix has.
        fill: Value of missing ratings: the prediction of the ``bias`` model, or
            ``zero``, which pulls every prediction towards 0.
    """

    # The lowest validation RMSE among 5, 10, 20 and 40, averaged over ML-100K (three
    # validation sets of a tenth of u1's training part each) and ml-latest-small.
    n_factors: Count = 10
    fill: Literal["bias", "zero"] = "bias"

    @property
    def asks_validation(self) -> bool:
        """Whether validation ratings are used; filled with zeros, it stays as it is."""
        return self.shrink and self.fill == "bias"

    @property
    def set_aside(self) -> frozenset[str]:
        """With zeros, ``shrink`` has no effect."""
        return frozenset() if self.fill == "bias" else frozenset({"shrink"})


class BiasedMFOptions(FactorizationOptions, frozen=True):
    """Options of ``biased-mf``, in addition to those of every factorization model.

    Attributes:
        n_factors: Length of each user's and item's factor vector.
        damping: L2 penalty on a factor vector, independent of its number of ratings.
        weight_decay: L2 penalty on a factor vector per rating (weighted lambda).
        user_damping: L2 penalty on a user's bias; ``null``, the default, takes that of
            the bias model, which is fitted to the training ratings.
        item_damping: The same for an item's bias.
        epochs: Number of times that both sides are solved.
    """

    # Near the lowest validation RMSE on ML-100K (three validation sets of a tenth of
    # u1's training part each) and ml-latest-small, where the error hardly depends on
    # them. Twice as many factors gain at most 0.001, on the smaller data set, and take
    # three times as long.
    n_factors: Count = 8
    damping: Annotated[float, Meta(gt=0)] = 7.0
    weight_decay: NotNegative = 0.045
    user_damping: NotNegative | None = None
    item_damping: NotNegative | None = None
    epochs: Count = 8


class BayesianMFOptions(FactorizationOptions, frozen=True):
    """Options of ``bayesian-mf``, in addition to those of every factorization model.

    Attributes:
        n_factors: Length of each user's and item's factor vector.
        epochs: Number of sweeps of the sampler after the burn-in.
        burn_in: Number of sweeps before these, which are discarded.
        thin: Predictions average over every ``thin``-th sweep, and always the last.
        prior_spread: Standard deviation of biases and factors under the prior, as a
            multiple of the standard deviation of the ratings.
    """

    # By validation RMSE on ML-100K (four validation sets of a tenth of u1's training
    # part each), where more factors, sweeps or samples gain less than 0.001. A narrower
    # prior gains as little there, and loses 0.005 on synthetic ratings with stronger
    # interactions.
    n_factors: Count = 8
    epochs: Count = 100
    burn_in: Annotated[int, Meta(ge=0)] = 10
    thin: Count = 3
    prior_spread: Annotated[float, Meta(gt=0)] = 0.15


class BayesianFMOptions(FactorizationOptions, frozen=True):
    """Options of ``bayesian-fm``, in addition to those of every factorization model.

    With ``shrink``, validation ratings also choose the number of sweeps: where there
    are fewer ratings than coefficients, the chain slowly moves to where it explains all
    ratings. With an ordered probit they choose nothing else.

    Attributes:
        n_factors: Length of each coefficient's factor vector.
        epochs: Number of sweeps of the sampler after the burn-in.
        burn_in: Number of sweeps before these, which are discarded.
        thin: Predictions average over every ``thin``-th sweep, and always the last.
        history: Which ratings are facts: ``none``; ``user``, the items that the user
            has rated; or ``both``, also the users who have rated the item.
        time: Whether the day of a rating is a fact. Then the model is told when each
            question is asked.
        side: Whether static features of users and items are facts.
        likelihood: ``gaussian``, or ``ordered-probit``, which takes ratings as ordered
            steps, and predicts a probability for each.
    """

    # The settings of the reference, myFM with 10 factors and 300 sweeps. Where the
    # chain starts was chosen by validation RMSE on ML-100K (a tenth of u1's training
    # part): it matters with features, which gain nothing if it starts wide.
    n_factors: Count = 10
    epochs: Count = 280
    burn_in: Annotated[int, Meta(ge=0)] = 20
    thin: Count = 4
    history: Literal["none", "user", "both"] = "both"
    time: bool = False
    side: bool = False
    likelihood: Literal["gaussian", "ordered-probit"] = "gaussian"

    @property
    def unused_capabilities(self) -> frozenset[str]:
        """Times without ``time``, and features without ``side``."""
        needs = {"uses_question_times": self.time, "uses_features": self.side}
        return frozenset(name for name, needed in needs.items() if not needed)


class GradientOptions(FactorizationOptions, frozen=True):
    """Options of ``svdpp`` and ``asymmetric-svd``, in addition to those of every model.

    Attributes:
        n_factors: Length of each vector.
        centring: What is subtracted from ratings before training: the prediction of the
            ``bias`` model, or the ``mean``, so that all of the offsets are learned.
        learning_rate: Size of a step, for residuals with standard deviation 1.
        weight_decay: L2 penalty per rating on every offset and vector in its
            prediction.
        start_spread: Standard deviation of the vectors before training.
        epochs: Maximum number of passes over the ratings.
        patience: Number of epochs to wait for the validation error to fall before
            training stops; the best epoch is used. With 0, all epochs are trained, and
            ``shrink`` has no effect.
    """

    n_factors: Count = 20
    centring: Literal["bias", "mean"] = "bias"
    learning_rate: Annotated[float, Meta(gt=0)] = 0.01
    weight_decay: NotNegative = 0.08
    start_spread: Annotated[float, Meta(gt=0)] = 0.03
    # In the first epochs, while vectors are still small, the error hardly falls.
    epochs: Count = 60
    patience: Annotated[int, Meta(ge=0)] = 20

    @property
    def asks_validation(self) -> bool:
        """Whether validation ratings are used."""
        return self.patience > 0

    @property
    def set_aside(self) -> frozenset[str]:
        """Without validation ratings, ``shrink`` has no effect."""
        return frozenset() if self.patience else frozenset({"shrink"})


class SVDPlusPlusOptions(GradientOptions, frozen=True):
    """Options of ``svdpp``."""

    # The lowest validation RMSE on ML-100K (a tenth of u1's training part): 0.904,
    # where the bias model has 0.933. 50 factors gain nothing.


class AsymmetricSVDOptions(GradientOptions, frozen=True):
    """Options of ``asymmetric-svd``."""

    # Chosen like those of svdpp: 0.900.
    learning_rate: Annotated[float, Meta(gt=0)] = 0.005
    weight_decay: NotNegative = 0.02
    start_spread: Annotated[float, Meta(gt=0)] = 0.1
    epochs: Count = 80


class NMFOptions(FactorizationOptions, frozen=True):
    """Options of ``nmf``, in addition to those of every factorization model.

    Attributes:
        n_factors: Length of each user's and item's factor vector.
        weight_decay: L2 penalty per rating on the factors of its user and item.
        epochs: Number of times that users and items are updated in training.
        n_user_updates: Number of updates by which a user's factors are computed from
            their history.
    """

    # The lowest validation RMSE on ML-100K (a tenth of u1's training part): 0.920,
    # where the bias model has 0.933.
    n_factors: Count = 10
    weight_decay: NotNegative = 0.1
    epochs: Count = 200
    n_user_updates: Count = 50

"""Options of Surprise's algorithms, with its names and defaults."""

from typing import Annotated, Literal

import msgspec

from benchbox_rivals.adapting import Count, NotNegative, Positive, RowOrder


class BaselineOptions(RowOrder, frozen=True):
    """Options of ``surprise-baseline-only``, Surprise's ``bsl_options``.

    Attributes:
        method: Alternating least squares, or stochastic gradient descent.
        reg_i: Damping of item biases, for ``als``.
        reg_u: Damping of user biases, for ``als``.
        reg: Weight of the squared biases, for ``sgd``.
        learning_rate: Step size, for ``sgd``.
        n_epochs: Number of sweeps; 0 for Surprise's default: 10 for ``als``, 20 for
            ``sgd``.
    """

    method: Literal["als", "sgd"] = "als"
    reg_i: NotNegative = 10.0
    reg_u: NotNegative = 15.0
    reg: NotNegative = 0.02
    learning_rate: Positive = 0.005
    n_epochs: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def set_aside(self) -> frozenset[str]:
        """Options of the method that is not used."""
        own = {"als": {"reg_i", "reg_u"}, "sgd": {"reg", "learning_rate"}}
        return frozenset(own["sgd" if self.method == "als" else "als"])


class NeighbourOptions(RowOrder, frozen=True):
    """Options of Surprise's neighbourhood models; ``sim_options`` are written out.

    Attributes:
        k: Greatest number of neighbours.
        min_k: Least number of neighbours; with fewer, the mean is predicted.
        similarity: ``name`` of Surprise's ``sim_options``.
        user_based: Whether users are neighbours, or else items.
        min_support: Least number of common ratings of two neighbours.
        shrinkage: Shrinkage of ``pearson_baseline``.
    """

    k: Count = 40
    min_k: Count = 1
    similarity: Literal["msd", "cosine", "pearson", "pearson_baseline"] = "msd"
    user_based: bool = True
    min_support: Count = 1
    shrinkage: NotNegative = 100.0

    @property
    def set_aside(self) -> frozenset[str]:
        """``shrinkage``, which only ``pearson_baseline`` has."""
        is_used = self.similarity == "pearson_baseline"
        return frozenset(() if is_used else ("shrinkage",))


class SVDOptions(RowOrder, frozen=True):
    """Options of ``surprise-svd``.

    Attributes:
        n_factors: Number of factors.
        n_epochs: Number of passes over the ratings.
        biased: Whether to use biases.
        init_mean: Mean of the factors at the start.
        init_std_dev: Standard deviation of the factors at the start.
        lr_all: Step size of all parameters.
        reg_all: Weight of the squares of all parameters.
    """

    n_factors: Count = 100
    n_epochs: Count = 20
    biased: bool = True
    init_mean: float = 0.0
    init_std_dev: NotNegative = 0.1
    lr_all: Positive = 0.005
    reg_all: NotNegative = 0.02


class SVDppOptions(RowOrder, frozen=True):
    """Options of ``surprise-svdpp``.

    Attributes:
        n_factors: Number of factors.
        n_epochs: Number of passes over the ratings.
        init_mean: Mean of the factors at the start.
        init_std_dev: Standard deviation of the factors at the start.
        lr_all: Step size of all parameters.
        reg_all: Weight of the squares of all parameters.
        cache_ratings: Whether to hold each user's items in memory, which is faster.
    """

    n_factors: Count = 20
    n_epochs: Count = 20
    init_mean: float = 0.0
    init_std_dev: NotNegative = 0.1
    lr_all: Positive = 0.007
    reg_all: NotNegative = 0.02
    cache_ratings: bool = False


class NMFOptions(RowOrder, frozen=True):
    """Options of ``surprise-nmf``.

    Attributes:
        n_factors: Number of factors.
        n_epochs: Number of passes over the ratings.
        biased: Whether to use biases.
        reg_pu: Weight of the squared user factors.
        reg_qi: Weight of the squared item factors.
        reg_bu: Weight of the squared user biases, if there are biases.
        reg_bi: Weight of the squared item biases, if there are biases.
        lr_bu: Step size of user biases, if there are biases.
        lr_bi: Step size of item biases, if there are biases.
        init_low: Lower end of the factors at the start.
        init_high: Upper end of the factors at the start.
    """

    n_factors: Count = 15
    n_epochs: Count = 50
    biased: bool = False
    reg_pu: NotNegative = 0.06
    reg_qi: NotNegative = 0.06
    reg_bu: NotNegative = 0.02
    reg_bi: NotNegative = 0.02
    lr_bu: Positive = 0.005
    lr_bi: Positive = 0.005
    init_low: NotNegative = 0.0
    init_high: Positive = 1.0

    @property
    def set_aside(self) -> frozenset[str]:
        """Options of biases, if there are none."""
        return frozenset(() if self.biased else ("reg_bu", "reg_bi", "lr_bu", "lr_bi"))


class CoClusteringOptions(RowOrder, frozen=True):
    """Options of ``surprise-co-clustering``.

    Attributes:
        n_cltr_u: Number of clusters of users.
        n_cltr_i: Number of clusters of items.
        n_epochs: Number of sweeps.
    """

    n_cltr_u: Count = 3
    n_cltr_i: Count = 3
    n_epochs: Count = 20

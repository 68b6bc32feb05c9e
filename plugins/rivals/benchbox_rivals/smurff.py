"""smurff's Bayesian factorizations.

smurff writes each sample to a file in a temporary folder and predicts from there, since
it cannot keep them in memory; the folder is removed with the model.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from benchbox import Capabilities, FitContext, Options
from benchbox.models import OneOf, SearchSpace, Span, encode_features
from benchbox.ratings import IndexArray, Ratings, Values
from benchbox_rivals.adapting import Count, Library, as_values, seed32


class BPMFOptions(Options, frozen=True):
    """Options of ``smurff-bpmf``.

    Attributes:
        num_latent: Number of factors.
        burnin: Number of samples to throw away.
        nsamples: Number of samples to average.
        univariate: Whether to sample one factor at a time.
        noise: Whether the precision of ratings is fixed, fitted within bounds, or
            sampled.
        precision: Precision of ratings, 1 over their variance, at the start.
    """

    num_latent: Count = 16
    burnin: Annotated[int, msgspec.Meta(ge=0)] = 20
    nsamples: Count = 80
    univariate: bool = False
    noise: Literal["fixed", "adaptive", "sampled"] = "fixed"
    precision: Annotated[float, msgspec.Meta(gt=0)] = 5.0


class MacauOptions(BPMFOptions, frozen=True):
    """Options of ``smurff-macau``.

    Attributes:
        user_features: Whether user features inform the factors of users.
        item_features: Whether item features inform the factors of items.
    """

    user_features: bool = True
    item_features: bool = True

    def __post_init__(self) -> None:
        if not (self.user_features or self.item_features):
            raise ValueError("Macau needs features of users or items; see smurff-bpmf")


class BPMF:
    """Bayesian probabilistic matrix factorization of ratings minus their mean.

    Args:
        options: Its options.
    """

    def __init__(self, options: Any) -> None:
        self._options = options
        self._mean = 0.0
        self._shape = (0, 0)
        self._samples: list[Any] = []
        self._folder: TemporaryDirectory[str] | None = None

    def prepare(self) -> None:
        """Import smurff before the fit is timed."""
        import smurff  # noqa: F401

    def side_info(self, train: Ratings) -> list[Any]:
        """Return the features of users and of items; `None` for those not used."""
        return [None, None]

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Sample, with each sample in a file."""
        import smurff
        from scipy import sparse

        options = self._options
        self._mean = float(train.values.mean(dtype=np.float64))
        self._shape = (train.n_users, train.n_items)
        matrix = sparse.coo_matrix(
            (train.values - self._mean, (train.users, train.items)), self._shape
        )
        self._folder = TemporaryDirectory(prefix="smurff-", ignore_cleanup_errors=True)
        side = self.side_info(train)
        priors = ["normal" if one is None else "macau" for one in side]
        if options.univariate:
            priors = [f"{prior}one" for prior in priors]
        session = smurff.TrainSession(
            priors=priors,
            num_latent=options.num_latent,
            burnin=options.burnin,
            nsamples=options.nsamples,
            num_threads=context.n_threads,
            seed=seed32(context.seed),
            verbose=0,
            save_freq=1,
            save_name=str(Path(self._folder.name) / "samples.hdf5"),
        )
        session.setTrain(matrix, self._noise(), is_scarce=True)
        for mode, features in enumerate(side):
            if features is not None:
                session.addSideInfo(mode, features)
        session.run()
        self._samples = session.makePredictSession().samples

    def _noise(self) -> Any:
        import smurff

        kind, start = self._options.noise, self._options.precision
        if kind == "adaptive":
            return smurff.AdaptiveNoise(start, max(start, 10.0))
        fixed = kind == "fixed"
        return (smurff.FixedNoise if fixed else smurff.SampledNoise)(start)

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Return the mean over the samples of the product of factors."""
        total = np.zeros(len(users))
        for sample in self._samples:
            # (n_users, num_latent) and (n_items, num_latent)
            of_users, of_items = (np.asarray(part) for part in sample.latents)
            total += np.einsum("nk,nk->n", of_users[users], of_items[items])
        return as_values(self._mean + total / len(self._samples))


class Macau(BPMF):
    """BPMF whose factors depend on features; without features it is BPMF."""

    def side_info(self, train: Ratings) -> list[Any]:
        """Return the features that the options name, as far as the data set has any."""
        wanted = {
            0: (self._options.user_features, train.user_features, train.n_users),
            1: (self._options.item_features, train.item_features, train.n_items),
        }
        found = [
            encode_features(table if is_wanted else None, n).matrix.astype(np.float64)
            for is_wanted, table, n in wanted.values()
        ]
        return [matrix if matrix.shape[1] else None for matrix in found]


_LIBRARY = Library("smurff", "smurff")
_SEARCH: SearchSpace = {
    "num_latent": Span(4, 64, log=True),
    "burnin": Span(10, 100, log=True),
    "nsamples": Span(40, 400, log=True),
    "noise": OneOf(("fixed", "adaptive", "sampled")),
    "precision": Span(0.5, 10.0, log=True),
}

SPECS = (
    _LIBRARY.model(
        "bpmf",
        target="BPMF",
        summary="Bayesian probabilistic matrix factorization",
        options=BPMFOptions,
        search=_SEARCH,
        cost_hint=3.0,
        reference="doi:10.1145/1390156.1390267",
    ),
    _LIBRARY.model(
        "macau",
        target="Macau",
        summary="BPMF with features of users and items",
        options=MacauOptions,
        capabilities=Capabilities(uses_features=True),
        search=_SEARCH,
        cost_hint=4.0,
        reference="arxiv:1509.04610",
    ),
)

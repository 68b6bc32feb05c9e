"""Factorization: low-rank models of the rating matrix."""

from msgspec.structs import replace

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import OneOf, Span
from benchbox_factorization.options import (
    AsymmetricSVDOptions,
    BayesianFMOptions,
    BayesianMFOptions,
    BiasedMFOptions,
    NMFOptions,
    SVDOptions,
    SVDPlusPlusOptions,
)

_STEPS = {
    "n_factors": Span(5, 100, log=True),
    "learning_rate": Span(0.001, 0.03, log=True),
    "weight_decay": Span(0.005, 0.2, log=True),
    "start_spread": Span(0.01, 0.3, log=True),
}
_CAPABILITIES = Capabilities(
    inductive=True, uses_validation=True, refits=True, devices=("cpu", "accelerator")
)
_BY_GRADIENT = Capabilities(inductive=True, uses_validation=True, refits=True)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer truncated SVD and kinds of matrix factorization.

    They need torch only on an accelerator. All of them store only item factors and
    compute a user's from their history, so they can predict for users who were not
    trained on. For cold users and items, biases alone make the prediction.
    """
    return [
        ModelSpec(
            name="svd",
            target="benchbox_factorization.svd:SVD",
            summary="truncated SVD of the bias model's residuals, missing cells as 0",
            options=SVDOptions,
            presets={"zero": {"fill": "zero", "n_factors": 3}},
            capabilities=Capabilities(
                inductive=True, uses_validation=True, refits=True, stochastic=False
            ),
            reference="doi:10.1145/1864708.1864721",
            search={"n_factors": Span(2, 64, log=True)},
            cost_hint=0.06,
        ),
        ModelSpec(
            name="biased-mf",
            target="benchbox_factorization.biased_mf:BiasedMF",
            summary="biases plus factors by alternating ridge regression",
            options=BiasedMFOptions,
            capabilities=_CAPABILITIES,
            reference="doi:10.1109/MC.2009.263",
            search={
                "n_factors": Span(4, 48, log=True),
                "damping": Span(2.0, 32.0, log=True),
                "weight_decay": Span(0.01, 0.2, log=True),
                "epochs": Span(4, 30, log=True),
            },
            cost_hint=0.06,
        ),
        ModelSpec(
            name="bayesian-mf",
            target="benchbox_factorization.bayesian_mf:BayesianMF",
            summary="biases plus factors, averaged over their posterior (Gibbs)",
            options=BayesianMFOptions,
            # For larger data sets; on ML-100K the validation error stays the same.
            presets={"thorough": {"n_factors": 16, "burn_in": 20, "epochs": 300}},
            capabilities=replace(_CAPABILITIES, predicts_distribution=True),
            reference="doi:10.1145/1390156.1390267",
            search={
                "n_factors": Span(2, 64, log=True),
                "epochs": Span(30, 300, log=True),
                "prior_spread": Span(0.03, 1.0, log=True),
            },
            cost_hint=1.0,
        ),
        ModelSpec(
            name="bayesian-fm",
            target="benchbox_factorization.bayesian_fm.model:BayesianFM",
            summary="factorization machine on ids and histories, by Gibbs sampling",
            options=BayesianFMOptions,
            presets={
                "ids": {"history": "none"},
                "svdpp": {"history": "user"},
                "flipped": {"history": "both"},
                "time": {"time": True},
                "side": {"side": True},
                "all": {"time": True, "side": True},
            },
            capabilities=Capabilities(
                inductive=True,
                uses_features=True,
                uses_question_times=True,
                uses_validation=True,
                refits=True,
                predicts_distribution=True,
            ),
            by_default=False,
            reference="doi:10.1145/2168752.2168771",
            search={
                "n_factors": Span(4, 32, log=True),
                "epochs": Span(100, 600, log=True),
                "history": OneOf(("none", "user", "both")),
            },
            cost_hint=4.0,
        ),
        ModelSpec(
            name="nmf",
            target="benchbox_factorization.nmf:NMF",
            summary="factors without negative entries, by multiplicative updates",
            options=NMFOptions,
            # The defaults of the library Surprise.
            presets={
                "surprise": {
                    "n_factors": 15,
                    "weight_decay": 0.06,
                    "epochs": 50,
                    "shrink": False,
                }
            },
            capabilities=_BY_GRADIENT,
            reference="https://papers.nips.cc/paper/1861",
            search={
                "n_factors": Span(2, 50, log=True),
                "weight_decay": Span(0.01, 0.5, log=True),
                "epochs": Span(20, 400, log=True),
            },
            cost_hint=0.5,
            by_default=False,
        ),
        ModelSpec(
            name="svdpp",
            target="benchbox_factorization.svdpp:SVDPlusPlus",
            summary="SVD++: factors of users and of the items they rated",
            options=SVDPlusPlusOptions,
            # The defaults of the library Surprise, for standardised ratings.
            presets={
                "surprise": {
                    "centring": "mean",
                    "learning_rate": 0.007,
                    "weight_decay": 0.02,
                    "start_spread": 0.1,
                    "epochs": 20,
                    "patience": 0,
                }
            },
            capabilities=_BY_GRADIENT,
            reference="doi:10.1145/1401890.1401944",
            search=_STEPS,
            cost_hint=1.0,
            by_default=False,
        ),
        ModelSpec(
            name="asymmetric-svd",
            target="benchbox_factorization.svdpp:AsymmetricSVD",
            summary="Asymmetric SVD: users as sums over the items they rated",
            options=AsymmetricSVDOptions,
            capabilities=_BY_GRADIENT,
            reference="doi:10.1145/1401890.1401944",
            search=_STEPS,
            cost_hint=2.0,
            by_default=False,
        ),
    ]

"""Factorization: low-rank models of the rating matrix."""

from msgspec.structs import replace

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import Span
from benchbox_factorization.options import (
    BayesianMFOptions,
    BiasedMFOptions,
    SVDOptions,
)

_CAPABILITIES = Capabilities(
    inductive=True, uses_validation=True, refits=True, devices=("cpu", "accelerator")
)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer truncated SVD and two kinds of matrix factorization.

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
    ]

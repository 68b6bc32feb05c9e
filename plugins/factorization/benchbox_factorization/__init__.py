"""Factorization: low-rank models of the rating matrix."""

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox_factorization.options import (
    BayesianMFOptions,
    BiasedMFOptions,
    SVDOptions,
)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer truncated SVD and matrix factorization in two ways.

    None needs torch, unless it is given an accelerator. All keep item factors alone and
    place a user by their history, so users never trained on are served; a user or item
    unheard of has no factors, and biases answer.
    """
    return [
        ModelSpec(
            name="svd",
            target="benchbox_factorization.svd:SVD",
            summary="truncated SVD of what the bias model leaves, missing cells as 0",
            options=SVDOptions,
            presets={"zero": {"fill": "zero", "n_factors": 3}},
            capabilities=Capabilities(inductive=True, stochastic=False),
            reference="doi:10.1145/1864708.1864721",
            cost_hint=0.06,
        ),
        ModelSpec(
            name="biased-mf",
            target="benchbox_factorization.biased_mf:BiasedMF",
            summary="biases plus factors by alternating ridge regression",
            options=BiasedMFOptions,
            capabilities=Capabilities(inductive=True, devices=("cpu", "cuda")),
            reference="doi:10.1109/MC.2009.263",
            cost_hint=0.06,
        ),
        ModelSpec(
            name="bayesian-mf",
            target="benchbox_factorization.bayesian_mf:BayesianMF",
            summary="biases plus factors, averaged over their posterior (Gibbs)",
            options=BayesianMFOptions,
            # For larger data; on ML-100K the validation error stays the same.
            presets={"thorough": {"n_factors": 16, "burn_in": 20, "epochs": 300}},
            capabilities=Capabilities(inductive=True, devices=("cpu", "cuda")),
            reference="doi:10.1145/1390156.1390267",
            cost_hint=1.0,
        ),
    ]

"""Embeddings: vectors of users and items under a head, learned by mini-batches."""

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox_embeddings.options import BiasedMFSGDOptions, NeuralCFOptions


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer two heads on one engine; users are those trained on, whatever they rate."""
    return [
        ModelSpec(
            name="biased-mf-sgd",
            target="benchbox_embeddings.models:BiasedMFSGD",
            summary="biases plus factors by mini-batches of gradient steps",
            options=BiasedMFSGDOptions,
            capabilities=Capabilities(
                uses_validation=True, refits=True, devices=("cpu", "cuda")
            ),
            reference="doi:10.1109/MC.2009.263",
            cost_hint=0.5,
        ),
        ModelSpec(
            name="neural-cf",
            target="benchbox_embeddings.models:NeuralCF",
            summary="NCF: a perceptron over a user's and an item's embedding",
            options=NeuralCFOptions,
            capabilities=Capabilities(
                uses_features=True,
                uses_validation=True,
                refits=True,
                devices=("cpu", "cuda"),
            ),
            reference="doi:10.1145/3038912.3052569",
            cost_hint=0.8,
        ),
    ]

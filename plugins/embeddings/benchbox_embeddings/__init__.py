"""Embedding models: a vector per user and item and a head, trained on mini-batches."""

from typing import Any

import msgspec

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import OneOf, Span
from benchbox_embeddings.options import BiasedMFSGDOptions, NeuralCFOptions

# The factorization of a tutorial on MovieLens-20M (Keras). Its L2 penalty is on sums of
# squares, and ours is on half of them, so the value here is twice as large.
_MF_PRESETS: dict[str, dict[str, Any]] = {
    "mf-15": {
        "centring": "mean",
        "n_factors": 15,
        "optimizer": "rmsprop",
        "learning_rate": 0.08,
        "weight_decay": 2e-4,
        "ridge": 0.0,
        "batch_size": 128,
        "epochs": 5,
        "patience": 0,
    }
}
# The perceptron of a tutorial on a subset of MovieLens; it has 80 inputs.
_MLP: dict[str, Any] = {
    "centring": "none",
    "n_factors": 40,
    "hidden_units": [40, 20],
    "activation": "relu",
    "output_activation": "relu",
    "optimizer": "adam",
    "learning_rate": 5e-3,
    "schedule": "plateau",
    "schedule_epochs": 10,
    "weight_decay": 0.0,
    "ridge": 0.0,
    "batch_size": 32,
    "epochs": 10,
    "patience": 0,
}
_NCF_PRESETS = {
    "mlp-80-40-20": _MLP,
    "mlp-negatives": _MLP | {"negative_ratio": 0.4},
}

_TRAINED = Capabilities(
    uses_validation=True,
    refits=True,
    devices=("cpu", "accelerator"),
    halves_batches=True,
)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer two models, which predict only for users they were trained on."""
    return [
        ModelSpec(
            name="biased-mf-sgd",
            target="benchbox_embeddings.models:BiasedMFSGD",
            summary="biases plus factors by stochastic gradient descent",
            options=BiasedMFSGDOptions,
            capabilities=_TRAINED,
            presets=_MF_PRESETS,
            reference="doi:10.1109/MC.2009.263",
            search={
                "n_factors": Span(4, 64, log=True),
                "learning_rate": Span(5e-4, 0.02, log=True),
                "ridge": Span(3.0, 40.0, log=True),
            },
            cost_hint=0.5,
            by_default=False,
        ),
        ModelSpec(
            name="neural-cf",
            target="benchbox_embeddings.models:NeuralCF",
            summary="NCF: a perceptron over the embeddings of user and item",
            options=NeuralCFOptions,
            capabilities=msgspec.structs.replace(_TRAINED, uses_features=True),
            presets=_NCF_PRESETS,
            reference="doi:10.1145/3038912.3052569",
            search={
                "n_factors": Span(8, 64, log=True),
                "hidden_units": OneOf(([16], [32], [64], [32, 16], [64, 32])),
                "learning_rate": Span(5e-3, 0.15, log=True),
                "schedule_factor": Span(0.4, 0.9),
                "ridge": Span(1.0, 100.0, log=True),
                "dropout": Span(0.0, 0.4),
                "batch_size": OneOf((2048, 4096, 8192)),
            },
            cost_hint=0.8,
        ),
    ]

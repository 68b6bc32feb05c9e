"""Autoencoders: reconstruct rows of ratings, and read the hidden ones off."""

import msgspec

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox_autoencoders.options import AutoencoderOptions, StackedOptions

_AUTOREC = "doi:10.1145/2740908.2742726"
# The paper's network and input; our loss is a mean, so lambda has another unit.
_PRESETS = {
    "published": {
        "hidden_units": [500],
        "centring": "none",
        "input_dropout": 0.0,
        "learning_rate": 1e-3,
        "weight_decay": 3e-5,
    }
}
_BY_USER = Capabilities(
    inductive=True,
    uses_features=True,
    uses_validation=True,
    refits=True,
    devices=("cpu", "cuda"),
)
_BY_ITEM = msgspec.structs.replace(_BY_USER, inductive=False)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer three autoencoders on one engine.

    A row without ratings is reconstructed from nothing, a column without training
    ratings is left to the centre: both get a prediction near the bias model's.
    """
    return [
        ModelSpec(
            name="autorec-user",
            target="benchbox_autoencoders.models:UserAutoencoder",
            summary="U-AutoRec: one hidden layer over a user's ratings",
            options=AutoencoderOptions,
            capabilities=_BY_USER,
            presets=_PRESETS,
            reference=_AUTOREC,
            cost_hint=1.2,
        ),
        ModelSpec(
            name="autorec-item",
            target="benchbox_autoencoders.models:ItemAutoencoder",
            summary="I-AutoRec: one hidden layer over an item's ratings",
            options=AutoencoderOptions,
            capabilities=_BY_ITEM,
            presets=_PRESETS,
            reference=_AUTOREC,
            cost_hint=0.8,
        ),
        ModelSpec(
            name="stacked-autoencoder",
            target="benchbox_autoencoders.models:UserAutoencoder",
            summary="three hidden layers over a user's ratings",
            options=StackedOptions,
            capabilities=_BY_USER,
            reference="arXiv:1708.01715",
            cost_hint=0.7,
        ),
    ]

"""Autoencoders: reconstruct rows of ratings, and so predict the missing ones."""

from typing import Any

import msgspec

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import OneOf, Span
from benchbox_autoencoders.options import AutoencoderOptions, StackedOptions

_AUTOREC = "doi:10.1145/2740908.2742726"
# As published: all ratings are inputs, and the number of epochs is fixed.
_PLAIN: dict[str, Any] = {"input_dropout": 0.0, "dropout": 0.0, "patience": 0}
_RAW = _PLAIN | {"centring": "none"}
# The paper's network and inputs. Our loss is a mean, so weight decay has another unit
# than lambda in the paper.
_PUBLISHED = _RAW | {
    "hidden_units": [500],
    "learning_rate": 1e-3,
    "weight_decay": 3e-5,
    "patience": 4,
    "shrink": False,
}
_BY_USER_PRESETS = {
    "published": _PUBLISHED,
    # The wide network of a tutorial on MovieLens-20M (Keras). Its weight decay is only
    # on the last layer, and is left out.
    "autorec-simple": _PLAIN
    | {
        "hidden_units": [1500],
        "activation": "relu",
        "centring": "mean",
        "dropout": 0.2,
        "activity_l1": 1e-4,
        "optimizer": "rmsprop",
        "learning_rate": 0.08,
        "weight_decay": 0.0,
        "epochs": 10,
    },
}
# The tutorials take a step per user, as batch_size=1 does. Larger batches are 80 times
# as fast, and evaluate the same network.
_RMSPROP = _RAW | {
    "activation": "sigmoid",
    "optimizer": "rmsprop",
    "learning_rate": 0.01,
    "weight_decay": 0.5,
    "epochs": 200,
}
_STACKED_PRESETS = {
    # The network of a tutorial on Goodreads ratings.
    "sae-goodreads": _RMSPROP
    | {
        "hidden_units": [20, 10, 20],
        "learning_rate": 0.05,
        "weight_decay": 0.008,
        "epochs": 50,
    },
    # The deep network of the tutorial on MovieLens-20M.
    "autorec-deep": _PLAIN
    | {
        "hidden_units": [1500, 500, 1500],
        "activation": "relu",
        "centring": "mean",
        "dropout": 0.2,
        "optimizer": "adam",
        "learning_rate": 0.08,
        "weight_decay": 0.0,
        "epochs": 5,
    },
    # Kuchaiev & Ginsburg (2017), with the layer sizes of a tutorial on ml-latest-small.
    "deeprec": _RAW
    | {
        "hidden_units": [512, 512, 1024, 512, 512],
        "activation": "relu",
        "tied": True,
        "refeeding": 1,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "epochs": 40,
    },
    # Three and nine hidden layers, from a tutorial on side information.
    "sae-3": _RMSPROP | {"hidden_units": [20, 10, 20]},
    "sae-9": _RMSPROP | {"hidden_units": [300, 100, 50, 20, 10, 20, 50, 100, 300]},
}
_BY_USER = Capabilities(
    inductive=True,
    uses_features=True,
    uses_validation=True,
    refits=True,
    devices=("cpu", "accelerator"),
    halves_batches=True,
)
_SEARCH: dict[str, Span | OneOf] = {
    "hidden_units": OneOf(([25], [50], [100], [200])),
    "learning_rate": Span(1.5e-3, 1.5e-2, log=True),
    "weight_decay": Span(1e-4, 1e-2, log=True),
    "input_dropout": Span(0.1, 0.6),
    "dropout": Span(0.0, 0.3),
}
_STACKED_SEARCH: dict[str, Span | OneOf] = _SEARCH | {
    "hidden_units": OneOf(([50, 20, 50], [100, 20, 100], [100, 50, 100])),
    "weight_decay": Span(1.0, 100.0, log=True),
}
_BY_ITEM = msgspec.structs.replace(_BY_USER, inductive=False)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer three autoencoders, which share their implementation.

    A row without ratings is reconstructed from empty input, and a column without
    training ratings is predicted by the centre alone. Both are close to the bias model.
    """
    return [
        ModelSpec(
            name="autorec-user",
            target="benchbox_autoencoders.models:UserAutoencoder",
            summary="U-AutoRec: one hidden layer over a user's ratings",
            options=AutoencoderOptions,
            capabilities=_BY_USER,
            presets=_BY_USER_PRESETS,
            reference=_AUTOREC,
            search=_SEARCH,
            cost_hint=1.2,
        ),
        ModelSpec(
            name="autorec-item",
            target="benchbox_autoencoders.models:ItemAutoencoder",
            summary="I-AutoRec: one hidden layer over an item's ratings",
            options=AutoencoderOptions,
            capabilities=_BY_ITEM,
            presets={"published": _PUBLISHED},
            reference=_AUTOREC,
            search=_SEARCH,
            cost_hint=0.8,
        ),
        ModelSpec(
            name="stacked-autoencoder",
            target="benchbox_autoencoders.models:UserAutoencoder",
            summary="three hidden layers over a user's ratings",
            options=StackedOptions,
            capabilities=_BY_USER,
            presets=_STACKED_PRESETS,
            reference="arXiv:1708.01715",
            search=_STACKED_SEARCH,
            cost_hint=0.7,
        ),
    ]

"""Autoencoders: reconstruct rows of ratings, and so predict the missing ones."""

from typing import Any

import msgspec

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import OneOf, Span
from benchbox_autoencoders.kernel_options import GLocalKOptions, SparseFCOptions
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
# The authors' settings for MovieLens-1M (github.com/mesuvash/NNRec): all rows are one
# batch, 500 steps, and lambda 100 in units of half the sum of squared errors, with the
# penalty not halved. Over nine tenths of a million ratings this is a weight decay of
# 4 * 100 / 900,188 of our mean. They minimise by L-BFGS (items) and Rprop (users); ours
# is Adam on the same loss, which falls further with 1e-2 than with 1e-3 (on ML-100K).
_ML_1M = _RAW | {
    "hidden_units": [500],
    "batch_size": 10_000,
    "epochs": 500,
    "learning_rate": 1e-2,
    "weight_decay": 400 / 900_188,
}
_BY_USER_PRESETS = {
    "published": _PUBLISHED,
    "ml-1m": _ML_1M,
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
    # Its main program says relu, but only selu gives the figure that it prints.
    "deeprec": _RAW
    | {
        "hidden_units": [512, 512, 1024, 512, 512],
        "activation": "selu",
        "initial_weights": "xavier",
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
# The authors' networks and penalties, on raw ratings. They minimise by L-BFGS, and
# GLocal-K takes its best epoch on test ratings. Ours is Rprop, stopped by validation.
_KERNELS: dict[str, Any] = {
    "hidden_units": [500, 500],
    "kernel_dims": 5,
    "centring": "none",
    "level": 0.0,
    "shrink": False,
}
_SPARSE_FC_PRESETS = {
    "ml-1m": _KERNELS | {"weight_decay": 60.0, "kernel_decay": 0.013},
}
_GLOCAL_K = _KERNELS | {"global_start": "random"}
_GLOCAL_K_PRESETS = {
    "ml-100k": _GLOCAL_K | {"weight_decay": 20.0, "kernel_decay": 0.006},
    "ml-1m": _GLOCAL_K
    | {"weight_decay": 70.0, "kernel_decay": 0.018, "global_scale": 0.5},
    "douban": _GLOCAL_K
    | {"weight_decay": 10.0, "kernel_decay": 0.022, "global_scale": 2.0},
}
_KERNEL_SEARCH: dict[str, Span | OneOf] = {
    "hidden_units": OneOf(([100, 100], [200, 200], [500, 500])),
    "weight_decay": Span(5.0, 80.0, log=True),
    "kernel_decay": Span(1e-3, 0.1, log=True),
    "level": Span(0.0, 5.0),
}
_KERNEL = Capabilities(
    uses_validation=True, refits=True, devices=("cpu", "accelerator")
)
_BY_ITEM = msgspec.structs.replace(_BY_USER, inductive=False)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer three autoencoders that share their implementation, and two with kernels.

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
            presets={"published": _PUBLISHED, "ml-1m": _ML_1M},
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
            by_default=False,
        ),
        ModelSpec(
            name="sparse-fc",
            target="benchbox_autoencoders.kernel_models:KernelAutoencoder",
            summary="SparseFC: two hidden layers over an item's ratings, kernelised",
            options=SparseFCOptions,
            capabilities=_KERNEL,
            presets=_SPARSE_FC_PRESETS,
            reference="http://proceedings.mlr.press/v80/muller18a.html",
            search=_KERNEL_SEARCH,
            cost_hint=9.0,
            by_default=False,
        ),
        ModelSpec(
            name="glocal-k",
            target="benchbox_autoencoders.kernel_models:KernelAutoencoder",
            summary="GLocal-K: SparseFC, then a convolution of all ratings",
            options=GLocalKOptions,
            capabilities=_KERNEL,
            presets=_GLOCAL_K_PRESETS,
            reference="doi:10.1145/3459637.3482112",
            search=_KERNEL_SEARCH,
            cost_hint=10.0,
            by_default=False,
        ),
    ]

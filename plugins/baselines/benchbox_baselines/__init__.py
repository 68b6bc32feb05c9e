"""Baselines: means and biases, which every other model should beat."""

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import OneOf
from benchbox_baselines.options import BiasOptions

_CAPABILITIES = Capabilities(inductive=True, stochastic=False)
# Fitted, or one of these.
_DAMPINGS = OneOf((None, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0))


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer four baselines; for a cold user or item they use the other side's mean."""
    return [
        ModelSpec(
            name="global-mean",
            target="benchbox_baselines.means:GlobalMean",
            summary="the mean of all training ratings, for every pair",
            capabilities=_CAPABILITIES,
            cost_hint=0.001,
            by_default=False,
        ),
        ModelSpec(
            name="user-mean",
            target="benchbox_baselines.means:UserMean",
            summary="the mean of the user's visible ratings",
            capabilities=_CAPABILITIES,
            cost_hint=0.001,
            by_default=False,
        ),
        ModelSpec(
            name="item-mean",
            target="benchbox_baselines.means:ItemMean",
            summary="the mean of the item's training ratings",
            capabilities=_CAPABILITIES,
            cost_hint=0.001,
        ),
        ModelSpec(
            name="bias",
            target="benchbox_baselines.bias:Bias",
            summary="global mean plus a damped offset per user and item",
            options=BiasOptions,
            search={
                "user_damping": _DAMPINGS,
                "item_damping": _DAMPINGS,
            },
            capabilities=_CAPABILITIES,
            reference="doi:10.1145/1644873.1644874",
            cost_hint=0.02,
        ),
    ]

"""Ensembles: models made of other models."""

from benchbox import Capabilities, ModelSpec, hookimpl
from benchbox.models import Span
from benchbox_ensembles.options import BlendOptions


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer a weighted sum of other installed models.

    What it can do, beyond these capabilities, is what all of its members can.
    """
    return [
        ModelSpec(
            name="blend",
            target="benchbox_ensembles.blend:Blend",
            summary="weighted sum of other models, weights learned by validation",
            options=BlendOptions,
            capabilities=Capabilities(
                inductive=True,
                uses_validation=True,
                refits=True,
                devices=("cpu", "accelerator"),
            ),
            reference="doi:10.1007/BF00117832",
            search={"shrinkage": Span(1.0, 1000.0, log=True)},
            cost_hint=8.0,
            by_default=False,
        )
    ]

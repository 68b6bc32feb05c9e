"""Ensembles: models made of other models."""

from benchbox import ModelSpec, hookimpl


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer no model yet."""
    return []

"""Helpers for the device a model trains on."""

import inspect
from collections.abc import Callable
from typing import Any

from benchbox.errors import ModelError
from benchbox.models.contract import RatingModel


def is_accelerator(device: str) -> bool:
    """Return whether *device*, as in `FitContext.device`, is not the processor."""
    return device.partition(":")[0] != "cpu"


def prepare_model(model: RatingModel, device: str) -> None:
    """Call ``prepare(device)`` of *model*, or ``prepare()``, if it has such a method.

    Args:
        model: The model.
        device: Device it will be fitted on.

    Raises:
        ModelError: The method has other parameters.
    """
    prepare = getattr(model, "prepare", None)
    if not callable(prepare):
        return
    if _accepts(prepare, device):
        prepare(device)
    elif _accepts(prepare):
        prepare()
    else:
        raise ModelError(
            f"{type(model).__name__}.prepare{inspect.signature(prepare)} cannot be "
            f"called. Make it prepare(device) or prepare()."
        )


def _accepts(method: Callable[..., Any], *arguments: object) -> bool:
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError:
        return False
    return True

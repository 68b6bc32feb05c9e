"""Devices: what a model is told of the device it trains on, and when."""

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
        device: Where it will be fitted.

    Raises:
        ModelError: The method takes something else.
    """
    prepare = getattr(model, "prepare", None)
    if not callable(prepare):
        return
    if _takes(prepare, device):
        prepare(device)
    elif _takes(prepare):
        prepare()
    else:
        raise ModelError(
            f"{type(model).__name__}.prepare{inspect.signature(prepare)} cannot be "
            f"called. Make it prepare(device) or prepare()."
        )


def _takes(method: Callable[..., Any], *arguments: object) -> bool:
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError:
        return False
    return True

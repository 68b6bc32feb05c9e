"""Testing: what plugin authors need to know that a plugin keeps the contract."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbox.testing.contracts import DatasetContract as DatasetContract
    from benchbox.testing.contracts import ModelContract as ModelContract
    from benchbox.testing.made_up import made_up_ratings as made_up_ratings

_HOMES = {
    "DatasetContract": "contracts",
    "ModelContract": "contracts",
    "made_up_ratings": "made_up",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbox.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"benchbox.testing.{_HOMES[name]}"), name)

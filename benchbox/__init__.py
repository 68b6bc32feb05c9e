"""Benchmark rating-prediction recommenders: honest splits, true clocks, one table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbox.data import DatasetCard as DatasetCard
    from benchbox.errors import BenchboxError as BenchboxError
    from benchbox.hookspecs import hookimpl as hookimpl
    from benchbox.metrics import Metric as Metric
    from benchbox.metrics import Score as Score
    from benchbox.metrics import Scored as Scored
    from benchbox.models import Capabilities as Capabilities
    from benchbox.models import EarlyStopping as EarlyStopping
    from benchbox.models import FitContext as FitContext
    from benchbox.models import ModelSpec as ModelSpec
    from benchbox.models import RatingModel as RatingModel
    from benchbox.options import Options as Options
    from benchbox.protocols import Partition as Partition
    from benchbox.protocols import Protocol as Protocol
    from benchbox.ratings import Grouped as Grouped
    from benchbox.ratings import IndexArray as IndexArray
    from benchbox.ratings import Ratings as Ratings
    from benchbox.ratings import RatingScale as RatingScale
    from benchbox.ratings import Values as Values

_HOMES = {
    "BenchboxError": "errors",
    "Capabilities": "models",
    "DatasetCard": "data",
    "EarlyStopping": "models",
    "FitContext": "models",
    "Grouped": "ratings",
    "IndexArray": "ratings",
    "Metric": "metrics",
    "ModelSpec": "models",
    "Options": "options",
    "Partition": "protocols",
    "Protocol": "protocols",
    "RatingModel": "models",
    "RatingScale": "ratings",
    "Ratings": "ratings",
    "Score": "metrics",
    "Scored": "metrics",
    "Values": "ratings",
    "hookimpl": "hookspecs",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    # Names load on first use, so that `benchbox --help` need not wait for NumPy.
    if name not in _HOMES:
        raise AttributeError(f"module 'benchbox' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"benchbox.{_HOMES[name]}"), name)

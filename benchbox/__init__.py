"""Benchmark rating-prediction recommenders: honest splits, true clocks, one table."""

from typing import TYPE_CHECKING

from benchbox.targets import lazy_names

if TYPE_CHECKING:
    from benchbox.data import DatasetCard as DatasetCard
    from benchbox.errors import BenchboxError as BenchboxError
    from benchbox.metrics import Metric as Metric
    from benchbox.metrics import Score as Score
    from benchbox.metrics import Scored as Scored
    from benchbox.models import Capabilities as Capabilities
    from benchbox.models import EarlyStopping as EarlyStopping
    from benchbox.models import FitContext as FitContext
    from benchbox.models import ModelSpec as ModelSpec
    from benchbox.models import RatingModel as RatingModel
    from benchbox.options import Options as Options
    from benchbox.plugins import hookimpl as hookimpl
    from benchbox.protocols import Partition as Partition
    from benchbox.protocols import Protocol as Protocol
    from benchbox.ratings import Grouped as Grouped
    from benchbox.ratings import IndexArray as IndexArray
    from benchbox.ratings import Ratings as Ratings
    from benchbox.ratings import RatingScale as RatingScale
    from benchbox.ratings import Values as Values
    from benchbox.runs import Run as Run
    from benchbox.runs import fit as fit
    from benchbox.runs import load_dataset as load_dataset
    from benchbox.runs import load_run as load_run
    from benchbox.runs import run as run

    __version__: str
else:
    # Names load on first use, so that `benchbox --help` need not wait for NumPy.
    _find, _, __all__ = lazy_names(
        __name__,
        {
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
            "Run": "runs",
            "Score": "metrics",
            "Scored": "metrics",
            "Values": "ratings",
            "fit": "runs",
            "hookimpl": "plugins",
            "load_dataset": "runs",
            "load_run": "runs",
            "run": "runs",
        },
    )

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("benchbox-recsys")
        return _find(name)

    def __dir__() -> list[str]:
        of_the_module = {name for name in globals() if name.startswith("__")}
        return sorted({*__all__, *of_the_module, "__version__"})

"""Testing: the contract tests for plugins, to run from pytest or the command line."""

from typing import TYPE_CHECKING

from benchbox.targets import lazy_names

if TYPE_CHECKING:
    from benchbox.testing.checks import Verdict as Verdict
    from benchbox.testing.checks import judge as judge
    from benchbox.testing.contracts import MODEL_CHECKS as MODEL_CHECKS
    from benchbox.testing.contracts import DatasetContract as DatasetContract
    from benchbox.testing.contracts import ModelContract as ModelContract
    from benchbox.testing.dataset_checks import DATASET_CHECKS as DATASET_CHECKS
    from benchbox.testing.dataset_checks import DatasetSubject as DatasetSubject
    from benchbox.testing.made_up import made_up_ratings as made_up_ratings
    from benchbox.testing.subject import ModelSubject as ModelSubject
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "DATASET_CHECKS": "dataset_checks",
            "DatasetContract": "contracts",
            "DatasetSubject": "dataset_checks",
            "MODEL_CHECKS": "contracts",
            "ModelContract": "contracts",
            "ModelSubject": "subject",
            "Verdict": "checks",
            "judge": "checks",
            "made_up_ratings": "made_up",
        },
    )

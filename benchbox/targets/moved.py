"""Modules of version 0.1 that plugins import: their names are found where they are now.

An import of such a module succeeds with a warning, so that plugins written for 0.1 go
on working. The names go with version 0.3.
"""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "benchbox.audit": "benchbox.protocols",
    "benchbox.claims": "benchbox.plugins",
    "benchbox.features": "benchbox.models",
    "benchbox.formats": "benchbox.plugins",
    "benchbox.hookspecs": "benchbox.plugins",
    "benchbox.indexing": "benchbox.data",
    "benchbox.reference": "benchbox.models",
    "benchbox.search": "benchbox.models",
    "benchbox.slices": "benchbox.data",
    "benchbox.states": "benchbox.models",
    "benchbox.suites": "benchbox.plugins",
    "benchbox.training": "benchbox.models.training",
}
"""Where the public names of each module are since 0.2."""


class _Stand(Loader):
    """Makes a module whose names are those of another."""

    def exec_module(self, module: ModuleType) -> None:
        """Have *module* pass on every name of the module that replaced it."""
        now = import_module(MOVED[module.__name__])
        warnings.warn(
            f"{module.__name__} is {now.__name__} since benchbox 0.2; the old name "
            f"ends with 0.3",
            DeprecationWarning,
            stacklevel=2,
        )
        vars(module)["__getattr__"] = lambda name: getattr(now, name)


class _Finder(MetaPathFinder):
    """Finds modules of 0.1, after all that exist have been looked for."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of a module that moved; `None` for any other."""
        return ModuleSpec(fullname, _Stand()) if fullname in MOVED else None


def find_moved() -> None:
    """Have imports of modules that moved succeed in this process; may be repeated."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())

"""Settings of the tests of the bundled models."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out of the coverage, which is that of benchbox, not of models.

    Numerical code and compilers take half as long again while it is measured.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("no_cover")

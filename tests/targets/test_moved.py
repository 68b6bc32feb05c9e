"""Moved modules: plugins written for 0.1 go on working."""

import sys
from importlib import import_module

import pytest

from benchbox import models
from benchbox.targets import moved


@pytest.fixture(autouse=True)
def _forget():
    yield
    for name in moved.MOVED:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", moved.MOVED)
def test_a_module_that_moved_is_imported_with_a_warning(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"^{name} is {moved.MOVED[name]} sin"):
        old = import_module(name)

    now = import_module(moved.MOVED[name])
    public = [word for word in vars(now) if not word.startswith("_")]
    assert public
    assert all(getattr(old, word) is getattr(now, word) for word in public)


def test_names_of_0_1_are_those_of_today() -> None:
    with pytest.warns(DeprecationWarning, match="benchbox.search"):
        from benchbox.search import OneOf  # type: ignore[import-not-found]

    assert OneOf is models.OneOf


def test_what_is_gone_is_an_error_as_always() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"benchbox\.never_there"):
        import_module("benchbox.never_there")
    with (
        pytest.warns(DeprecationWarning, match="benchbox.search"),
        pytest.raises(ImportError, match="cannot import name 'Gone'"),
    ):
        from benchbox.search import Gone  # type: ignore[import-not-found]  # noqa: F401

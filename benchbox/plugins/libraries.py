"""Libraries that models need beside their own package, and whether they are here."""

from collections.abc import Sequence
from functools import cache

from benchbox.errors import shown
from benchbox.machine import package_version
from benchbox.models import ModelSpec


def libraries_of(spec: ModelSpec) -> dict[str, str]:
    """Return the version of each distribution in *requires*; empty if it is missing."""
    return {name: _version(name) for name in spec.requires}


def missing_libraries(spec: ModelSpec) -> list[str]:
    """Return the distributions that the model needs and that are not installed."""
    return [name for name, version in libraries_of(spec).items() if not version]


def how_to_install(spec: ModelSpec) -> str:
    """Return the line that installs what the model needs."""
    return spec.install or f"pip install {' '.join(spec.requires)}"


def unavailable(spec: ModelSpec) -> str:
    """Return why the model cannot run here, in one line; empty if it can."""
    missing = missing_libraries(spec)
    if not missing:
        return ""
    names, are = " and ".join(missing), "is" if len(missing) == 1 else "are"
    return (
        f"{spec.name} needs {names}, which {are} not installed: {how_to_install(spec)}"
    )


def requirements_fault(spec: ModelSpec) -> str:
    """Return what is wrong with a spec's *requires*, *install* or *known_breaches*."""
    if not _are_texts(spec.requires):
        return f"requires is {shown(spec.requires)}, not a tuple of names"
    if not isinstance(spec.install, str):
        return f"install is {shown(spec.install)}, not a text"
    breaches = spec.known_breaches
    if not isinstance(breaches, dict) or not _are_texts(
        [*breaches, *breaches.values()]
    ):
        return f"known_breaches is {shown(breaches)}, not a dict of texts"
    return ""


def _are_texts(values: object) -> bool:
    if isinstance(values, str) or not isinstance(values, Sequence):
        return False
    return all(isinstance(value, str) and value for value in values)


@cache
def _version(name: str) -> str:
    return package_version(name)

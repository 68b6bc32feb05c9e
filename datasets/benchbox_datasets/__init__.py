"""Bundled data sets (cards), figures published on them (claims), and suites."""

from functools import cache
from pathlib import Path

from benchbox import DatasetCard, hookimpl
from benchbox.plugins import Claim, Suite, claims_from_toml, suite_from_toml


@hookimpl
def benchbox_datasets() -> tuple[DatasetCard, ...]:
    """Return the cards of the bundled data sets."""
    return _cards()


@hookimpl
def benchbox_claims() -> tuple[Claim, ...]:
    """Return figures published on these data sets, from ``claims/``."""
    return _claims()


@hookimpl
def benchbox_suites() -> tuple[Suite, ...]:
    """Return the suites in ``suites/``."""
    return _suites()


@cache
def _cards() -> tuple[DatasetCard, ...]:
    return tuple(map(DatasetCard.from_toml, _files("cards")))


@cache
def _claims() -> tuple[Claim, ...]:
    return tuple(claim for file in _files("claims") for claim in claims_from_toml(file))


@cache
def _suites() -> tuple[Suite, ...]:
    return tuple(map(suite_from_toml, _files("suites")))


def _files(folder: str) -> list[Path]:
    return sorted((Path(__file__).parent / folder).glob("*.toml"))

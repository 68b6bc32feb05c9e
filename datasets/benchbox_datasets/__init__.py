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
    folder = Path(__file__).parent / "claims"
    files = sorted(folder.glob("*.toml"))
    return tuple(claim for file in files for claim in claims_from_toml(file))


@hookimpl
def benchbox_suites() -> list[Suite]:
    """Return the suites in ``suites/``."""
    folder = Path(__file__).parent / "suites"
    return [suite_from_toml(file) for file in sorted(folder.glob("*.toml"))]


@cache
def _cards() -> tuple[DatasetCard, ...]:
    folder = Path(__file__).parent / "cards"
    return tuple(map(DatasetCard.from_toml, sorted(folder.glob("*.toml"))))

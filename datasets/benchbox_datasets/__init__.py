"""Bundled data sets, each a card in ``cards/``."""

from functools import cache
from pathlib import Path

from benchbox import DatasetCard, hookimpl


@hookimpl
def benchbox_datasets() -> tuple[DatasetCard, ...]:
    """Return the cards of the bundled data sets."""
    return _cards()


@cache
def _cards() -> tuple[DatasetCard, ...]:
    folder = Path(__file__).parent / "cards"
    return tuple(map(DatasetCard.from_toml, sorted(folder.glob("*.toml"))))

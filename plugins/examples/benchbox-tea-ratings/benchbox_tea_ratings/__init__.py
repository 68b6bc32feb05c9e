"""Tea ratings: a data set for benchbox."""

from pathlib import Path

from benchbox import DatasetCard, hookimpl


@hookimpl
def benchbox_datasets() -> list[DatasetCard]:
    """Offer the data set that `card.toml` describes."""
    return [DatasetCard.from_toml(Path(__file__).parent / "card.toml")]

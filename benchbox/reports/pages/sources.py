"""Licences and citations of the data that a report is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchbox.data import DatasetCard
from benchbox.records import StageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a data set is from, and on what terms.

    Attributes:
        name: Name of the data set.
        title: Its name in documents.
        size: Its numbers of ratings, users and items.
        origin: Where the files of this run came from.
        data_id: Hash of its ratings.
        licence: Its licence in a sentence; empty if unknown here.
        licence_url: Address of the full text; may be empty.
        citation: Publication to cite; may be empty.
    """

    name: str
    title: str
    size: str
    origin: str
    data_id: str
    licence: str
    licence_url: str
    citation: str


def sources_of(
    stages: Iterable[StageRecord], cards: Mapping[str, DatasetCard]
) -> list[Source]:
    """Return the source of each data set of *stages*, each once.

    Args:
        stages: Stages of runs.
        cards: Installed data sets by name; others are the user's own, or unknown.
    """
    found: dict[str, Source] = {}
    for stage in stages:
        card = cards.get(stage.dataset)
        found[stage.data_id] = Source(
            name=stage.dataset,
            title=card.title if card else stage.dataset,
            size=f"{stage.n_ratings:,} ratings by {stage.n_users:,} users of "
            f"{stage.n_items:,} items, on the scale {stage.scale}",
            origin=stage.origin,
            data_id=stage.data_id,
            licence=card.licence.text if card else "",
            licence_url=_link(card.licence.url) if card else "",
            citation=card.citation if card else "",
        )
    return list(found.values())


def _link(url: str) -> str:
    """Return an address if it is one of a web page; a card may hold any text."""
    return url if url.startswith(("https://", "http://")) else ""

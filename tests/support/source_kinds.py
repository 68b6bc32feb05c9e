"""The kinds of source that benchbox itself offers, without asking any plugin."""

from benchbox.data import DatasetCard, Source, decode_sources
from benchbox.data.sources.kinds import SOURCE_KINDS

kind_of = {kind.name: kind for kind in SOURCE_KINDS}.__getitem__


def sources_of(card: DatasetCard) -> list[Source]:
    return decode_sources(card.name, card.sources, kind_of)

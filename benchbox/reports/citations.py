"""The publications behind a table: of its data set and of its models."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchbox.plugins import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Citations:
    """What installed packages ask to cite.

    Attributes:
        datasets: Publication by name of the data set.
        models: Publication by name and target of the model.
    """

    datasets: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry) -> "Citations":
        """Return what the cards and specs of *registry* ask to cite."""
        cards = [offer.value for offer in registry.all("datasets")]
        specs = [offer.value for offer in registry.all("models")]
        return cls(
            datasets={card.name: card.citation for card in cards if card.citation},
            models={(s.name, s.target): s.reference for s in specs if s.reference},
        )


NO_CITATIONS = Citations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A publication, and what of a table it is the source of.

    Attributes:
        key: Key to cite it by: the first of *names*, in signs that BibTeX takes.
        names: Data set or models that it describes.
        text: The publication: a reference, a DOI or an address.
    """

    key: str
    names: tuple[str, ...]
    text: str


def cited(
    citations: Citations, dataset: str, models: Iterable[tuple[str, str]]
) -> list[Cited]:
    """Return the publications of a table, each once, that of the data set first.

    Args:
        citations: What there is to cite.
        dataset: Name of the data set.
        models: Name and target of each model.
    """
    named = [(dataset, citations.datasets.get(dataset, ""))]
    named += [(model[0], citations.models.get(model, "")) for model in models]
    by_text: dict[str, dict[str, None]] = {}
    for name, text in named:
        if text:
            by_text.setdefault(text, {})[name] = None
    return [
        Cited(key=_key(min(names)), names=tuple(sorted(names)), text=text)
        for text, names in by_text.items()
    ]


def _key(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "source"

"""Turns the sources that a card declares into source objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from benchbox.data.sources.source import LocalSource, RemoteSource, Source
from benchbox.errors import BenchboxError, PluginError, error_line, message_of

Declared = Mapping[str, Any]
"""A source as a card declares it: its kind under ``type``, and the kind's fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """A kind of source that cards may declare; making one imports nothing heavy.

    Attributes:
        source: Class of its sources, which implements `benchbox.data.LocalSource` or
            `benchbox.data.RemoteSource`. It is a `msgspec.Struct` whose tag is the
            ``type`` in cards.
        summary: One-line description.

    Raises:
        PluginError: The class does not meet these conditions.
    """

    source: type[Source]
    summary: str

    def __post_init__(self) -> None:
        title = getattr(self.source, "__name__", self.source)
        if not isinstance(_tag(self.source), str):
            raise PluginError(
                f"{title} is not a msgspec.Struct with a tag. Derive it from "
                f"RemoteFiles or LocalFiles of benchbox.data, with a tag, as in "
                f'tag="zenodo".'
            )
        is_local = getattr(self.source, "is_local", False)
        asked = dir(LocalSource if is_local else RemoteSource)
        lacks = [n for n in asked if n[0] != "_" and not hasattr(self.source, n)]
        if lacks:
            raise PluginError(f"{title} lacks {', '.join(lacks)}. Add what is missing.")

    @property
    def name(self) -> str:
        """The ``type`` in cards."""
        return str(_tag(self.source))


KindOf = Callable[[str], SourceKind]
"""Returns the kind of source with a name; raises a `BenchboxError` if unknown."""


def decode_sources(
    dataset: str, declared: Sequence[Declared], kind_of: KindOf
) -> list[Source]:
    """Return the sources that the card of a data set declares.

    Args:
        dataset: Name of the data set.
        declared: Its sources, best first.
        kind_of: Looks up a kind of source by its name.

    Raises:
        PluginError: A source is of an unknown kind, or its fields do not fit the kind.
    """
    return [_decoded(dataset, one, kind_of) for one in declared]


def _decoded(dataset: str, declared: Declared, kind_of: KindOf) -> Source:
    name = declared.get("type") if isinstance(declared, Mapping) else None
    if not isinstance(name, str):
        raise PluginError(
            f"Data set {dataset!r} has a source without a type: {declared!r}. Add one, "
            f'as in type = "url".'
        )
    # A kind may come from a plugin, whose code can raise anything.
    try:
        source: Source = msgspec.convert(dict(declared), kind_of(name).source)
        # Fail here rather than when data sets are listed, which reads all of these.
        _ = source.title, source.hashes, source.unproved, source.advice(dataset)
        return source
    except Exception as error:
        is_for_users = isinstance(error, BenchboxError | msgspec.ValidationError)
        cause = (message_of if is_for_users else error_line)(error).rstrip(".")
        raise PluginError(
            f"Data set {dataset!r} has a source of type {name!r} that cannot be used: "
            f"{cause}."
        ) from error


def _tag(source: Any) -> Any:
    return getattr(getattr(source, "__struct_config__", None), "tag", None)

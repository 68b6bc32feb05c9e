"""Cards: what is known of a data set before it is read, as one TOML file."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import msgspec

from benchbox.data.raw import Duplicates
from benchbox.data.sources.declared import Declared
from benchbox.data.sources.licence import Licence
from benchbox.errors import PluginError
from benchbox.options import NoOptions, Options
from benchbox.ratings import RatingScale


class RatingsTable(msgspec.Struct, frozen=True, kw_only=True):
    """The table that holds the ratings.

    Attributes:
        file: Name of the file.
        columns: Which column is which, as `benchbox.data.choose_columns` reads it.
        delimiter: What parts the fields; by default what the file suggests.
        encoding: Of the text.
    """

    file: str
    columns: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table with facts about users or items.

    Attributes:
        file: Name of the file.
        id: Column of the user's or item's id.
        columns: Column of the table by the feature's name.
        integers: Features that are whole numbers; the others are text.
        header: Names of all columns, where the file does not state them.
        delimiter: What parts the fields; by default what the file suggests.
        encoding: Of the text.
    """

    file: str
    id: str
    columns: Mapping[str, str]
    integers: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        used = [self.id, *self.columns.values()]
        twice = next((column for column in used if used.count(column) > 1), None)
        if twice is not None:
            raise ValueError(f"column {twice!r} is used twice")


class DatasetCard(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A data set as offered; making or listing a card reads no data.

    Attributes:
        name: Name on the command line, kebab-case.
        title: Name for people.
        summary: One line for people.
        scale: Range of the ratings; `None` if the options or the data decide it.
        n_users: Users with a rating, under default options; `None` if unknown.
        n_items: Items with a rating, likewise.
        n_ratings: Ratings, likewise.
        sources: Where the files come from, best first, as written in TOML: the kind
            under ``type``, and what that kind asks for; none for a generator. They are
            decoded when they are used, since the kinds come from plugins.
        reader: What makes raw ratings of the files, as ``"package.module:function"``,
            called as ``reader(files, card, options)``.
        options: Record of its settings, as ``"package.module:Struct"``; empty for none.
            One that extends `benchbox.data.SliceOptions` lets users cut the data.
        ratings: For the reader that needs no code: the table of ratings.
        users: For the same: the table of user features.
        items: For the same: the table of item features.
        duplicates: What becomes of a pair rated twice.
        default_protocol: Name of the protocol to use where none is asked for.
        default_folds: Folds to run then; none means all.
        data_id: `benchbox.protocols.data_id` under default options; empty if unknown.
        expected_folds: Fold id by recipe, such as ``"holdout"``, and fold name.
        licence: Its terms.
        citation: What to cite.
    """

    name: str
    title: str
    summary: str
    scale: RatingScale | None = None
    n_users: int | None = None
    n_items: int | None = None
    n_ratings: int | None = None
    sources: tuple[Declared, ...] = ()
    reader: str = "benchbox.data.readers:read_declared"
    options: str = ""
    ratings: RatingsTable | None = None
    users: FeatureTable | None = None
    items: FeatureTable | None = None
    duplicates: Duplicates = "error"
    default_protocol: str = "holdout"
    default_folds: tuple[str, ...] = ()
    data_id: str = ""
    expected_folds: Mapping[str, Mapping[str, str]] = {}
    licence: Licence = Licence(text="Your own data.")
    citation: str = ""

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Return the card written in a TOML file.

        Raises:
            PluginError: The file is no card; says which field is wrong.
        """
        try:
            return msgspec.toml.decode(path.read_bytes(), type=cls)
        except msgspec.DecodeError as error:
            raise PluginError(f"{path.name} is no data set card: {error}.") from None

    def options_type(self) -> type[Options]:
        """Return the record of its settings; imports the module that holds it."""
        if not self.options:
            return NoOptions
        found: type[Options] = self.resolve(self.options)
        return found

    def resolve(self, target: str) -> Any:
        """Return what *target*, ``"package.module:name"``, names.

        Raises:
            PluginError: There is no such module, or no such name in it.
        """
        module, _, name = target.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise PluginError(
                f"The card of data set {self.name!r} names {target!r}, which cannot be "
                f"imported: {error}."
            ) from None

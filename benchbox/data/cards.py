"""Dataset cards: TOML files that describe data sets before they are read."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import msgspec

from benchbox.data.raw import Duplicates
from benchbox.data.sources.declared import Declared
from benchbox.data.sources.licence import Licence
from benchbox.data.times import Unit
from benchbox.errors import PluginError, error_line
from benchbox.options import UNDECODABLE, NoOptions, Options, to_json
from benchbox.ratings import RatingScale


class RatingsTable(msgspec.Struct, frozen=True, kw_only=True):
    """The table that holds the ratings.

    Attributes:
        file: Name of the file.
        columns: Roles of the columns, in the syntax of `benchbox.data.choose_columns`.
        delimiter: Field separator; guessed from the file if `None`.
        encoding: Text encoding.
        decimal: Decimal point: ``"."`` or ``","``; ``auto`` looks at the ratings.
        member: Name of the file in a zip archive; by default the only table in it.
        missing: Numbers that mean "not rated"; rows with them are left out.
        time: Unit of timestamps that are numbers; ``auto`` recognises it.
    """

    file: str
    columns: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"
    decimal: str = "."
    member: str = ""
    missing: tuple[float, ...] = ()
    time: Unit = "auto"


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table with features of users or items.

    Attributes:
        file: Name of the file.
        id: Name of the column with the user's or item's id.
        columns: Column name by feature name.
        integers: Names of the features that are whole numbers; the others are text.
        header: Names of all columns, for a file without a header line.
        delimiter: Field separator; guessed from the file if `None`.
        encoding: Text encoding.
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
    """Describes a data set; making or listing a card reads no data.

    Attributes:
        name: Name on the command line, kebab-case.
        title: Name in documents and tables.
        summary: One-line description.
        scale: Rating scale; `None` if the options or the data decide it.
        n_users: Number of users with a rating, under default options; `None` if
            unknown.
        n_items: Number of items with a rating, under default options; `None` if
            unknown.
        n_ratings: Number of ratings, under default options; `None` if unknown.
        sources: Where the files come from, best first, as written in TOML: the kind
            under ``type``, and the fields of that kind; none for a generator. They are
            decoded when they are used, since kinds come from plugins. ``{name}`` in
            their texts stands for the value of the option *name*.
        digests: Expected hash by file name, for files whose names depend on options.
        reader: Function that turns the files into raw ratings, as
            ``"package.module:function"``, called as ``reader(files, card, options)``.
        options: Options record, as ``"package.module:Struct"``; empty for none. If it
            extends `benchbox.data.SliceOptions`, users can cut the data.
        ratings: Table of ratings, for the default reader.
        users: Table of user features, for the default reader.
        items: Table of item features, for the default reader.
        duplicates: How to handle a pair rated twice.
        default_protocol: Name of the protocol to use if none is given.
        default_folds: Names of the folds to run with that protocol; empty for all.
        data_id: `benchbox.protocols.data_id` under default options; empty if unknown.
        expected_folds: Fold id by recipe, such as ``"holdout"``, and fold name.
        fold_format: `benchbox.data.FOLD_FORMAT` when ``expected_folds`` were computed.
        licence: Licence terms.
        citation: Publication to cite.
    """

    name: str
    title: str
    summary: str
    scale: RatingScale | None = None
    n_users: int | None = None
    n_items: int | None = None
    n_ratings: int | None = None
    sources: tuple[Declared, ...] = ()
    digests: Mapping[str, str] = {}
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
    fold_format: int = 1
    licence: Licence = Licence(text="Your own data.")
    citation: str = ""

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Return the card written in a TOML file.

        Raises:
            PluginError: The file is not a valid card; names the wrong field.
        """
        try:
            return msgspec.toml.decode(path.read_bytes(), type=cls)
        except UNDECODABLE as error:
            raise PluginError(
                f"{path.name} is not a data set card: {error}. Correct it."
            ) from None

    def sources_for(self, options: Options) -> tuple[Declared, ...]:
        """Return the sources of the files that *options* ask for."""
        values = {f"{{{name}}}": str(value) for name, value in to_json(options).items()}

        def filled(part: Any, hashed: str = "") -> Any:
            if isinstance(part, str):
                for mark, value in values.items():
                    part = part.replace(mark, value)
                return part or self.digests.get(hashed, "")
            if isinstance(part, Mapping):
                names = {key: filled(key) for key in part}
                return {names[k]: filled(inner, names[k]) for k, inner in part.items()}
            if isinstance(part, list | tuple):
                return [filled(inner) for inner in part]
            return part

        return tuple(filled(source) for source in self.sources)

    def options_type(self) -> type[Options]:
        """Return the options record; imports its module.

        Raises:
            PluginError: There is none of that name.
        """
        if not self.options:
            return NoOptions
        found = self.resolve(self.options)
        if not (isinstance(found, type) and issubclass(found, Options)):
            raise PluginError(
                f"The card of data set {self.name!r} names {self.options!r}, which is "
                f"no subclass of benchbox.Options."
            )
        return found

    def resolve(self, target: str) -> Any:
        """Return the object that *target*, ``"package.module:name"``, names.

        Raises:
            PluginError: The module cannot be imported, or lacks the name.
        """
        module, _, name = target.partition(":")
        # Importing runs the code of a plugin, which may raise anything.
        try:
            return getattr(import_module(module), name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(
                f"The card of data set {self.name!r} names {target!r}, which cannot be "
                f"imported: {error_line(error)}."
            ) from error

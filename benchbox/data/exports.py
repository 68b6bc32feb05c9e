"""Exports of one person's ratings, as Goodreads, Letterboxd and IMDb give them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from benchbox.data.readers import read_chosen
from benchbox.data.tables.roles import BY_NAME, Choice
from benchbox.ratings import RatingScale

if TYPE_CHECKING:
    from benchbox.data.cards import RatingsTable
    from benchbox.data.raw import RawRatings
    from benchbox.data.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How a site writes the ratings of one of its users.

    Attributes:
        site: Name of the site.
        columns: Names of its columns by role; there is none for the user.
        also: Another column that its files have.
        scale: The site's rating scale.
        missing: Numbers that mean "not rated".
    """

    site: str
    columns: Mapping[str, str]
    also: str
    scale: RatingScale
    missing: tuple[float, ...] = ()


EXPORTS = (
    Export(
        site="Goodreads",
        columns={"item": "Book Id", "rating": "My Rating", "timestamp": "Date Added"},
        also="Exclusive Shelf",
        scale=RatingScale(1, 5, 1),
        missing=(0.0,),
    ),
    Export(
        site="Letterboxd",
        columns={"item": "Letterboxd URI", "rating": "Rating", "timestamp": "Date"},
        also="Name",
        scale=RatingScale(0.5, 5, 0.5),
    ),
    Export(
        site="IMDb",
        columns={"item": "Const", "rating": "Your Rating", "timestamp": "Date Rated"},
        also="Title",
        scale=RatingScale(1, 10, 1),
    ),
)


def export_of(table: "Table") -> Export | None:
    """Return the site whose export *table* is, by the names of its columns."""
    names = {name.strip().lstrip("\ufeff") for name in table.first}
    return next(
        (each for each in EXPORTS if {*each.columns.values(), each.also} <= names), None
    )


def read_export(
    table: "Table", export: Export, layout: "RatingsTable", user: str
) -> "RawRatings":
    """Read an export, all of whose ratings are of *user*.

    Raises:
        DataError: The table cannot be read, or has no ratings.
    """
    names = [name.strip().lstrip("\ufeff") for name in table.first]
    places = {role: names.index(name) for role, name in export.columns.items()}
    choice = Choice(places, headed=True, how=dict.fromkeys(places, BY_NAME))
    layout = structs.replace(layout, missing=export.missing)
    raw = read_chosen(table, choice, layout, user)
    note = (
        f"An export of {export.site}: the ratings of a file are of one user, who is "
        f"called after it. A folder of such files has a user for each."
    )
    return replace(raw, scale=export.scale, notes=(note, *raw.notes))

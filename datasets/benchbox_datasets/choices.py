"""Data sets of which an option chooses the file: Amazon Reviews and Goodreads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchbox.data import (
    DatasetCard,
    RatingsTable,
    RawRatings,
    SliceOptions,
    read_ratings,
)

Category = Literal[
    "All_Beauty",
    "Amazon_Fashion",
    "Appliances",
    "Arts_Crafts_and_Sewing",
    "Automotive",
    "Baby_Products",
    "Beauty_and_Personal_Care",
    "Books",
    "CDs_and_Vinyl",
    "Cell_Phones_and_Accessories",
    "Clothing_Shoes_and_Jewelry",
    "Digital_Music",
    "Electronics",
    "Gift_Cards",
    "Grocery_and_Gourmet_Food",
    "Handmade_Products",
    "Health_and_Household",
    "Health_and_Personal_Care",
    "Home_and_Kitchen",
    "Industrial_and_Scientific",
    "Kindle_Store",
    "Magazine_Subscriptions",
    "Movies_and_TV",
    "Musical_Instruments",
    "Office_Products",
    "Patio_Lawn_and_Garden",
    "Pet_Supplies",
    "Software",
    "Sports_and_Outdoors",
    "Subscription_Boxes",
    "Tools_and_Home_Improvement",
    "Toys_and_Games",
    "Video_Games",
    "Unknown",
]
"""Categories of Amazon Reviews 2023."""

Genre = Literal[
    "children",
    "comics_graphic",
    "fantasy_paranormal",
    "history_biography",
    "mystery_thriller_crime",
    "poetry",
    "romance",
    "young_adult",
]
"""Genres of Goodreads."""


class AmazonOptions(SliceOptions, frozen=True):
    """Options of Amazon Reviews 2023.

    Attributes:
        category: Category of the products, as its publisher spells it.
    """

    category: Category = "All_Beauty"


class GoodreadsOptions(SliceOptions, frozen=True):
    """Options of Goodreads.

    Attributes:
        genre: Genre of the books, as its publisher spells it.
    """

    genre: Genre = "poetry"


def read_only_file(
    files: Mapping[str, Path], card: DatasetCard, options: SliceOptions
) -> RawRatings:
    """Read the one file as the card says."""
    ((name, path),) = files.items()
    return read_ratings(path, card.ratings or RatingsTable(file=name))

"""Encodes features of users or items as numeric matrices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ModelError
from benchbox.ratings import Features, Ratings

# A text column with more labels than this identifies its rows (titles, postal codes)
# rather than describing them.
_MOST_LABELS = 128


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EncodedFeatures:
    """Features as a matrix.

    Attributes:
        names: Name of each column, such as ``age`` or ``genres=Drama``.
        matrix: One row per user or item, float32, shape ``(n, len(names))``.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.float32]


def described(ratings: Ratings, *, users: bool, asked: str) -> EncodedFeatures:
    """Return the encoded features of all users or all items of *ratings*.

    Args:
        ratings: Ratings with features.
        users: Whether to encode user features, or else item features.
        asked: The setting that needs them, for the error message.

    Raises:
        ModelError: There are no usable features.
    """
    what = "user" if users else "item"
    table = ratings.user_features if users else ratings.item_features
    encoded = encode_features(table, ratings.n_users if users else ratings.n_items)
    if not encoded.names:
        raise ModelError(
            f"{asked} needs {what} features, and this data set has no usable ones. "
            f"Leave it out."
        )
    return encoded


def encode_features(features: Features | None, n: int) -> EncodedFeatures:
    """Return *features* as numbers.

    Numbers are standardised to mean 0 and variance 1; missing ones become 0. Text
    becomes a 0/1 column per label; ``Action|Drama`` holds two labels, and an empty
    string none. Text columns with more than 128 labels are left out.

    Args:
        features: Columns by name, or `None`.
        n: Number of users or items.
    """
    names: list[str] = []
    columns: list[NDArray[np.float32]] = []
    for name, column in (features or {}).items():
        if column.dtype.kind in "biuf":
            names.append(name)
            columns.append(_standardized(column))
            continue
        labels = [set(filter(None, str(text).split("|"))) for text in column]
        distinct = sorted(set().union(*labels))
        if len(distinct) > _MOST_LABELS:
            continue
        for label in distinct:
            names.append(f"{name}={label}")
            columns.append(np.array([label in own for own in labels], np.float32))
    matrix = np.zeros((n, len(names)), dtype=np.float32)
    for place, column in enumerate(columns):
        matrix[:, place] = column
    return EncodedFeatures(names=tuple(names), matrix=matrix)


def _standardized(column: NDArray[np.generic]) -> NDArray[np.float32]:
    numbers = column.astype(np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return np.zeros(len(numbers), np.float32)
    spread = float(numbers[known].std()) or 1.0
    rest = np.where(known, numbers - numbers[known].mean(), 0.0) / spread
    return rest.astype(np.float32)

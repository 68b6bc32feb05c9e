"""Hashes that identify ratings, features and folds."""

from hashlib import blake2b
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from benchbox.ratings import Ratings

FOLD_FORMAT = 2
"""Version of the rule by which folds and seeds are drawn.

It is no part of any hash. A fold's id covers the role of every rating, so folds that a
new rule draws otherwise get new ids, and those that are not drawn keep theirs.
"""

_HASH_FORMAT = 1

_Part = bytes | NDArray[np.generic]


def data_id(ratings: Ratings) -> str:
    """Return the hash of the raw ids, ratings and timestamps.

    It does not depend on the order or format of the file, since ratings are loaded in
    canonical order.
    """
    if (known := _DATA_IDS.get(ratings)) is not None:
        return known
    parts: list[_Part] = [b"data %d" % _HASH_FORMAT]
    for ids in (ratings.user_ids, ratings.item_ids):
        names = [] if ids is None else ids.tolist()
        parts.append("\0".join(map(str, names)).encode())
    parts += [ratings.users, ratings.items, ratings.values]
    if ratings.timestamps is not None:
        parts.append(ratings.timestamps)
    _DATA_IDS[ratings] = digest_of(*parts)
    return _DATA_IDS[ratings]


def remember_data_id(ratings: Ratings, identity: str) -> None:
    """Set the `data_id` of *ratings* to *identity*, which was computed before."""
    _DATA_IDS[ratings] = identity


# Ratings never change, and hashing 20 million takes half a second.
_DATA_IDS: WeakKeyDictionary[Ratings, str] = WeakKeyDictionary()


def features_id(ratings: Ratings) -> str:
    """Return the hash of the features of users and items."""
    parts: list[_Part] = [b"features %d" % _HASH_FORMAT]
    for features in (ratings.user_features, ratings.item_features):
        for name, column in (features or {}).items():
            text = column.dtype.kind in "OUST"
            parts.append(name.encode())
            parts.append("\0".join(column.tolist()).encode() if text else column)
        parts.append(b"end")
    return digest_of(*parts)


def digest_of(*parts: _Part) -> str:
    """Return the hash of *parts* and their lengths, as 32 hexadecimal digits."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else _little_endian(part)
        # Without the lengths, ("ab", "c") and ("a", "bc") would have the same hash.
        digest.update(memoryview(data).nbytes.to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _little_endian(array: NDArray[np.generic]) -> memoryview:
    contiguous = np.ascontiguousarray(array)
    return contiguous.astype(contiguous.dtype.newbyteorder("<"), copy=False).data

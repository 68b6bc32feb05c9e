"""Types for reading a table: the columns wanted, and the columns read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import Floats, IdColumn

Kind = Literal["id", "number", "seconds", "text"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column to read.

    Attributes:
        position: Position of the column in the table, from 0.
        kind: Type of its fields: non-empty ids, finite numbers, seconds (numbers
            rounded down to whole ones) or text.
    """

    position: int
    kind: Kind


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Columns:
    """Columns read from a table, by the names in the request.

    Attributes:
        n_rows: Length of every column.
        ids: Id columns.
        numbers: Finite number columns: float64, or float32 if that is exact.
        seconds: Columns of whole seconds, int64.
        texts: Text columns; an empty field is an empty string.
    """

    n_rows: int
    ids: Mapping[str, IdColumn]
    numbers: Mapping[str, Floats]
    seconds: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    texts: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

"""Fields: what is asked of a table, and the typed columns it answers with."""

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
        position: Place of the column in the table, from 0.
        kind: What its fields are: ids are never empty, numbers always finite, and
            seconds are numbers cut to whole ones.
    """

    position: int
    kind: Kind


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Columns:
    """Columns read from a table, all of one length, by the name they were asked for.

    Attributes:
        n_rows: Their length.
        ids: Columns of ids.
        numbers: Columns of finite float64, or of float32 where that rounds nothing.
        seconds: Columns of int64.
        texts: Columns of text; an empty field is an empty text.
    """

    n_rows: int
    ids: Mapping[str, IdColumn]
    numbers: Mapping[str, Floats]
    seconds: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    texts: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)

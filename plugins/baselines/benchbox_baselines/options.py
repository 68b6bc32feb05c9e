"""Options of the baselines."""

from typing import Annotated

from msgspec import Meta

from benchbox import Options


class BiasOptions(Options, frozen=True):
    """Options of ``bias``.

    Attributes:
        user_damping: Number of pseudo-ratings that pull a user's offset towards 0.
        item_damping: Number of pseudo-ratings that pull an item's offset towards 0.
        n_sweeps: Number of times the offsets of items and users are fitted in turn.
    """

    user_damping: Annotated[float, Meta(ge=0)] = 5.0
    item_damping: Annotated[float, Meta(ge=0)] = 2.0
    n_sweeps: Annotated[int, Meta(ge=1)] = 10

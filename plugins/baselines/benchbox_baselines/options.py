"""Options of the baselines."""

from typing import Annotated

from msgspec import Meta

from benchbox import Options

Damping = Annotated[float, Meta(ge=0)] | None


class BiasOptions(Options, frozen=True):
    """Options of ``bias``.

    Attributes:
        user_damping: Number of pseudo-ratings that pull a user's offset towards 0;
            ``null``, the default, fits it to the training ratings.
        item_damping: The same for an item's offset.
        n_sweeps: Number of times the offsets of items and users are fitted in turn.
    """

    user_damping: Damping = None
    item_damping: Damping = None
    n_sweeps: Annotated[int, Meta(ge=1)] = 10

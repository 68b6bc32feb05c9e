"""Flawed protocols from the literature, which do not measure prediction.

They exist so that figures published under them can be reproduced, and compared with
figures under a sound protocol. Each states its flaw; no table mixes them with others.
"""

from collections.abc import Iterator, Mapping

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.positions import every_position, positions_where
from benchbox.arrays.quantiles import quantile_of
from benchbox.options import Options
from benchbox.protocols.cold_start import flag_new_users
from benchbox.protocols.partition import Fraction, Partition, Protocol, Seed
from benchbox.protocols.random_splits import carve_random
from benchbox.protocols.temporal import has_timestamps
from benchbox.ratings import Ratings


class ReconstructionOptions(Options, frozen=True):
    """Options of ``reconstruction``.

    Attributes:
        quantile: Share of all ratings, earliest first, to train on; 1 for all. Later
            ratings are shown and asked for too if their user and item were trained on.
    """

    quantile: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.quantile <= 1:
            raise ValueError(f"quantile must be above 0 and at most 1: {self.quantile}")


def split_reconstruction(
    ratings: Ratings, shipped: Mapping[str, Partition], options: ReconstructionOptions
) -> Iterator[Partition]:
    """Yield one fold that asks for the same ratings that it shows."""
    n, users, items = len(ratings), ratings.users, ratings.items
    if options.quantile == 1:
        everything = every_position(n)
        yield Partition(
            name="shown", train=everything, history=everything, hidden=everything
        )
        return
    stamps = has_timestamps(ratings, "reconstruction:quantile=…")
    last = quantile_of(stamps, options.quantile)
    early = positions_where(n, lambda part: stamps[part] <= last)
    users_seen = tally(mapped.gathered(users, early), ratings.n_users) > 0
    items_seen = tally(mapped.gathered(items, early), ratings.n_items) > 0
    shown = positions_where(
        n,
        lambda part: (
            (stamps[part] <= last) | (users_seen[users[part]] & items_seen[items[part]])
        ),
    )
    yield Partition(name="shown", train=early, history=shown, hidden=shown)


class NewUsersReconstructionOptions(Options, frozen=True):
    """Options of ``reconstruction-new-users``.

    Attributes:
        fraction: Share of users to hold out of training.
        by_id: Whether to hold out the last users in order of id, not random ones.
        seed: Seed that draws the users, unless ``by_id`` is set.
    """

    fraction: Fraction = 0.1
    by_id: bool = False
    seed: Seed = 0


def split_new_users_reconstruction(
    ratings: Ratings,
    shipped: Mapping[str, Partition],
    options: NewUsersReconstructionOptions,
) -> Iterator[Partition]:
    """Yield one fold that shows all ratings of new users and asks for the same ones."""
    seed = None if options.by_id else options.seed
    is_new = flag_new_users(ratings, options.fraction, seed)
    n, users = len(ratings), ratings.users
    shown = positions_where(n, lambda part: is_new[users[part]])
    train = positions_where(n, lambda part: ~is_new[users[part]])
    yield Partition(name="shown", train=train, history=shown, hidden=shown)


_FLAW = "the model is shown the very ratings it is asked for, so copying them wins"

FLAWED = (
    Protocol(
        name="reconstruction",
        summary="flawed: asks for the same ratings that it shows",
        options=ReconstructionOptions,
        split=split_reconstruction,
        carve=carve_random,
        flaw=_FLAW,
    ),
    Protocol(
        name="reconstruction-new-users",
        summary="flawed: asks for the same ratings of new users that it shows",
        options=NewUsersReconstructionOptions,
        split=split_new_users_reconstruction,
        carve=carve_random,
        new_users=True,
        flaw=_FLAW,
    ),
)
"""The flawed protocols that come with benchbox."""

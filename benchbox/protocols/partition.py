"""Partitions and protocols: which ratings are visible, and which are hidden."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each, fill, slices
from benchbox.arrays.positions import positions_where
from benchbox.options import Options
from benchbox.ratings import IndexArray, Positions, Ratings

VALIDATION_FRACTION = 0.1
"""Share of the training ratings that is set aside to choose epochs and options by."""

TRAIN, HISTORY, HIDDEN = 1, 2, 4
"""The parts of a fold as bits; a rating's role is the sum of the parts it is in."""

TimeOrder = Literal["", "overall", "by user"]
"""What a protocol promises about time: nothing (``""``), or that every hidden rating is
later than all visible ones (``"overall"``) or than the same user's (``"by user"``).
"""

Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
"""An option that is a share: above 0 and below 1."""

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""An option that is a seed, from 0 up to what JSON keeps exactly."""

Count = Annotated[int, msgspec.Meta(ge=1)]

_FoldOf = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Partition:
    """One way to split a data set, as increasing positions into its `Ratings`.

    Attributes:
        name: Name within the protocol, such as ``"u1"``.
        train: Positions of the ratings that `fit` may see.
        history: Positions of the ratings that `predict` may see: the training ratings
            themselves, or the fold-in of users that were not trained on.
        hidden: Positions of the ratings to predict.
        validation: Positions of the training ratings to choose epochs and options by;
            `None` if the protocol carves them.
    """

    name: str
    train: Positions
    history: Positions
    hidden: Positions
    validation: Positions | None = None

    @property
    def is_warm(self) -> bool:
        """Whether the history is the training ratings themselves."""
        return self.history is self.train

    def roles(self, n: int) -> NDArray[np.uint8]:
        """Return the role of each of *n* ratings, shape ``(n,)``, uint8.

        A role is the sum of `TRAIN`, `HISTORY` and `HIDDEN`, or 0 for unused ratings.
        """
        roles = mapped.zeros(n, np.uint8)
        roles[self.train] = TRAIN | HISTORY if self.is_warm else TRAIN
        if not self.is_warm:
            roles[self.history] |= HISTORY
        roles[self.hidden] |= HIDDEN
        return roles


class KFoldPartition(Partition):
    """One of several folds; its positions are computed each time they are read.

    Stored positions of five folds would take more memory than the ratings do.

    Args:
        name: Name within the protocol, such as ``"k1"``.
        fold_of: Number of the fold that hides each rating, shape ``(n,)``.
        number: Number of this fold.
    """

    __slots__ = ("_fold_of", "_number")
    _fold_of: _FoldOf
    _number: int

    def __init__(self, name: str, fold_of: _FoldOf, number: int) -> None:
        for attribute, value in (
            ("name", name),
            ("_fold_of", fold_of),
            ("_number", number),
            ("validation", None),
        ):
            object.__setattr__(self, attribute, value)

    @property
    def train(self) -> Positions:  # noqa: D102
        return self._where(lambda fold_of: fold_of != self._number)

    @property
    def history(self) -> Positions:  # noqa: D102
        return self.train

    @property
    def hidden(self) -> Positions:  # noqa: D102
        return self._where(lambda fold_of: fold_of == self._number)

    @property
    def is_warm(self) -> bool:  # noqa: D102
        return True

    def roles(self, n: int) -> NDArray[np.uint8]:  # noqa: D102
        roles = mapped.empty(n, np.uint8)

        def roles_of(part: slice) -> NDArray[np.uint8]:
            is_hidden = self._fold_of[part] == self._number
            return np.where(is_hidden, np.uint8(HIDDEN), np.uint8(TRAIN | HISTORY))

        fill(roles, roles_of)
        return roles

    def _where(self, is_chosen: Callable[[_FoldOf], NDArray[np.bool_]]) -> Positions:
        folds = self._fold_of
        return positions_where(len(folds), lambda part: is_chosen(folds[part]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A named evaluation recipe.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: One line that describes the protocol.
        options: Type of its options.
        split: Splits ratings into folds. Gets the ratings, the partitions that come
            with the data set, and the options.
        carve: Sets aside validation ratings from the training ratings, by the same rule
            as the test. Gets the training ratings, the options and a seed.
        new_users: Whether test users have no training ratings, so that only inductive
            models can take part.
        new_items: Whether test items have no training ratings.
        time_order: Promise that hidden ratings are later than visible ones. It needs
            timestamps, and the audit of folds checks it.
        cold_policy: What happens to hidden ratings of users or items that have no
            training rating.
        flaw: Why figures under it do not measure prediction; empty for sound protocols.
    """

    name: str
    summary: str
    options: type[Options]
    split: Callable[[Ratings, Mapping[str, Partition], Any], Iterator[Partition]]
    carve: Callable[[Ratings, Any, int], Partition]
    new_users: bool = False
    new_items: bool = False
    time_order: TimeOrder = ""
    cold_policy: str = "scored; filled by the bias model where a model cannot answer"
    flaw: str = ""


def hiding(
    name: str, hidden: Positions, n: int, validation: Positions | None = None
) -> Partition:
    """Return a partition of *n* ratings that hides the positions *hidden*.

    They may be in any order, shape ``(n_hidden,)``. All other ratings are visible to
    `fit` and `predict`, those at the increasing positions *validation*, shape
    ``(n_validation,)``, too.
    """
    is_hidden = mapped.zeros(n, np.bool_)
    is_hidden[hidden] = True
    return hiding_where(name, n, lambda part: is_hidden[part], validation)


def hiding_where(
    name: str,
    n: int,
    is_hidden: Callable[[slice], NDArray[np.bool_]],
    validation: Positions | None = None,
) -> Partition:
    """Return a partition of *n* ratings that hides the chosen ones; see `hiding`.

    Args:
        name: Name within the protocol.
        n: Number of ratings.
        is_hidden: Returns whether each rating of a part of them is hidden.
        validation: Increasing positions of validation ratings, shape
            ``(n_validation,)``.
    """
    train = positions_where(n, lambda part: ~is_hidden(part))
    return Partition(
        name=name,
        train=train,
        history=train,
        hidden=positions_where(n, is_hidden),
        validation=validation,
    )


def hiding_by_user(
    name: str,
    users: IndexArray,
    by_user: Positions,
    first: NDArray[np.int64],
    end: NDArray[np.int64],
) -> Partition:
    """Return a partition that hides some consecutive ratings of each user.

    Args:
        name: Name within the protocol.
        users: User per rating, shape ``(n,)``.
        by_user: Positions of all ratings, those of a user beside each other, ``(n,)``.
        first: Where among these each user's hidden ratings start, ``(n_users,)``.
        end: Where they end, shape ``(n_users,)``.
    """
    is_hidden = mapped.zeros(len(users), np.bool_)

    def mark(part: slice) -> None:
        positions, places = by_user[part], np.arange(part.start, part.stop)
        owners = users[positions]
        is_within = (first[owners] <= places) & (places < end[owners])
        is_hidden[positions[is_within]] = True

    each(mark, slices(len(users)))
    return hiding_where(name, len(users), lambda part: is_hidden[part])

"""Parts: which ratings of a data set are visible, and which are hidden."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.options import Options
from benchbox.ratings import Positions, Ratings

VALIDATION_FRACTION = 0.1
"""Share of what may be trained on that is set aside to choose epochs and options by."""

TRAIN, HISTORY, HIDDEN = 1, 2, 4
"""Parts of a fold, as bits of a rating's role."""

TimeOrder = Literal["", "overall", "by user"]
"""What a protocol promises of time: nothing, or that every hidden rating is later than
all visible ones, or than those of the same user.
"""

Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Count = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Partition:
    """One way to part a data set, as rising positions into its `Ratings`.

    Attributes:
        name: Name within the protocol, such as ``"u1"``.
        train: What `fit` may see.
        history: What `predict` may see: the training ratings themselves, or the
            fold-in of users never trained on.
        hidden: What must be predicted.
    """

    name: str
    train: Positions
    history: Positions
    hidden: Positions

    @property
    def is_warm(self) -> bool:
        """Whether the history is the training ratings themselves."""
        return self.history is self.train

    def roles(self, n: int) -> NDArray[np.uint8]:
        """Return the parts that each of *n* ratings is in, shape ``(n,)``.

        `TRAIN`, `HISTORY` and `HIDDEN` are added up; 0 is for a rating left out.
        """
        roles = np.zeros(n, dtype=np.uint8)
        roles[self.train] = TRAIN | HISTORY if self.is_warm else TRAIN
        if not self.is_warm:
            roles[self.history] |= HISTORY
        roles[self.hidden] |= HIDDEN
        return roles


class Dealt(Partition):
    """One of many folds: its positions are found only when they are asked for.

    Written out, those of five folds would take more memory than the ratings do.
    """

    __slots__ = ("_dealt", "_number")
    _dealt: NDArray[np.unsignedinteger[Any]]
    _number: int

    def __init__(
        self, name: str, dealt: NDArray[np.unsignedinteger[Any]], number: int
    ) -> None:
        for attribute, value in (
            ("name", name),
            ("_dealt", dealt),
            ("_number", number),
        ):
            object.__setattr__(self, attribute, value)

    @property
    def train(self) -> Positions:  # noqa: D102
        return np.flatnonzero(self._dealt != self._number)

    @property
    def history(self) -> Positions:  # noqa: D102
        return self.train

    @property
    def hidden(self) -> Positions:  # noqa: D102
        return np.flatnonzero(self._dealt == self._number)

    @property
    def is_warm(self) -> bool:  # noqa: D102
        return True

    def roles(self, n: int) -> NDArray[np.uint8]:  # noqa: D102
        is_hidden = self._dealt == self._number
        return np.where(is_hidden, np.uint8(HIDDEN), np.uint8(TRAIN | HISTORY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A named evaluation recipe.

    Attributes:
        name: Name on the command line, kebab-case.
        summary: One line for people.
        options: Record of its settings.
        split: Parts ratings into folds. It gets the ratings, the partitions the
            data set itself ships, and the options.
        carve: Sets validation ratings aside from training ratings, by the rule of
            the test. It gets the training ratings, the options and a seed.
        new_users: Whether test users are absent from training, so that only
            inductive models can take part.
        new_items: Whether test items are absent from training.
        time_order: Which hidden ratings are later than which visible ones. Whoever
            promises any needs timestamps, and is held to it by the audit.
        cold_policy: What happens to hidden ratings of users or items that have no
            training rating.
        flaw: Why figures under it say little of prediction; empty for honest ones.
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


def hiding(name: str, hidden: Positions, n: int) -> Partition:
    """Return the partition of *n* ratings that hides those at *hidden*, in any order.

    All others are visible, both to `fit` and to `predict`.
    """
    is_hidden = np.zeros(n, dtype=bool)
    is_hidden[hidden] = True
    train = np.flatnonzero(~is_hidden)
    return Partition(
        name=name, train=train, history=train, hidden=np.flatnonzero(is_hidden)
    )

"""What all wrappers need: kinds of options, specs, ids, row order and seeds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox import Capabilities, ModelSpec, Options
from benchbox.models import SearchSpace
from benchbox.options import to_json
from benchbox.ratings import IndexArray, Ratings, Values

Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Library:
    """A library whose models are offered.

    Attributes:
        extra: Its name as an extra of this package, and before its models' names.
        distribution: Its name on the package index.
    """

    extra: str
    distribution: str

    def model(  # noqa: PLR0913
        self,
        name: str,
        *,
        target: str,
        summary: str,
        options: type[Options],
        cost_hint: float,
        capabilities: Capabilities | None = None,
        search: SearchSpace | None = None,
        reference: str = "",
        presets: Mapping[str, Mapping[str, Any]] | None = None,
        known_breaches: Mapping[str, str] | None = None,
    ) -> ModelSpec:
        """Return the spec of one of its models, called ``extra-name``.

        It is in a run only if it is asked for: a default run compares benchbox's own.

        Args:
            name: Name within the library, kebab-case.
            target: Name of the class in the module of this package for the library.
            summary: One-line description.
            options: Options record, with the library's names and defaults.
            cost_hint: Rough fit time in seconds per 100,000 ratings.
            capabilities: What the model can do, if not what most can.
            search: Values that tuning may try.
            reference: Publication of the method.
            presets: Option values by preset name.
            known_breaches: Promises of the contract that the library breaks.
        """
        return ModelSpec(
            name=f"{self.extra}-{name}",
            target=f"benchbox_rivals.{self.extra}:{target}",
            summary=summary,
            options=options,
            capabilities=capabilities or Capabilities(),
            presets=presets or {},
            reference=reference,
            search=search or {},
            cost_hint=cost_hint,
            by_default=False,
            requires=(self.distribution,),
            install=f"pip install 'benchbox-rivals[{self.extra}]'",
            known_breaches=known_breaches or {},
        )


class RowOrder(Options, frozen=True):
    """Options of a library that takes the ratings one by one, in the order given.

    Attributes:
        shuffled: Whether to pass the ratings in random order, drawn with the seed of
            the trial, instead of by user and then item as benchbox stores them.
    """

    shuffled: bool = False


def seed32(seed: int) -> int:
    """Return a seed as NumPy's older generators and C++ take it, below 2^31."""
    return seed % 2**31


def own_options(options: Options) -> dict[str, Any]:
    """Return the options that the library itself has, by name."""
    given = to_json(options)
    given.pop("shuffled", None)
    return given


def ordered(train: Ratings, options: Options, seed: int) -> Ratings:
    """Return the training ratings in the order to pass them in."""
    if not (isinstance(options, RowOrder) and options.shuffled):
        return train
    random = np.random.Generator(np.random.PCG64(seed))
    return train.take(random.permutation(len(train)))


@dataclass(frozen=True, slots=True, eq=False)
class FirstSeen:
    """Users or items, numbered from 0 in the order in which the training shows them.

    Libraries number them so, and their start values depend on it. What they do not see
    in training has the number after the last.

    Attributes:
        numbers: Number by benchbox's index, shape ``(n,)``, int64.
        n_known: How many are in training.
    """

    numbers: NDArray[np.int64]
    n_known: int

    @classmethod
    def of(cls, indexes: IndexArray, n: int) -> "FirstSeen":
        """Number *n* users or items by the index of each training rating."""
        known, places = np.unique(indexes, return_index=True)
        numbers = np.full(n, len(known), dtype=np.int64)
        numbers[known[np.argsort(places)]] = np.arange(len(known))
        return cls(numbers, len(known))


@dataclass(frozen=True, slots=True, eq=False)
class UserPairs:
    """Pairs to predict, grouped by user, for libraries that answer user by user.

    Attributes:
        order: Positions of the pairs, those of a user together, shape ``(n,)``.
        users: Each user, rising, shape ``(k,)``.
        bounds: User ``j`` has ``order[bounds[j]:bounds[j + 1]]``, shape ``(k + 1,)``.
    """

    order: NDArray[np.int64]
    users: NDArray[np.integer[Any]]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, users: NDArray[np.integer[Any]]) -> "UserPairs":
        """Group pairs by the user of each."""
        order = np.argsort(users, kind="stable")
        found, starts = np.unique(users[order], return_index=True)
        return cls(order, found, np.append(starts, len(users)))

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield each user with the positions of their pairs."""
        for user, start, end in zip(
            self.users.tolist(), self.bounds[:-1], self.bounds[1:], strict=True
        ):
            yield user, self.order[start:end]


def as_values(predicted: Any) -> Values:
    """Return predictions as benchbox takes them, float32."""
    return np.asarray(predicted, dtype=np.float32)

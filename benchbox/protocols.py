"""Protocols: named recipes that part ratings into visible and hidden ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ProtocolError
from benchbox.options import NoOptions, Options, to_json
from benchbox.ratings import Positions, Ratings
from benchbox.seeding import permutation

FOLD_FORMAT = 1
"""Changes whenever equal folds would get another id."""

VALIDATION_FRACTION = 0.1

Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


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


class _Dealt(Partition):
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
    def train(self) -> Positions:
        return np.flatnonzero(self._dealt != self._number)

    @property
    def history(self) -> Positions:
        return self.train

    @property
    def hidden(self) -> Positions:
        return np.flatnonzero(self._dealt == self._number)

    @property
    def is_warm(self) -> bool:
        return True


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
    cold_policy: str = "scored; filled by the bias model where a model cannot answer"
    flaw: str = ""


class _Shelf:
    """Holds copies of the ratings of one fold at a time, the last one used."""

    def __init__(self) -> None:
        self._fold: Fold | None = None
        self._copies: dict[str, Ratings] = {}

    def get(self, fold: "Fold", part: str) -> Ratings:
        """Return the ratings in *part* of *fold*."""
        if self._fold is not fold:
            self._copies.clear()
            self._fold = fold
        if part not in self._copies:
            positions = getattr(fold.partition, part)
            self._copies[part] = fold.ratings.take(positions)
        return self._copies[part]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold:
    """A partition of particular ratings under a particular recipe.

    Attributes:
        ratings: All ratings of the data set.
        partition: Which of them are train, history and hidden.
        protocol: The protocol that made it.
        options: The protocol's options in force.
        data_id: `data_id` of the ratings.
        shelf: What keeps copies of its parts, for this and other folds.
    """

    ratings: Ratings
    partition: Partition
    protocol: Protocol
    options: Options
    data_id: str
    shelf: _Shelf = field(default_factory=_Shelf, repr=False)

    @property
    def name(self) -> str:
        """Name within the protocol, such as ``"u1"``."""
        return self.partition.name

    @property
    def train(self) -> Ratings:
        """The ratings a model may be fitted to."""
        return self.shelf.get(self, "train")

    @property
    def history(self) -> Ratings:
        """The ratings a model may look at while predicting."""
        return self.shelf.get(self, "train" if self.partition.is_warm else "history")

    @property
    def hidden(self) -> Ratings:
        """The ratings to predict; the process that fits a model never holds them."""
        return self.shelf.get(self, "hidden")

    @cached_property
    def id(self) -> str:
        """Hash of the data, the recipe and who is in which part.

        Two folds with one id hold the same ratings in the same roles, whatever
        file the data came from, and whatever the data set is called.
        """
        roles = np.zeros(len(self.ratings), dtype=np.uint8)
        roles[self.partition.train] = 3 if self.partition.is_warm else 1
        if not self.partition.is_warm:
            roles[self.partition.history] |= 2
        roles[self.partition.hidden] |= 4
        recipe = {"protocol": self.protocol.name, **to_json(self.options)}
        return _digest(
            b"fold %d" % FOLD_FORMAT,
            self.data_id.encode(),
            msgspec.json.encode(recipe, order="sorted"),
            self.name.encode(),
            roles,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Visible:
    """What one trial's model may see.

    Attributes:
        train: Ratings to fit.
        validation: Ratings to choose epochs and options by.
        validation_history: What is visible while predicting ``validation``.
    """

    train: Ratings
    validation: Ratings
    validation_history: Ratings


def data_id(ratings: Ratings) -> str:
    """Return the hash of the ratings themselves: raw ids, values and timestamps.

    Ratings are loaded in one canonical order, users and items sorted by id, so
    neither the order of the file nor its format enters.
    """
    if (known := _DATA_IDS.get(ratings)) is not None:
        return known
    parts: list[bytes | NDArray[np.generic]] = [b"data %d" % FOLD_FORMAT]
    for ids in (ratings.user_ids, ratings.item_ids):
        names = [] if ids is None else ids.tolist()
        parts.append("\0".join(map(str, names)).encode())
    parts += [ratings.users, ratings.items, ratings.values]
    if ratings.timestamps is not None:
        parts.append(ratings.timestamps)
    _DATA_IDS[ratings] = _digest(*parts)
    return _DATA_IDS[ratings]


def remember_data_id(ratings: Ratings, identity: str) -> None:
    """Take *identity* for the `data_id` of *ratings*, where it was computed before."""
    _DATA_IDS[ratings] = identity


# Ratings never change, and hashing 20 million takes half a second.
_DATA_IDS: WeakKeyDictionary[Ratings, str] = WeakKeyDictionary()


def features_id(ratings: Ratings) -> str:
    """Return the hash of the static facts about users and items."""
    parts: list[bytes | NDArray[np.generic]] = [b"features %d" % FOLD_FORMAT]
    for features in (ratings.user_features, ratings.item_features):
        for name, column in (features or {}).items():
            text = column.dtype.kind in "OUST"
            parts.append(name.encode())
            parts.append("\0".join(column.tolist()).encode() if text else column)
        parts.append(b"end")
    return _digest(*parts)


def make_folds(
    ratings: Ratings,
    protocol: Protocol,
    options: Options,
    shipped: Mapping[str, Partition],
) -> list[Fold]:
    """Return all folds of *protocol* over *ratings*.

    Args:
        ratings: The data set, in canonical order.
        protocol: The recipe.
        options: Its settings.
        shipped: Partitions the data set itself ships, by name.

    Raises:
        ProtocolError: The data lack what the recipe needs, or a part comes out empty.
    """
    identity, shelf = data_id(ratings), _Shelf()
    folds = []
    for partition in protocol.split(ratings, shipped, options):
        for part in ("train", "hidden"):
            if not len(getattr(partition, part)):
                raise ProtocolError(
                    f"Protocol {protocol.name!r} leaves the {part} part of fold "
                    f"{partition.name!r} empty: {len(ratings):,} ratings are too few "
                    f"for its options. Change them, or choose another protocol."
                )
        folds.append(
            Fold(
                ratings=ratings,
                partition=partition,
                protocol=protocol,
                options=options,
                data_id=identity,
                shelf=shelf,
            )
        )
    return folds


def carve_validation(fold: Fold, seed: int) -> Visible:
    """Set aside validation ratings from the fold's train, by its protocol's rule.

    Args:
        fold: The fold; its hidden ratings are not looked at.
        seed: Draws the validation ratings.

    Raises:
        ProtocolError: The training ratings are too few to set any aside.
    """
    train = fold.train
    parts = fold.protocol.carve(train, fold.options, seed)
    if not len(parts.train) or not len(parts.hidden):
        raise ProtocolError(
            f"Fold {fold.name!r} has {len(train):,} training ratings, too few to set "
            f"validation ratings aside."
        )
    fitted = train.take(parts.train)
    return Visible(
        train=fitted,
        validation=train.take(parts.hidden),
        validation_history=fitted if parts.is_warm else train.take(parts.history),
    )


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


def split_official(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NoOptions
) -> Iterator[Partition]:
    """Yield every fold the data set ships; a run chooses among them by name."""
    if not shipped:
        raise ProtocolError(
            "Protocol 'official' needs folds shipped with the data set, and this one "
            "has none. Try -p kfold or -p holdout."
        )
    yield from shipped.values()


class HoldoutOptions(Options, frozen=True):
    """Options of ``holdout``.

    Attributes:
        fraction: Share of all ratings to hide.
        seed: Draws the hidden ratings.
    """

    fraction: Fraction = 0.1
    seed: Seed = 0


def split_holdout(
    ratings: Ratings, shipped: Mapping[str, Partition], options: HoldoutOptions
) -> Iterator[Partition]:
    """Yield one fold whose hidden ratings are drawn without regard to user or item.

    A test user may thus have no training rating: a cold start.
    """
    order = permutation(len(ratings), options.seed)
    n_hidden = round(len(ratings) * options.fraction)
    yield hiding("holdout", order[:n_hidden], len(ratings))


class KFoldOptions(Options, frozen=True):
    """Options of ``kfold``.

    Attributes:
        n_folds: How many folds.
        seed: Deals the ratings out.
    """

    n_folds: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5
    seed: Seed = 0


def split_kfold(
    ratings: Ratings, shipped: Mapping[str, Partition], options: KFoldOptions
) -> Iterator[Partition]:
    """Yield folds that together hide every rating exactly once.

    Ratings are dealt out at random, without regard to user or item, so a test user
    may have no training rating: a cold start.
    """
    order = permutation(len(ratings), options.seed)
    edges = np.linspace(0, len(order), options.n_folds + 1).round().astype(int)
    dealt = np.zeros(len(order), dtype=np.uint16)
    for k, (start, stop) in enumerate(pairwise(edges), start=1):
        dealt[order[start:stop]] = k
    del order
    for k in range(1, options.n_folds + 1):
        yield _Dealt(f"k{k}", dealt, k)


class TemporalOptions(Options, frozen=True):
    """Options of ``temporal``.

    Attributes:
        quantile: Share of all ratings, by time, that are visible.
    """

    quantile: Fraction = 0.9


def split_temporal(
    ratings: Ratings, shipped: Mapping[str, Partition], options: TemporalOptions
) -> Iterator[Partition]:
    """Yield one fold that hides every rating later than one moment for all users.

    The moment is the linearly interpolated quantile of the timestamps; ratings of
    that very second stay visible.
    """
    stamps = has_timestamps(ratings, "temporal")
    later = stamps > moment_of(stamps, options.quantile)
    yield hiding("later", np.flatnonzero(later), len(ratings))


def has_timestamps(ratings: Ratings, protocol: str) -> NDArray[np.int64]:
    """Return the timestamps of *ratings*.

    Raises:
        ProtocolError: There are none; *protocol* needs them.
    """
    if ratings.timestamps is None:
        raise ProtocolError(
            f"Protocol {protocol!r} needs timestamps, and this data set has none. "
            f"Try -p holdout or -p kfold."
        )
    return ratings.timestamps


def moment_of(stamps: NDArray[np.int64], quantile: float) -> float:
    """Return the linearly interpolated *quantile* of timestamps, in seconds."""
    return float(np.quantile(stamps, quantile))


class NewUsersOptions(Options, frozen=True):
    """Options of ``new-users``.

    Attributes:
        fraction: Share of the users to keep out of training.
        fold_in: Share of a new user's ratings that is shown when predicting.
        seed: Draws the users, and the ratings shown.
    """

    fraction: Fraction = 0.1
    fold_in: Fraction = 0.8
    seed: Seed = 0


def split_new_users(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NewUsersOptions
) -> Iterator[Partition]:
    """Yield one fold whose test users were never trained on (strong generalisation).

    Of each new user, ``fold_in`` of the ratings, drawn at random, rounded and at least
    one, are the history; the others are hidden. Who has too few ratings hides none.
    """
    is_new = flag_new_users(ratings, options.fraction, options.seed)
    theirs = np.flatnonzero(is_new[ratings.users])
    # Shuffle, then sort by user: each user's ratings stand together in random order.
    theirs = theirs[permutation(len(theirs), options.seed + 1)]
    theirs = theirs[np.argsort(ratings.users[theirs], kind="stable")]
    owners = ratings.users[theirs]
    counts = np.bincount(owners, minlength=ratings.n_users)
    starts = np.cumsum(counts) - counts
    place = np.arange(len(theirs)) - starts[owners]
    shown = place < np.maximum(1, np.round(counts * options.fold_in))[owners]
    yield Partition(
        name="new-users",
        train=np.flatnonzero(~is_new[ratings.users]),
        history=np.sort(theirs[shown]),
        hidden=np.sort(theirs[~shown]),
    )


def flag_new_users(
    ratings: Ratings, fraction: float, seed: int | None
) -> NDArray[np.bool_]:
    """Return who is kept out of training, flags of shape ``(n_users,)``.

    Args:
        ratings: Whose users; those without a rating are none.
        fraction: Share of the users to keep out; at least one is.
        seed: Draws them; `None` takes the last by id.
    """
    active = np.unique(ratings.users)
    order = np.arange(len(active))[::-1]
    if seed is not None:
        order = permutation(len(active), seed)
    is_new = np.zeros(ratings.n_users, dtype=bool)
    is_new[active[order[: max(1, round(len(active) * fraction))]]] = True
    return is_new


def carve_random(train: Ratings, options: Options, seed: int) -> Partition:
    """Set a tenth of the ratings aside at random."""
    rule = HoldoutOptions(fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_holdout(train, {}, rule))


def carve_latest(train: Ratings, options: TemporalOptions, seed: int) -> Partition:
    """Set the latest tenth of the ratings aside."""
    return next(
        split_temporal(train, {}, TemporalOptions(quantile=1 - VALIDATION_FRACTION))
    )


def carve_new_users(train: Ratings, options: NewUsersOptions, seed: int) -> Partition:
    """Set part of the ratings of a tenth of the users aside."""
    rule = msgspec.structs.replace(options, fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_new_users(train, {}, rule))


PROTOCOLS = (
    Protocol(
        name="official",
        summary="the folds the data set ships",
        options=NoOptions,
        split=split_official,
        carve=carve_random,
    ),
    Protocol(
        name="holdout",
        summary="a random share of all ratings is hidden",
        options=HoldoutOptions,
        split=split_holdout,
        carve=carve_random,
    ),
    Protocol(
        name="kfold",
        summary="every rating is hidden once, in random folds",
        options=KFoldOptions,
        split=split_kfold,
        carve=carve_random,
    ),
    Protocol(
        name="temporal",
        summary="everything after one moment is hidden",
        options=TemporalOptions,
        split=split_temporal,
        carve=carve_latest,
    ),
    Protocol(
        name="new-users",
        summary="whole users are kept out of training; part of their ratings is shown",
        options=NewUsersOptions,
        split=split_new_users,
        carve=carve_new_users,
        new_users=True,
    ),
)
"""The protocols benchbox brings."""


def _digest(*parts: bytes | NDArray[np.generic]) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else _little_endian(part)
        # Lengths keep ("ab", "c") and ("a", "bc") apart.
        digest.update(memoryview(data).nbytes.to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _little_endian(array: NDArray[np.generic]) -> memoryview:
    contiguous = np.ascontiguousarray(array)
    return contiguous.astype(contiguous.dtype.newbyteorder("<"), copy=False).data

"""Planted leaks: each is found under its own name, and clean data have no findings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchbox.errors import LeakError
from benchbox.protocols.audit.canary import redraw_hidden
from benchbox.protocols.audit.findings import Audit, refuse_leaks
from benchbox.protocols.audit.fold import audit_fold
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.flawed import FLAWED
from benchbox.protocols.folds import Fold, make_folds
from benchbox.protocols.partition import Partition, Protocol
from benchbox.ratings import Ratings, RatingScale

N_USERS, N_ITEMS = 60, 40
BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}

Column = np.ndarray


def clean() -> Ratings:
    """Return random ratings of half of all user-item pairs."""
    random = np.random.default_rng(5)
    users, items = np.nonzero(random.random((N_USERS, N_ITEMS)) < 0.5)
    n = len(users)
    return Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=random.integers(1, 6, n).astype(np.float32),
        rows=np.arange(n),
        n_users=N_USERS,
        n_items=N_ITEMS,
        scale=RatingScale(1, 5, 1),
        user_features={
            "age": random.integers(18, 80, N_USERS),
            "job": np.array(["poet", "cook", "none"])[np.arange(N_USERS) % 3],
        },
        item_features={
            "year": random.integers(1950, 2000, N_ITEMS),
            "genres": np.array(["Drama", "Drama|War", "War"])[np.arange(N_ITEMS) % 3],
        },
    )


def timed(data: Ratings) -> Ratings:
    seconds = np.random.default_rng(6).permutation(len(data)) * 60
    return replace(data, timestamps=seconds.astype(np.int64))


def fold_of(data: Ratings, name: str = "holdout", **settings) -> Fold:
    protocol = BY_NAME[name]
    return make_folds(data, protocol, protocol.options(**settings), {})[0]


def a_fifth(data: Ratings) -> Fold:
    return fold_of(data, fraction=0.2)


def roles_of(fold: Fold) -> tuple[Column, Column]:
    everything = np.arange(len(fold.ratings))
    hidden = fold.partition.hidden
    return everything, hidden


def with_feature(side: str, make: Callable[[Fold], Column]) -> Fold:
    """Return the clean fold with one more feature column, computed by *make*."""
    fold = a_fifth(timed(clean()))
    known = getattr(fold.ratings, f"{side}_features")
    table = {f"{side}_features": {**known, "planted": make(fold)}}
    return replace(fold, ratings=replace(fold.ratings, **table))


def per(fold: Fold, side: str, positions: Column, weights: Column | None) -> Column:
    index = getattr(fold.ratings, f"{side}s")[positions]
    size = getattr(fold.ratings, f"n_{side}s")
    return np.bincount(index, None if weights is None else weights[positions], size)


def count(side: str, fold: Fold, where: Column) -> Column:
    return per(fold, side, where, None)


def total(side: str, fold: Fold, where: Column) -> Column:
    return per(fold, side, where, fold.ratings.values)


def mean(side: str, fold: Fold, where: Column) -> Column:
    return total(side, fold, where) / np.maximum(count(side, fold, where), 1)


def extreme(find: np.ufunc, start: float, column: str) -> Callable[..., Column]:
    def of(side: str, fold: Fold, where: Column) -> Column:
        index = getattr(fold.ratings, f"{side}s")[where]
        found = np.full(getattr(fold.ratings, f"n_{side}s"), start)
        find.at(found, index, getattr(fold.ratings, column)[where])
        return found

    return of


def deviation(side: str, fold: Fold, where: Column) -> Column:
    squares = per(fold, side, where, fold.ratings.values**2)
    n = np.maximum(count(side, fold, where), 1)
    return np.sqrt(np.maximum(squares / n - mean(side, fold, where) ** 2, 0))


latest = extreme(np.maximum, 0, "timestamps")
earliest = extreme(np.minimum, 1e9, "timestamps")


def drama(side: str, fold: Fold, where: Column) -> Column:
    """Count a user's ratings of dramas, as tutorials do to make genre features."""
    is_drama = np.array(["Drama" in g for g in fold.ratings.item_features["genres"]])
    return count(side, fold, where[is_drama[fold.ratings.items[where]]])


def poets(side: str, fold: Fold, where: Column) -> Column:
    is_poet = fold.ratings.user_features["job"] == "poet"
    return count(side, fold, where[is_poet[fold.ratings.users[where]]])


def over_all(side: str, of: Callable[..., Column]) -> Fold:
    return with_feature(side, lambda fold: of(side, fold, roles_of(fold)[0]))


def over_hidden(side: str, of: Callable[..., Column]) -> Fold:
    return with_feature(side, lambda fold: of(side, fold, roles_of(fold)[1]))


def changed(side: str, of: Callable[..., Column], change: Callable) -> Fold:
    return with_feature(side, lambda fold: change(of(side, fold, roles_of(fold)[0])))


def shown_too(part: str) -> Fold:
    """Return a fold with one hidden rating that is in another part as well."""
    fold = a_fifth(clean())
    parts = fold.partition
    more = np.sort(np.append(parts.train, parts.hidden[3]))
    history = parts.train if part == "train" else more
    train = more if part == "train" else parts.train
    new = Partition(name="bad", train=train, history=history, hidden=parts.hidden)
    return replace(fold, partition=new)


def rated_twice() -> Fold:
    """Return a fold with one hidden pair that is rated in train too."""
    data = clean()
    users, items = data.users.copy(), data.items.copy()
    fold = a_fifth(data)
    hidden, shown = fold.partition.hidden[0], fold.partition.train[0]
    users[hidden], items[hidden] = users[shown], items[shown]
    return replace(fold, ratings=replace(data, users=users, items=items))


def promising(name: str, fold: Fold) -> Fold:
    """Return *fold* under a protocol whose promises it breaks."""
    return replace(fold, protocol=replace(BY_NAME[name], split=lambda *_: iter(())))


def one_new_user_in_train() -> Fold:
    fold = fold_of(clean(), "new-users")
    parts = fold.partition
    known = np.sort(np.append(parts.train, parts.history[:1]))
    new = Partition(name="bad", train=known, history=parts.history, hidden=parts.hidden)
    return replace(fold, partition=new)


def one_rating_from_the_future(name: str, **settings) -> Fold:
    fold = fold_of(timed(clean()), name, **settings)
    data, parts = fold.ratings, fold.partition
    seconds = data.timestamps.copy()
    owner = data.users[parts.hidden[0]]
    visible = parts.train[data.users[parts.train] == owner]
    seconds[visible[0]] = seconds.max() + 1
    return replace(fold, ratings=replace(data, timestamps=seconds))


LEAKS: dict[str, tuple[str, Callable[[], Fold]]] = {
    "a hidden rating in train": ("hidden-in-train", lambda: shown_too("train")),
    "a hidden rating in history": ("hidden-in-history", lambda: shown_too("history")),
    "a pair rated in two parts": ("pair-in-two-parts", rated_twice),
    "a new user in train": ("not-new-users", one_new_user_in_train),
    "new users who are all in train": (
        "not-new-users",
        lambda: promising("new-users", a_fifth(clean())),
    ),
    "new items that are in train": (
        "not-new-items",
        lambda: promising("new-items", a_fifth(clean())),
    ),
    "a random split called temporal": (
        "from-the-future",
        lambda: promising("temporal", a_fifth(timed(clean()))),
    ),
    "a random split called temporal by user": (
        "from-the-future",
        lambda: promising("temporal-user", a_fifth(timed(clean()))),
    ),
    "one rating from after the cut": (
        "from-the-future",
        lambda: one_rating_from_the_future("temporal"),
    ),
    "one rating from after a user's cut": (
        "from-the-future",
        lambda: one_rating_from_the_future("temporal-user", last=2),
    ),
    "a time order without timestamps": (
        "no-timestamps",
        lambda: promising("temporal", a_fifth(clean())),
    ),
    **{
        f"{side} feature: {noun} of all": (
            "feature-of-all-ratings",
            lambda side=side, of=of: over_all(side, of),
        )
        for side in ("user", "item")
        for noun, of in {
            "count": count,
            "sum": total,
            "mean": mean,
            "deviation": deviation,
            "latest": latest,
            "earliest": earliest,
        }.items()
    },
    **{
        f"{side} feature: {noun} of hidden": (
            "feature-of-hidden",
            lambda side=side, of=of: over_hidden(side, of),
        )
        for side in ("user", "item")
        for noun, of in {"count": count, "sum": total, "mean": mean}.items()
    },
    "user feature: genre counts of all": (
        "feature-of-all-ratings",
        lambda: over_all("user", drama),
    ),
    "user feature: genre counts of hidden": (
        "feature-of-hidden",
        lambda: over_hidden("user", drama),
    ),
    "item feature: counts by job of all": (
        "feature-of-all-ratings",
        lambda: over_all("item", poets),
    ),
    "user feature: mean, rounded": (
        "feature-of-all-ratings",
        lambda: changed("user", mean, lambda c: np.round(c, 2)),
    ),
    "item feature: mean, as text": (
        "feature-of-all-ratings",
        lambda: changed("item", mean, lambda c: c.round(3).astype(np.str_)),
    ),
    "user feature: logarithm of the count": (
        "feature-follows-hidden",
        lambda: changed("user", count, np.log1p),
    ),
    "item feature: share of all ratings": (
        "feature-follows-hidden",
        lambda: changed("item", count, lambda c: c / c.sum()),
    ),
    "item feature: standardised mean": (
        "feature-follows-hidden",
        lambda: changed("item", mean, lambda c: (c - c.mean()) / c.std()),
    ),
    "user feature: the count, negated": (
        "feature-follows-hidden",
        lambda: changed("user", count, lambda c: -3.5 * c + 0.25),
    ),
    "user feature: the one hidden rating itself": (
        "feature-of-hidden",
        lambda: the_truth_itself(),  # noqa: PLW0108 - it is defined below
    ),
}


def the_truth_itself() -> Fold:
    fold = fold_of(timed(clean()), "temporal-user", last=1)
    truth = total("user", fold, fold.partition.hidden)
    table = {**fold.ratings.user_features, "last_rating": truth}
    return replace(fold, ratings=replace(fold.ratings, user_features=table))


def test_at_least_thirty_leaks_are_planted() -> None:
    assert len(LEAKS) >= 30


@pytest.mark.parametrize("planted", LEAKS)
def test_a_planted_leak_is_found_and_stops_the_run(planted: str) -> None:
    name, plant = LEAKS[planted]
    fold = plant()

    audit = audit_fold(fold)

    assert {found.name for found in audit.leaks} == {name}, audit.findings
    with pytest.raises(LeakError, match="on toys leaks hidden ratings"):
        refuse_leaks([fold], [audit], "toys")


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "official"])
def test_clean_data_leak_under_no_protocol(name: str) -> None:
    audit = audit_fold(fold_of(timed(clean()), name))

    assert not audit.leaks
    refuse_leaks([fold_of(timed(clean()), name)], [audit], "toys")


def test_clean_data_without_times_give_no_finding_at_all() -> None:
    assert audit_fold(a_fifth(clean())).findings == []


def test_features_of_visible_ratings_alone_are_not_a_leak() -> None:
    for of in (count, mean, drama):
        fold = with_feature("user", lambda f, of=of: of("user", f, f.partition.train))

        assert not audit_fold(fold).leaks


def test_noise_on_a_count_still_raises_a_warning() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, N_USERS)

    audit = audit_fold(changed("user", count, lambda c: c + noise))

    (found,) = audit.findings[:1]
    assert (found.severity, found.name) == ("warning", "feature-follows-hidden")


def test_a_flawed_protocol_may_leak_and_is_still_audited() -> None:
    flawed: Protocol = FLAWED[0]
    (fold,) = make_folds(clean(), flawed, flawed.options(), {})

    audit = audit_fold(fold)

    assert [found.name for found in audit.leaks] == [
        "hidden-in-train",
        "hidden-in-history",
    ]
    refuse_leaks([fold], [audit], "toys")


def values_fold(change: Callable[[Column, Fold], None]) -> Audit:
    fold = a_fifth(clean())
    values = fold.ratings.values.copy()
    change(values, fold)
    return audit_fold(replace(fold, ratings=replace(fold.ratings, values=values)))


def put(part: str, value: float, n: int | None = None) -> Callable:
    def change(values: Column, fold: Fold) -> None:
        values[getattr(fold.partition, part)[:n]] = value

    return change


@pytest.mark.parametrize(
    ("change", "name", "n"),
    [
        (put("hidden", np.nan, 3), "not-finite-hidden", 3),
        (put("train", np.inf, 2), "not-finite-visible", 2),
        (put("hidden", 9, 4), "off-scale-hidden", 4),
        (put("train", 2.5, 4), "off-scale-visible", 4),
        (put("hidden", 3), "constant-hidden", 1),
        (put("train", 3), "constant-visible", 1),
    ],
)
def test_bad_values_give_a_warning(change, name, n) -> None:
    warnings = {f.name: f.n for f in values_fold(change).findings}

    assert warnings[name] == n
    assert values_fold(change).findings[0].severity == "warning"


def test_a_tiny_test_gives_a_warning() -> None:
    (found,) = audit_fold(fold_of(clean(), fraction=0.02)).findings

    assert (found.severity, found.name, found.n) == ("warning", "tiny-test", 25)


def test_an_end_of_the_scale_that_only_hidden_ratings_reach_is_noted() -> None:
    def change(values: Column, fold: Fold) -> None:
        shown = fold.partition.train
        values[shown] = np.minimum(values[shown], 4)

    (found,) = values_fold(change).findings

    assert (found.severity, found.name) == ("note", "scale-from-hidden")


def test_ratings_of_zero_and_below_are_ordinary_ratings() -> None:
    data = clean()
    shifted = replace(data, values=data.values - 3, scale=RatingScale(-2, 2, 1))

    assert audit_fold(a_fifth(shifted)).findings == []


def test_unseen_users_and_items_are_counted() -> None:
    fold = a_fifth(clean())
    parts, data = fold.partition, fold.ratings
    rest = parts.train[(data.users[parts.train] != 7) & (data.items[parts.train] != 5)]
    new = Partition(name="cold", train=rest, history=rest, hidden=parts.hidden)

    audit = audit_fold(replace(fold, partition=new))

    assert audit.n_cold_users == np.count_nonzero(data.users[parts.hidden] == 7) > 0
    assert audit.n_cold_items == np.count_nonzero(data.items[parts.hidden] == 5) > 0
    assert [f.name for f in audit.findings] == ["cold-users", "cold-items"]


def test_mostly_unseen_users_give_a_warning() -> None:
    fold = a_fifth(clean())
    parts, data = fold.partition, fold.ratings
    known = set(range(20))
    rest = parts.train[np.isin(data.users[parts.train], list(known))]
    new = Partition(name="cold", train=rest, history=rest, hidden=parts.hidden)

    found = audit_fold(replace(fold, partition=new)).findings[0]

    assert (found.severity, found.name) == ("warning", "cold-users")


def test_positions_that_do_not_increase_give_a_warning() -> None:
    fold = a_fifth(clean())
    parts = fold.partition
    twice = np.append(parts.hidden, parts.hidden[:2])
    new = Partition(name="odd", train=parts.train, history=parts.train, hidden=twice)

    (found,) = audit_fold(replace(fold, partition=new)).findings

    assert (found.severity, found.name, found.n) == ("warning", "disordered-hidden", 2)


def test_a_pair_rated_twice_in_train_gives_a_warning() -> None:
    fold = a_fifth(clean())
    users, items = fold.ratings.users.copy(), fold.ratings.items.copy()
    one, other = fold.partition.train[:2]
    users[one], items[one] = users[other], items[other]

    audit = audit_fold(
        replace(fold, ratings=replace(fold.ratings, users=users, items=items))
    )

    assert ("warning", "repeated-pairs") in {
        (f.severity, f.name) for f in audit.findings
    }


def test_redrawing_hidden_ratings_changes_no_finding() -> None:
    fold = a_fifth(clean())

    assert audit_fold(redraw_hidden(fold, 1)).findings == audit_fold(fold).findings

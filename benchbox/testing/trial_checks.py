"""Trial checks: promises of the contract that show in processes of their own only."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from benchbox.protocols import PROTOCOLS, Fold, make_folds, redraw_hidden
from benchbox.ratings import Ratings
from benchbox.targets import target_of
from benchbox.testing.children import data_folder, extra_memory_bytes, good_trial
from benchbox.testing.made_up import made_up_ratings
from benchbox.testing.subject import ModelSubject, Pairs, all_pairs, gap, require
from benchbox.testing.surroundings import as_in_a_trial

_CLOSE = 1e-3
_MANY, _FEW, _N_RATINGS = 16_000, 400, 20_000
_SLACK_BYTES = 96 << 20
"""What the libraries of a model take when first used, at most."""

_LIMIT_BYTES = 3 << 30
_HEAVY = ("torch", "pandas", "scipy", "tensorflow", "jax")


def imports_nothing_heavy(subject: ModelSubject) -> None:
    """Listing the model and its options imports no torch, which takes seconds."""
    module = target_of(subject.spec.options).rpartition(":")[0]
    if module.endswith(".py"):
        module = subject.spec.options.__base__.__module__
    script = (
        f"import sys; sys.path[:] = {sys.path}; import {module}; "
        f"print(*({set(_HEAVY)} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    require(
        not done.stdout.strip(),
        f"Importing {module}, where its options are, imports "
        f"{', '.join(done.stdout.split())}: every command would wait for that. "
        f"Import it where the model is, or in its methods.",
    )


def trial_as_here(subject: ModelSubject) -> None:
    """A trial in a fresh process ends well, and no earlier fit matters to it."""
    first = made_up_ratings(21, 19, seed=20)
    # Of one shape, so that what is kept by shape is taken for the other's.
    flipped = first.scale.low + first.scale.high - first.values
    second = replace(first, values=flipped.astype(np.float32))
    pairs = _rated(second)
    there = good_trial(subject, second, pairs)
    with as_in_a_trial():
        subject.answers(first, pairs)
        here = subject.answers(second, pairs).astype(np.float32)
    require(
        gap(here, there) < _CLOSE,
        f"In a fresh process it predicts otherwise than here, after other fits, by "
        f"up to {gap(here, there):.2g}. Keep nothing outside the model.",
    )


def other_trials_do_not_matter(subject: ModelSubject) -> None:
    """What it saw on one fold does not show on another, where it is hidden."""
    ratings = made_up_ratings(22, 18, seed=int(np.random.PCG64().random_raw() >> 12))
    half = np.arange(len(ratings)) % 2 == 0
    own = ratings.take(np.flatnonzero(half))
    hidden = ratings.take(np.flatnonzero(~half))
    pairs = Pairs(hidden.users, hidden.items)
    known = np.isin(pairs.users, own.users) & np.isin(pairs.items, own.items)
    pairs = pairs.take(np.flatnonzero(known))
    with as_in_a_trial():
        before = subject.answers(own, pairs)
    with as_in_a_trial():
        subject.answers(hidden, _rated(hidden))
    with as_in_a_trial():
        after = subject.answers(own, pairs)
    require(
        before.tobytes() == after.tobytes(),
        f"Once it has been fitted to other ratings, it predicts otherwise from the "
        f"same ones, by up to {gap(before, after):.2g}: it remembers other trials.",
    )


def hidden_ratings_stay_hidden(subject: ModelSubject) -> None:
    """Predictions do not follow the hidden ratings, wherever these can be read."""
    ratings = made_up_ratings(20, 17, seed=22)
    protocol = next(one for one in PROTOCOLS if one.name == "holdout")
    (fold, *_) = make_folds(ratings, protocol, protocol.options(), {})
    told = []
    for seen in (fold, redraw_hidden(fold, 23)):
        with _published(seen):
            told.append(good_trial(subject, seen.train, _askable(seen)))
    require(
        told[0].tobytes() == told[1].tobytes(),
        f"Predictions change by up to {gap(*told):.2g} with hidden ratings it was "
        f"never given: it reads them from the data folder or the cache.",
    )


def memory_is_linear(subject: ModelSubject) -> None:
    """Memory grows with ratings, users and items, not with users times items."""

    def extra(n_users: int, n_items: int) -> int:
        train = _sparse(n_users, n_items)
        return extra_memory_bytes(subject, train, _first(train), _LIMIT_BYTES)

    apart = extra(_MANY, _FEW) + extra(_FEW, _MANY)
    together = extra(_MANY, _MANY)
    require(
        together <= apart + _SLACK_BYTES,
        f"With {_MANY:,} users and {_MANY:,} items it takes {together >> 20:,} MiB, "
        f"where many users and many items apart take {apart >> 20:,} MiB: it holds a "
        f"table of users times items.",
    )


@contextmanager
def _published(fold: Fold) -> Iterator[None]:
    """Keep all ratings where a data set is looked for, the hidden ones too."""
    folder = data_folder() / "canary"
    folder.mkdir()
    ratings = fold.ratings
    columns = zip(ratings.users, ratings.items, ratings.values, strict=True)
    lines = [f"{user:04d},{item:04d},{value:g}" for user, item, value in columns]
    text = "\n".join(["user,item,rating", *lines, ""])
    (folder / "ratings.csv").write_text(text)
    try:
        yield
    finally:
        shutil.rmtree(folder)


def _askable(fold: Fold) -> Pairs:
    hidden, train = fold.hidden, fold.train
    known = np.isin(hidden.users, train.users) & np.isin(hidden.items, train.items)
    return Pairs(hidden.users[known].copy(), hidden.items[known].copy())


def _rated(ratings: Ratings) -> Pairs:
    """Return every pair of a user and an item that have a rating."""
    pairs = all_pairs(ratings)
    known = np.isin(pairs.users, ratings.users) & np.isin(pairs.items, ratings.items)
    return pairs.take(np.flatnonzero(known))


def _sparse(n_users: int, n_items: int) -> Ratings:
    """Return as many ratings whatever the sizes, spread over all users and items."""
    number = np.arange(_N_RATINGS)
    users, items = number % n_users, (number * 7 + number // n_users) % n_items
    cells = np.unique(users * n_items + items)
    return replace(
        made_up_ratings(5, 5),
        users=(cells // n_items).astype(np.int32),
        items=(cells % n_items).astype(np.int32),
        values=(1 + cells % 5).astype(np.float32),
        timestamps=np.arange(len(cells)),
        n_users=n_users,
        n_items=n_items,
    )


def _first(ratings: Ratings) -> Pairs:
    return Pairs(ratings.users[:100].copy(), ratings.items[:100].copy())

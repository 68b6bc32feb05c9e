"""Checks of a model that need trials in separate processes."""

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
"""Most memory that a model's libraries need at their first use."""

_LIMIT_BYTES = 3 << 30
_HEAVY = ("torch", "pandas", "scipy", "tensorflow", "jax")


def imports_nothing_heavy(subject: ModelSubject) -> None:
    """Listing the model imports no heavy package such as torch."""
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
        f"{module}, the module of its options, imports "
        f"{', '.join(done.stdout.split())}, which slows down every command. Import "
        f"it in the module of the model, or in its methods.",
    )


def trial_as_here(subject: ModelSubject) -> None:
    """A trial in a new process succeeds, and earlier fits do not affect it."""
    first = made_up_ratings(21, 19, seed=20)
    # Same shape as the first, so that a cache keyed by shape would be caught.
    flipped = first.scale.low + first.scale.high - first.values
    second = replace(first, values=flipped.astype(np.float32))
    pairs = _rated(second)
    there = good_trial(subject, second, pairs)
    with as_in_a_trial():
        subject.answers(first, pairs)
        here = subject.answers(second, pairs).astype(np.float32)
    require(
        gap(here, there) < _CLOSE,
        f"In a new process, predictions differ by up to {gap(here, there):.2g} from "
        f"those made here after other fits. Store nothing outside the model object.",
    )


def other_trials_do_not_matter(subject: ModelSubject) -> None:
    """What it saw in one trial does not affect another trial."""
    ratings = made_up_ratings(22, 18, seed=int(np.random.PCG64().random_raw() >> 12))
    half = np.arange(len(ratings)) % 2 == 0
    own = ratings.take(np.flatnonzero(half))
    hidden = ratings.take(np.flatnonzero(~half))
    pairs = Pairs.of(hidden)
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
        f"After a fit to other ratings, predictions from the same ratings differ by up "
        f"to {gap(before, after):.2g}: it remembers other trials.",
    )


def hidden_ratings_stay_hidden(subject: ModelSubject) -> None:
    """It does not read the hidden ratings from the data folder or cache."""
    ratings = made_up_ratings(20, 17, seed=22)
    protocol = next(one for one in PROTOCOLS if one.name == "holdout")
    (fold, *_) = make_folds(ratings, protocol, protocol.options(), {})
    predicted = []
    for seen in (fold, redraw_hidden(fold, 23)):
        with _published(seen):
            predicted.append(good_trial(subject, seen.train, _askable(seen)))
    require(
        predicted[0].tobytes() == predicted[1].tobytes(),
        f"Predictions change by up to {gap(*predicted):.2g} when the hidden ratings "
        f"change: it reads them from the data folder or the cache.",
    )


def memory_is_linear(subject: ModelSubject) -> None:
    """Memory grows with users + items + ratings, not with users × items."""

    def extra(n_users: int, n_items: int) -> int:
        train = _sparse(n_users, n_items)
        return extra_memory_bytes(subject, train, _first(train), _LIMIT_BYTES)

    apart = extra(_MANY, _FEW) + extra(_FEW, _MANY)
    together = extra(_MANY, _MANY)
    require(
        together <= apart + _SLACK_BYTES,
        f"With {_MANY:,} users and {_MANY:,} items it needs {together >> 20:,} MiB, "
        f"but {apart >> 20:,} MiB in total for many users and for many items alone: it "
        f"holds a table of users × items.",
    )


@contextmanager
def _published(fold: Fold) -> Iterator[None]:
    """Put all ratings, hidden ones included, into the data folder for a while."""
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
    return Pairs.of(hidden).take(np.flatnonzero(known))


def _rated(ratings: Ratings) -> Pairs:
    """Return every pair of a user and an item that have a rating."""
    pairs = all_pairs(ratings)
    known = np.isin(pairs.users, ratings.users) & np.isin(pairs.items, ratings.items)
    return pairs.take(np.flatnonzero(known))


def _sparse(n_users: int, n_items: int) -> Ratings:
    """Return a fixed number of ratings, spread over all users and items."""
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
    return Pairs.of(ratings).take(np.arange(100))

"""Model checks: promises of the contract that show within one process."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import msgspec
import numpy as np

from benchbox.errors import ModelError
from benchbox.models import read_state, write_state
from benchbox.options import decode, to_json
from benchbox.ratings import Ratings, RatingScale
from benchbox.records import MOST_EPOCHS, MOST_NOTES
from benchbox.testing.made_up import made_up_ratings
from benchbox.testing.subject import ModelSubject, Pairs, all_pairs, ask, gap, require
from benchbox.testing.surroundings import SEED, as_in_a_trial, changed_since, settings
from benchbox.trials import check_predictions, count_parameters, state_of

_CLOSE = 1e-3
"""Products of matrices of other shapes may round otherwise, but by no more."""

_BELOW_ZERO = RatingScale(-10, 10)
_DEVICES = ("cpu", "cuda", "mps")


def spec_and_options(subject: ModelSubject) -> None:
    """The spec names a model and options that survive JSON; presets can be chosen."""
    spec = subject.spec
    require(spec.summary, "The spec has no summary: one line for people.")
    require(
        subject.implements("fit", "predict"),
        f"{spec.target!r} lacks `fit` or `predict`.",
    )
    settings: Mapping[str, Any]
    for preset, settings in {"default": {}, **spec.presets}.items():
        try:
            options = decode(spec.options, settings, spec.name)
            again = decode(spec.options, to_json(options), spec.name)
        except Exception as error:
            require(False, f"Preset {preset!r} cannot be chosen: {error}")
        require(again == options, f"Preset {preset!r} comes back from JSON altered.")
    msgspec.json.schema(spec.options)


def answers(subject: ModelSubject) -> None:
    """Every pair gets one finite number, and the answer has shape (n,)."""
    train = _with_rare_users(made_up_ratings(seed=1))
    pairs = _answerable(subject, train)
    with as_in_a_trial():
        predicted = subject.answers(train, pairs)
    try:
        check_predictions(predicted, len(pairs))
    except Exception as error:
        require(False, f"For users with one rating or two among others, {error}")


def same_seed_same_bytes(subject: ModelSubject) -> None:
    """The same seed gives the same bytes; another seed too if nothing is random."""
    train = made_up_ratings(seed=2)
    with as_in_a_trial():
        first, second = (subject.answers(train, all_pairs(train)) for _ in range(2))
    require(
        first.tobytes() == second.tobytes(),
        f"Two fits with one seed differ by up to {gap(first, second):.2g}. "
        f"Draw everything from context.seed.",
    )
    if not subject.spec.capabilities.stochastic:
        with as_in_a_trial():
            other = subject.answers(train, all_pairs(train), seed=SEED + 1)
        require(
            first.tobytes() == other.tobytes(),
            "The spec says that nothing is random (stochastic=False), but another "
            "seed gives other predictions.",
        )


def second_fit_forgets_the_first(subject: ModelSubject) -> None:
    """A model fitted again predicts as if it had never seen the first ratings."""
    first, second = made_up_ratings(seed=3), made_up_ratings(seed=4)
    pairs = all_pairs(second)
    with as_in_a_trial():
        model = subject.fitted(first)
        ask(model, first, pairs)
        subject.fit(model, second)
        again = ask(model, second, pairs)
    with as_in_a_trial():
        fresh = subject.answers(second, pairs)
    require(
        again.tobytes() == fresh.tobytes(),
        f"After a second fit it predicts otherwise than a new model, by up to "
        f"{gap(again, fresh):.2g}: the first fit has left something behind.",
    )


def pairs_stand_alone(subject: ModelSubject) -> None:
    """A prediction depends neither on the other pairs asked for nor on their order."""
    train = made_up_ratings(seed=5)
    pairs = all_pairs(train)
    orders = np.random.Generator(np.random.PCG64(5)).permutation(len(pairs))
    with as_in_a_trial():
        model = subject.fitted(train)
        whole = ask(model, train, pairs)
        shuffled = ask(model, train, pairs.take(orders))
        parts = np.array_split(orders, 7)
        pieces = [ask(model, train, pairs.take(part)) for part in parts]
        single = ask(model, train, pairs.take(orders[:1]))
    for what, answer in {
        "in another order": shuffled,
        "in parts": np.concatenate(pieces),
    }.items():
        require(
            gap(whole[orders], answer) < _CLOSE,
            f"Asked {what}, predictions change by up to "
            f"{gap(whole[orders], answer):.2g}. No pair may tell of another.",
        )
    require(
        gap(whole[orders[:1]], single) < _CLOSE,
        "Asked alone, a pair is told otherwise.",
    )


def inputs_stay_as_they_are(subject: ModelSubject) -> None:
    """Neither the ratings nor the pairs it is given are written to."""
    train, original = made_up_ratings(seed=6), made_up_ratings(seed=6)
    pairs = all_pairs(train)
    users, items = pairs.users.copy(), pairs.items.copy()
    with as_in_a_trial():
        model = subject.fitted(train)
        model.predict(train, users, items)
    for name in ("users", "items", "values"):
        require(
            np.array_equal(getattr(train, name), getattr(original, name)),
            f"It wrote to the {name} of its training ratings. Copy what you change.",
        )
    require(
        np.array_equal(users, pairs.users) and np.array_equal(items, pairs.items),
        "It wrote to the pairs it was asked for. Copy what you change.",
    )


def unknown_users_and_items(subject: ModelSubject) -> None:
    """Users and items without a training rating get a finite prediction."""
    can = subject.spec.capabilities
    if not (can.handles_cold_users or can.handles_cold_items):
        raise SkipTest("its spec declines users and items without training ratings")
    known = made_up_ratings(seed=7)
    train = replace(
        known,
        n_users=known.n_users + 3 * can.handles_cold_users,
        n_items=known.n_items + 2 * can.handles_cold_items,
    )
    with as_in_a_trial():
        predicted = subject.answers(train, all_pairs(train))
    require(
        predicted.shape == (len(all_pairs(train)),) and np.isfinite(predicted).all(),
        "It has no finite prediction for users or items without training ratings. "
        "Predict something, or say handles_cold_users=False, handles_cold_items=False.",
    )


def zero_is_a_rating(subject: ModelSubject) -> None:
    """Ratings of 0 and below are ratings like any other."""
    scale = _BELOW_ZERO
    shifted = made_up_ratings(seed=8, scale=RatingScale(3, 9))
    values = shifted.values.copy()
    values[::4] = 0
    train = replace(shifted, values=values, scale=scale)
    without = train.take(np.flatnonzero(values != 0))
    below = replace(train, values=-shifted.values)
    with as_in_a_trial():
        pairs = all_pairs(train)
        zeros, fewer = subject.answers(train, pairs), subject.answers(without, pairs)
        negative = subject.answers(below, pairs)
    require(
        gap(zeros, fewer) > 0,
        "Ratings of 0 change nothing: it takes them for missing. A rating is there "
        "because its index is.",
    )
    require(np.isfinite(negative).all(), "Negative ratings give NaN or infinity.")


def one_rating_is_enough(subject: ModelSubject) -> None:
    """One user, one item and one rating are enough to fit and to predict."""
    known = made_up_ratings(5, 5, seed=9)
    one = replace(known.take(np.array([0])), n_users=1, n_items=1)
    with as_in_a_trial():
        predicted = subject.answers(one, all_pairs(one))
    require(
        predicted.shape == (1,) and np.isfinite(predicted).all(),
        f"Fitted to a single rating, it predicts {predicted}.",
    )


def history_is_read(subject: ModelSubject) -> None:
    """A user it was not fitted to is predicted for from their history."""
    if not subject.spec.capabilities.inductive:
        raise SkipTest("its spec says that it knows only users it was fitted to")
    train = made_up_ratings(seed=10)
    new = made_up_ratings(6, train.n_items, density=0.8, seed=11)
    flipped = replace(new, values=new.scale.low + new.scale.high - new.values)
    with as_in_a_trial():
        model = subject.fitted(train)
        known = ask(model, train, all_pairs(train))
        if gap(known, np.tile(known[: train.n_items], train.n_users)) < _CLOSE:
            raise SkipTest("it predicts the same for every user")
        one, other = (ask(model, own, all_pairs(new)) for own in (new, flipped))
    require(
        gap(one, other) > 0,
        "Users it was not fitted to are predicted the same whatever their history. "
        "Read the history, or say inductive=False.",
    )


def kept_and_restored(subject: ModelSubject) -> None:
    """A model restored from its state predicts the same."""
    if not subject.implements("state", "restore"):
        raise SkipTest("it cannot be kept: it has no state() and restore()")
    train = made_up_ratings(seed=12)
    with as_in_a_trial() as folder:
        model, restored = subject.fitted(train), subject.build()
        write_state(folder, state_of(model))
        restored.restore(read_state(folder))  # type: ignore[attr-defined]
        before, after = (ask(one, train, all_pairs(train)) for one in (model, restored))
    require(
        before.tobytes() == after.tobytes(),
        f"Restored, it predicts otherwise, by up to {gap(before, after):.2g}.",
    )


def process_as_it_was(subject: ModelSubject) -> None:
    """Generators, threads, default dtype, environment and folder are left alone."""
    train = made_up_ratings(seed=13)
    with as_in_a_trial():
        model = subject.build()
        before = settings()
        subject.fit(model, train)
        ask(model, train, all_pairs(train))
        changed = changed_since(before)
    require(
        not changed,
        f"It changed {' and '.join(changed)}. Put back what you set, and draw from "
        f"generators of your own.",
    )


def no_files_left(subject: ModelSubject) -> None:
    """Nothing is written into the working folder, nor into a results folder there."""
    train = made_up_ratings(seed=14)
    with as_in_a_trial() as folder:
        run = folder / "results" / "20260101-000000-abcd"
        (run / "trials").mkdir(parents=True)
        (run / "run.json").write_text("{}")
        (run / "trials" / "s0-f1-m00-bias-r0.json").write_text("{}")
        before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
        subject.answers(train, all_pairs(train))
        now = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
        touched = sorted(
            str(file.relative_to(folder))
            for file in before.keys() | now.keys()
            if before.get(file) != now.get(file) and not file.is_dir()
        )
    require(
        not touched, f"It wrote to {', '.join(touched)}. A model writes no results."
    )


def unclipped(subject: ModelSubject) -> None:
    """Predictions are not moved onto the rating scale: the runner does that for all."""
    # Of a scale so narrow that whoever tells pairs apart leaves it.
    train = replace(made_up_ratings(seed=15), scale=RatingScale(2.9, 3.1))
    wide = replace(train, scale=RatingScale(-20, 20))
    with as_in_a_trial():
        narrow, free = (subject.answers(one, all_pairs(one)) for one in (train, wide))
    low, high = train.scale.low, train.scale.high
    leaves = (free < low).any() or (free > high).any()
    require(
        not (leaves and gap(np.clip(free, low, high), narrow) < 1e-6),
        "It clips its predictions to the rating scale. The runner clips those of all "
        "models alike, and counts them.",
    )


def epochs_are_reported(subject: ModelSubject) -> None:
    """A model that validates reports each epoch's error; a refit trains as told."""
    can = subject.spec.capabilities
    if not can.uses_validation:
        raise SkipTest("its spec asks for no validation ratings")
    train = made_up_ratings(seed=16)
    with as_in_a_trial():
        model = subject.build()
        reports = subject.fit(model, train)
        again = subject.fit(model, train, epochs=1) if can.refits else []
    require(
        any(report.validation_rmse is not None for report in reports),
        "It asks for validation ratings, but reports no validation_rmse.",
    )
    require(
        all(report.epoch <= 1 for report in again),
        f"Told to train for 1 epoch (context.epochs), it reported epoch "
        f"{max((report.epoch for report in again), default=0)}.",
    )


def says_what_records_hold(subject: ModelSubject) -> None:
    """Epochs, notes and n_parameters are numbers and texts, in order and in bounds."""
    train = made_up_ratings(seed=18)
    notes: dict[str, str] = {}
    with as_in_a_trial():
        model = subject.build()
        try:
            reports = subject.fit(model, train, on_note=notes.__setitem__)
            count_parameters(model)
        except ModelError as error:
            require(False, f"A trial would fail: {error}")
    told = [report.epoch for report in reports]
    require(
        told == list(range(1, len(told) + 1)),
        f"It reported the epochs {told[:5]} …; they are counted from 1, each once.",
    )
    beyond = [report for report in reports if report.epoch > report.n_epochs]
    require(
        not beyond and len(told) <= MOST_EPOCHS,
        f"It reported epoch {told[-1:]} of {[r.n_epochs for r in beyond][:1]}, or more "
        f"than {MOST_EPOCHS:,} epochs.",
    )
    require(
        len(notes) <= MOST_NOTES, f"It made {len(notes)} notes; {MOST_NOTES} are kept."
    )


def devices_declared(subject: ModelSubject) -> None:
    """It runs on every device its spec names, as far as this machine has them."""
    import torch

    kinds = subject.spec.capabilities.devices
    unknown = [kind for kind in kinds if kind not in _DEVICES]
    require(not unknown, f"No device is called {unknown}. Known: {_DEVICES}.")
    require("cpu" in kinds, "It must run on 'cpu' too, where there is nothing else.")
    train = made_up_ratings(seed=17)
    here = [kind for kind in kinds if kind != "cpu"]
    here = [kind for kind in here if getattr(torch, kind).is_available()]
    for kind in here:
        with as_in_a_trial():
            model = subject.build()
            subject.fit(model, train, device=kind)
            predicted = ask(model, train, all_pairs(train))
        require(np.isfinite(predicted).all(), f"On {kind} it predicts no numbers.")


def _with_rare_users(known: Ratings) -> Ratings:
    """Add users with one rating, with two, and with ratings all alike."""
    new = np.repeat(np.arange(3), (1, 2, 4)) + known.n_users
    items = np.array([0, 1, 2, 0, 1, 2, 3])
    values = np.array([5, 1, 4, 3, 3, 3, 3])
    return replace(
        known,
        users=np.concatenate([known.users, new]).astype(np.int32),
        items=np.concatenate([known.items, items]).astype(np.int32),
        values=np.concatenate([known.values, values]).astype(np.float32),
        n_users=known.n_users + 3,
    )


def _answerable(subject: ModelSubject, train: Ratings) -> Pairs:
    """Return all pairs the model may be asked for by its spec."""
    pairs = all_pairs(train)
    can = subject.spec.capabilities
    fine = np.ones(len(pairs), dtype=bool)
    if not can.handles_cold_users:
        fine &= np.isin(pairs.users, train.users)
    if not can.handles_cold_items:
        fine &= np.isin(pairs.items, train.items)
    return pairs.take(np.flatnonzero(fine))

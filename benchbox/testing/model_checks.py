"""Checks of a model that run in this process."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ModelError
from benchbox.machine import (
    ANY_ACCELERATOR,
    KINDS,
    FoundDevices,
    find_devices,
    runs_on,
)
from benchbox.models import (
    is_accelerator,
    prepare_model,
    read_state,
    write_state,
)
from benchbox.options import decode, to_json
from benchbox.ratings import Ratings, RatingScale
from benchbox.records import MOST_EPOCHS, MOST_NOTES
from benchbox.testing.made_up import made_up_ratings
from benchbox.testing.subject import ModelSubject, Pairs, all_pairs, gap, require
from benchbox.testing.surroundings import SEED, as_in_a_trial, changed_since, settings
from benchbox.trials import check_predictions, count_parameters, state_of

_CLOSE = 1e-3
"""Allowed rounding difference between matrix products of different shapes."""

_FAR_SECONDS = (-30 * 365 * 86_400, 30 * 365 * 86_400)
"""Thirty years before and after."""

_BELOW_ZERO = RatingScale(-10, 10)
_DEVICES = (*KINDS, ANY_ACCELERATOR)


def spec_and_options(subject: ModelSubject) -> None:
    """The spec is complete; its options and presets can be stored as JSON."""
    spec = subject.spec
    require(spec.summary, "The spec has no summary. Describe the model in one line.")
    require(
        subject.implements("fit", "predict"),
        f"{spec.target!r} has no method `fit` or `predict`.",
    )
    settings: Mapping[str, Any]
    for preset, settings in {"default": {}, **spec.presets}.items():
        try:
            options = decode(spec.options, settings, spec.name)
            again = decode(spec.options, to_json(options), spec.name)
        except Exception as error:  # noqa: BLE001
            require(False, f"Preset {preset!r} cannot be used: {error}")
        require(
            again == options,
            f"Preset {preset!r} changes when it is stored as JSON and read.",
        )
    msgspec.json.schema(spec.options)


def answers(subject: ModelSubject) -> None:
    """Predictions are finite and of shape (n,): one per pair."""
    train = _with_rare_users(made_up_ratings(seed=1))
    pairs = _answerable(subject, train)
    with as_in_a_trial():
        predicted = subject.answers(train, pairs)
    try:
        check_predictions(predicted, len(pairs))
    except Exception as error:  # noqa: BLE001
        require(False, f"With users who have only one or two ratings, {error}")


def same_seed_same_bytes(subject: ModelSubject) -> None:
    """The same seed gives the same bytes; so does any seed if nothing is random."""
    train = made_up_ratings(seed=2)
    with as_in_a_trial():
        first, second = (subject.answers(train, all_pairs(train)) for _ in range(2))
    require(
        first.tobytes() == second.tobytes(),
        f"Two fits with one seed differ by up to {gap(first, second):.2g}. "
        f"Seed every random generator from context.seed.",
    )
    if not subject.can.stochastic:
        with as_in_a_trial():
            other = subject.answers(train, all_pairs(train), seed=SEED + 1)
        require(
            first.tobytes() == other.tobytes(),
            "The spec says that nothing is random (stochastic=False), but another "
            "seed gives different predictions.",
        )


def second_fit_forgets_the_first(subject: ModelSubject) -> None:
    """A second fit starts afresh: nothing of the first fit remains."""
    first, second = made_up_ratings(seed=3), made_up_ratings(seed=4)
    pairs = all_pairs(second)
    with as_in_a_trial():
        model = subject.fitted(first)
        subject.ask(model, first, pairs)
        subject.fit(model, second)
        again = subject.ask(model, second, pairs)
    with as_in_a_trial():
        fresh = subject.answers(second, pairs)
    require(
        again.tobytes() == fresh.tobytes(),
        f"After a second fit, predictions differ from those of a new model by up to "
        f"{gap(again, fresh):.2g}: the first fit has left something behind.",
    )


def pairs_stand_alone(subject: ModelSubject) -> None:
    """A prediction does not depend on the other pairs or on their order."""
    train = made_up_ratings(seed=5)
    pairs = all_pairs(train)
    orders = np.random.Generator(np.random.PCG64(5)).permutation(len(pairs))
    parts = np.array_split(orders, 7)
    with as_in_a_trial():
        model = subject.fitted(train)
        whole = subject.ask(model, train, pairs)
        shuffled = subject.ask(model, train, pairs.take(orders))
        pieces = [subject.ask(model, train, pairs.take(part)) for part in parts]
        single = subject.ask(model, train, pairs.take(orders[:1]))
        among = pairs.take(_among_decoys(pairs, orders))
        crowd = subject.ask(model, train, among)
    # What a model keeps of its first question shows in a model asked another first.
    with as_in_a_trial():
        model = subject.fitted(train)
        fresh = [subject.ask(model, train, pairs.take(part)) for part in parts]
    for what, answer in {
        "in another order": shuffled,
        "in parts": np.concatenate(pieces),
        "among others": crowd[: len(orders)],
        "in parts to a model that was asked nothing before": np.concatenate(fresh),
    }.items():
        require(
            gap(whole[orders], answer) < _CLOSE,
            f"When pairs are passed {what}, predictions change by up to "
            f"{gap(whole[orders], answer):.2g}. Predict each pair independently.",
        )
    require(
        gap(whole[orders[:1]], single) < _CLOSE,
        "When a pair is passed alone, its prediction changes. Predict each pair "
        "independently.",
    )


def _among_decoys(pairs: Pairs, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return *order*, followed by many pairs of one user and of one item."""
    is_decoy = (pairs.users == pairs.users[0]) | (pairs.items == pairs.items[-1])
    return np.concatenate([order, np.tile(np.flatnonzero(is_decoy), 20)])


def inputs_stay_as_they_are(subject: ModelSubject) -> None:
    """The ratings and pairs it is given are not modified."""
    train, original = made_up_ratings(seed=6), made_up_ratings(seed=6)
    columns = subject.columns(all_pairs(train))
    given = [column.copy() for column in columns]
    with as_in_a_trial():
        model = subject.fitted(train)
        model.predict(train, *given)
    for name in ("users", "items", "values"):
        require(
            np.array_equal(getattr(train, name), getattr(original, name)),
            f"It modified the {name} of its training ratings. Change a copy.",
        )
    require(
        all(map(np.array_equal, given, columns)),
        "It modified the pairs to predict. Change a copy.",
    )


def unknown_users_and_items(subject: ModelSubject) -> None:
    """Users and items without a training rating get a finite prediction."""
    can = subject.can
    if not (can.handles_cold_users or can.handles_cold_items):
        raise SkipTest("its spec says that it cannot predict cold users or items")
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
        "Predictions for users or items without training ratings are not finite. "
        "Predict something, or set handles_cold_users=False, handles_cold_items=False.",
    )


def zero_is_a_rating(subject: ModelSubject) -> None:
    """Ratings of 0 and below are treated like any other rating."""
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
        "Ratings of 0 have no effect: it treats them as missing. Every entry of "
        "`values` is a rating, whatever its value.",
    )
    require(
        np.isfinite(negative).all(),
        "With negative ratings it predicts NaN or infinity.",
    )


def one_rating_is_enough(subject: ModelSubject) -> None:
    """A single user, item and rating are enough to fit and predict."""
    known = made_up_ratings(5, 5, seed=9)
    one = replace(known.take(np.array([0])), n_users=1, n_items=1)
    with as_in_a_trial():
        predicted = subject.answers(one, all_pairs(one))
    require(
        predicted.shape == (1,) and np.isfinite(predicted).all(),
        f"Fitted to a single rating, it predicts {predicted}.",
    )


def history_is_read(subject: ModelSubject) -> None:
    """Predictions for a user who was not in training depend on their history."""
    if not subject.can.inductive:
        raise SkipTest(
            "its spec says that it cannot predict for new users (inductive=False)"
        )
    train = made_up_ratings(seed=10)
    new = made_up_ratings(6, train.n_items, density=0.8, seed=11)
    flipped = replace(new, values=new.scale.low + new.scale.high - new.values)
    with as_in_a_trial():
        model = subject.fitted(train)
        known = subject.ask(model, train, all_pairs(train))
        if gap(known, np.tile(known[: train.n_items], train.n_users)) < _CLOSE:
            raise SkipTest("it predicts the same for every user")
        one, other = (subject.ask(model, own, all_pairs(new)) for own in (new, flipped))
    require(
        gap(one, other) > 0,
        "Predictions for new users are the same whatever their history. Use the "
        "history, or set inductive=False.",
    )


def saved_and_restored(subject: ModelSubject) -> None:
    """A model restored from its state predicts the same."""
    if not subject.implements("state", "restore"):
        raise SkipTest("it cannot be saved: it has no state() and restore()")
    train = made_up_ratings(seed=12)
    with as_in_a_trial() as folder:
        model, restored = subject.fitted(train), subject.build()
        write_state(folder, state_of(model))
        restored.restore(read_state(folder))  # type: ignore[attr-defined]
        before, after = (
            subject.ask(one, train, all_pairs(train)) for one in (model, restored)
        )
    require(
        before.tobytes() == after.tobytes(),
        f"After state() and restore(), predictions differ by up to "
        f"{gap(before, after):.2g}. Return from state() all that `predict` needs.",
    )


def process_as_it_was(subject: ModelSubject) -> None:
    """The global state of the process is left as it was."""
    train = made_up_ratings(seed=13)
    with as_in_a_trial():
        model = subject.build()
        before = settings()
        prepare_model(model, "cpu")
        subject.fit(model, train)
        subject.ask(model, train, all_pairs(train))
        changed = changed_since(before)
    require(
        not changed,
        f"It changed {' and '.join(changed)}. Restore what you set, and use your own "
        f"random generators.",
    )


def no_files_left(subject: ModelSubject) -> None:
    """No files are written to the working folder or to stored results."""
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
        not touched, f"It wrote to {', '.join(touched)}. Models must not write files."
    )


def unclipped(subject: ModelSubject) -> None:
    """Predictions are not clipped to the rating scale; the runner does that."""
    # The scale is so narrow that any model with varying predictions leaves it.
    train = replace(made_up_ratings(seed=15), scale=RatingScale(2.9, 3.1))
    wide = replace(train, scale=RatingScale(-20, 20))
    with as_in_a_trial():
        narrow, free = (subject.answers(one, all_pairs(one)) for one in (train, wide))
    low, high = train.scale.low, train.scale.high
    leaves = (free < low).any() or (free > high).any()
    require(
        not (leaves and gap(np.clip(free, low, high), narrow) < 1e-6),
        "It clips its predictions to the rating scale. Return them unclipped: the "
        "runner clips all models in the same way, and counts how many it clipped.",
    )


def timestamps_are_declared(subject: ModelSubject) -> None:
    """Predictions depend on timestamps if and only if the spec says so."""
    train = made_up_ratings(seed=18)
    uses = subject.can.uses_timestamps
    if subject.can.uses_question_times and not uses:
        raise SkipTest("it is told when it is asked, so all its data have timestamps")
    other = np.arange(len(train)) if uses else None
    with as_in_a_trial():
        timed = subject.answers(train, all_pairs(train))
        changed = subject.answers(replace(train, timestamps=other), all_pairs(train))
    if uses:
        require(
            gap(timed, changed) > 0,
            "The spec says uses_timestamps=True, but other timestamps change nothing. "
            "Set it to False, or data without timestamps are needlessly skipped.",
        )
    require(
        uses or gap(timed, changed) == 0,
        f"Without timestamps, predictions change by up to {gap(timed, changed):.2g}. "
        f"Set uses_timestamps=True: then it is skipped on data without timestamps.",
    )


def question_times_are_used(subject: ModelSubject) -> None:
    """Predictions depend on when the question is asked if the spec says so."""
    if not subject.can.uses_question_times:
        raise SkipTest("its spec does not ask when it is asked")
    train = made_up_ratings(seed=19)
    pairs = all_pairs(train)
    earlier = replace(pairs, timestamps=np.roll(pairs.timestamps, 1))
    beyond = [replace(pairs, timestamps=pairs.timestamps + far) for far in _FAR_SECONDS]
    with as_in_a_trial():
        model = subject.fitted(train)
        now, then = (subject.ask(model, train, one) for one in (pairs, earlier))
        far = [subject.ask(model, train, one) for one in beyond]
    require(
        gap(now, then) > 0,
        "The spec says uses_question_times=True, but the predictions are the same "
        "whenever it is asked. Set it to False: its figures then count as those of any "
        "other model.",
    )
    require(
        all(np.isfinite(one).all() for one in far),
        "Asked decades before or after its training ratings, it predicts NaN or "
        "infinity. `benchbox predict` asks now: bound what it makes of a time.",
    )


def distributions_are_sound(subject: ModelSubject) -> None:
    """Its distributions are valid, one per pair, and survive saving the model."""
    if not subject.can.predicts_distribution:
        raise SkipTest("its spec says that it predicts no distributions")
    train = _with_rare_users(made_up_ratings(seed=21))
    pairs = _answerable(subject, train)
    order = np.random.Generator(np.random.PCG64(21)).permutation(len(pairs))
    with as_in_a_trial() as folder:
        model = subject.fitted(train)
        try:
            whole = subject.ask_distribution(model, train, pairs)
        except Exception as error:  # noqa: BLE001
            require(False, f"A trial would fail: {error}")
        shuffled = subject.ask_distribution(model, train, pairs.take(order))
        again = whole
        if subject.implements("state", "restore"):
            restored = subject.build()
            write_state(folder, state_of(model))
            restored.restore(read_state(folder))  # type: ignore[attr-defined]
            again = subject.ask_distribution(restored, train, pairs)
    # Steps are the first row of a table.
    rows = whole[-len(pairs) :][order]
    require(
        gap(rows, shuffled[-len(pairs) :]) < _CLOSE,
        "When pairs are passed in another order, their distributions change. Predict "
        "each pair independently.",
    )
    require(
        again.tobytes() == whole.tobytes(),
        f"After state() and restore(), distributions differ by up to "
        f"{gap(again, whole):.2g}. Return from state() all that they need.",
    )


def epochs_are_reported(subject: ModelSubject) -> None:
    """It reports each epoch's validation error; a refit trains for the given epochs."""
    can = subject.can
    if not can.uses_validation:
        raise SkipTest("its spec does not ask for validation ratings")
    train = made_up_ratings(seed=16)
    with as_in_a_trial():
        model = subject.build()
        reports = subject.fit(model, train)
        again = subject.fit(model, train, epochs=1) if can.refits else []
    require(
        any(report.validation_rmse is not None for report in reports),
        "It asks for validation ratings but never reports a validation_rmse.",
    )
    require(
        all(report.epoch <= 1 for report in again),
        f"With context.epochs = 1, it must train one epoch, but it reported epoch "
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
    """It runs on the devices its spec names, as far as this machine has them."""
    kinds = subject.can.devices
    unknown = [kind for kind in kinds if kind not in _DEVICES]
    require(not unknown, f"There are no devices {unknown}. Available: {_DEVICES}.")
    require(
        "cpu" in kinds,
        "The devices must include 'cpu': many machines have nothing else.",
    )
    train = made_up_ratings(seed=17)
    found = find_devices() if any(map(is_accelerator, kinds)) else FoundDevices()
    if runs_on(kinds, found.kind):
        device = found.first
        with as_in_a_trial(device):
            model = subject.build()
            prepare_model(model, device)
            subject.fit(model, train, device=device)
            predicted = subject.ask(model, train, all_pairs(train))
        require(
            np.isfinite(predicted).all(), f"On {device}, predictions are not finite."
        )


def _with_rare_users(known: Ratings) -> Ratings:
    """Add users with one rating, with two, and with four equal ratings."""
    new = np.repeat(np.arange(3), (1, 2, 4)) + known.n_users
    items = np.array([0, 1, 2, 0, 1, 2, 3])
    values = np.array([5, 1, 4, 3, 3, 3, 3])
    return replace(
        known,
        users=np.concatenate([known.users, new]).astype(np.int32),
        items=np.concatenate([known.items, items]).astype(np.int32),
        values=np.concatenate([known.values, values]).astype(np.float32),
        timestamps=np.arange(len(known) + len(new)),
        n_users=known.n_users + 3,
    )


def _answerable(subject: ModelSubject, train: Ratings) -> Pairs:
    """Return all pairs that the model can predict according to its spec."""
    pairs = all_pairs(train)
    can = subject.can
    fine = np.ones(len(pairs), dtype=bool)
    if not can.handles_cold_users:
        fine &= np.isin(pairs.users, train.users)
    if not can.handles_cold_items:
        fine &= np.isin(pairs.items, train.items)
    return pairs.take(np.flatnonzero(fine))

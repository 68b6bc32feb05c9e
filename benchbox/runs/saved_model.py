"""Kept: a fitted model in a folder, to predict and to recommend with later."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchbox.data import Dataset, data_id, map_ratings, write_ratings
from benchbox.errors import BenchboxError, ModelError, UsageError
from benchbox.files import scratch_folder
from benchbox.machine import describe_environment
from benchbox.models import Precision, RatingModel, read_state, write_state
from benchbox.options import NoOptions, spell
from benchbox.protocols import carve_random
from benchbox.ratings import Features, IndexArray, Ratings, Values
from benchbox.records import PlannedModel, TrialJob, now
from benchbox.runs.kept_files import (
    RATINGS,
    STATE,
    KeptRecord,
    damaged,
    read_record,
    write_record,
)
from benchbox.runs.trust import Trust
from benchbox.seeding import derive_seed
from benchbox.text import error_line, message_of
from benchbox.trials import Executor, Listen, build_model, check_predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """An item a user has not rated.

    Attributes:
        item: The item's id in the data.
        title: Its title, where the data have one.
        predicted: Rating the model expects, on the scale.
    """

    item: str
    title: str
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How to fit a model that is to be kept.

    Attributes:
        seed: Seed of the model, and of the validation ratings it may ask for.
        device: Where to fit.
        precision: Arithmetic of matrix products.
        n_threads: Threads to use.
    """

    seed: int = 0
    device: str = "cpu"
    precision: Precision = "float32"
    n_threads: int = 1


def fit(
    model: PlannedModel,
    dataset: Dataset,
    settings: FitSettings,
    executor: Executor,
    listen: Listen,
    folder: Path,
) -> KeptRecord:
    """Fit *model* to all ratings of *dataset*, in a child, and keep it in *folder*.

    A model that chooses its epochs does so on a tenth of the ratings, set aside at
    random, and is then fitted to all, as in a run.

    Args:
        model: The model and its options.
        dataset: What to fit it to.
        settings: How.
        executor: Runs the child.
        listen: Takes the child's messages.
        folder: Where to keep the model; it must not exist.

    Raises:
        UsageError: The folder exists.
        ModelError: The fit did not end well, or the model cannot be kept.
    """
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists. Choose another --out, or remove it.")
    with scratch_folder() as scratch:
        finished = executor.run(
            _job(model, dataset.ratings, settings, scratch),
            log=scratch / "log",
            listen=listen,
        )
        outcome = finished.outcome
        if outcome.status != "ok":
            raise ModelError(
                f"{model.label} was not fitted: {outcome.status}: {outcome.reason}."
            )
        record = KeptRecord(
            model=model,
            dataset=spell(dataset.name, dataset.options_changed),
            origin=dataset.origin,
            data_id=data_id(dataset.ratings),
            n_ratings=len(dataset.ratings),
            seed=settings.seed,
            device=settings.device,
            precision=settings.precision,
            chosen_epoch=outcome.chosen_epoch,
            fit_seconds=outcome.wall_seconds.get("fit", 0.0),
            created=now(),
            environment=describe_environment(),
        )
        keep(record, scratch / STATE, dataset.ratings, folder)
    return record


def _job(
    model: PlannedModel, ratings: Ratings, settings: FitSettings, scratch: Path
) -> TrialJob:
    train = str(scratch / "train")
    write_ratings(Path(train), ratings)
    can, carved = model.capabilities, {}
    if can.uses_validation:
        seed = derive_seed(settings.seed, "validation", data_id(ratings))
        parts = carve_random(ratings, NoOptions(), seed)
        for name, positions in (("train", parts.train), ("validation", parts.hidden)):
            carved[name] = str(scratch / "carved" / name)
            write_ratings(Path(carved[name]), ratings.take(positions))
    (scratch / STATE).mkdir()
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", train),
        history=train,
        validation=carved.get("validation"),
        validation_history=carved.get("train"),
        refit=train if carved and can.refits else None,
        out=str(scratch),
        device=settings.device,
        precision=settings.precision,
        seed=settings.seed,
        n_threads=settings.n_threads,
        keep=str(scratch / STATE),
    )


def keep(record: KeptRecord, state: Path, ratings: Ratings, folder: Path) -> None:
    """Put a fitted model into the new *folder*, whole or not at all.

    Args:
        record: What it is.
        state: Folder with its state, as its process has left it.
        ratings: What it was fitted to: histories of known users come from there.
        folder: Where to.

    Raises:
        ModelError: The state is none.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _take_state(state, made / STATE)
        write_ratings(made / RATINGS, ratings, with_names=True)
        write_record(made, record)
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _take_state(left: Path, target: Path) -> None:
    """Write the state that a process has left anew, so that nothing else comes with it.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    state = read_state(left)
    target.mkdir()
    write_state(target, state)


def _ratings_of(record: KeptRecord, folder: Path) -> Ratings:
    try:
        ratings = map_ratings(folder / RATINGS)
    except Exception as error:
        # Half a file fails in many ways, deep within NumPy's reader of headers.
        raise damaged(
            folder, f"its ratings cannot be read: {message_of(error)}"
        ) from None
    # Where every file has its hash, theirs need not be computed again.
    if len(ratings) != record.n_ratings or not (
        record.digests or data_id(ratings) == record.data_id
    ):
        raise damaged(folder, "its ratings are not those it was fitted to")
    return ratings


@dataclass(frozen=True, eq=False, kw_only=True)
class KeptModel:
    """A fitted model, ready to answer.

    Attributes:
        record: What it is.
        model: The model itself.
        ratings: What it was fitted to.
    """

    record: KeptRecord
    model: RatingModel
    ratings: Ratings

    @classmethod
    def load(cls, folder: Path, trust: Trust) -> Self:
        """Return the model kept in *folder*.

        Args:
            folder: Where it is.
            trust: Whose code may run if the record names it.

        Raises:
            UsageError: There is none in it, or its code is not trusted.
            ModelError: It is of another version, or damaged.
        """
        record = read_record(folder)
        planned = trust.model(record.model)
        ratings = _ratings_of(record, folder)
        # Here a plugin's code runs, on a state that may be damaged.
        try:
            model = build_model(planned.target, planned.options_type, planned.options)
            model.restore(read_state(folder / STATE))  # type: ignore[attr-defined]
        except BenchboxError:
            raise
        except Exception as error:
            raise damaged(
                folder, f"it cannot be restored: {error_line(error)}"
            ) from None
        return cls(record=record, model=model, ratings=ratings)

    def predict(self, users: list[str], items: list[str]) -> Values:
        """Return a rating per pair of ids, on the scale, shape ``(n,)``.

        Raises:
            UsageError: An id is not in the data the model was fitted to.
        """
        return self._predicted(
            self.ratings,
            _found(users, self._user_places, "user"),
            _found(items, self._item_places, "item"),
        )

    def recommend(self, user: str, k: int) -> list[Recommendation]:
        """Return the best *k* items that a known user has not rated.

        Raises:
            UsageError: The model was fitted without this user.
        """
        place = int(_found([user], self._user_places, "user")[0])
        rated = self.ratings.items[self.ratings.users == place]
        return self._best(self.ratings, place, rated, k)

    def recommend_to_new(
        self, own: Mapping[str, float], k: int
    ) -> list[Recommendation]:
        """Return the best *k* items for somebody who was not there at the fit.

        Args:
            own: Their ratings by item id, on the scale of the data.
            k: How many.

        Raises:
            UsageError: The model knows its own users alone, an item is unknown, or a
                rating is off the scale.
        """
        name, scale = self.record.model.name, self.ratings.scale
        if not self.record.model.capabilities.inductive:
            raise UsageError(
                f"{name} cannot predict for users it was not fitted to (it is not "
                f"inductive). Ask for a user of the data by id, or fit another model."
            )
        for item, value in own.items():
            if not scale.low <= value <= scale.high:
                raise UsageError(
                    f"The rating {value:g} of item {item!r} is off the scale {scale}."
                )
        rated = _found(list(own), self._item_places, "item")
        history = self._as_history(rated, list(own.values()))
        return self._best(history, self.ratings.n_users, rated, k)

    @cached_property
    def titles(self) -> list[str]:
        """Title per item; empty where the data have none."""
        table = self.ratings.item_features or {}
        if "title" not in table:
            return [""] * self.ratings.n_items
        years = table.get("year", [""] * self.ratings.n_items)
        return [
            f"{title} ({year})" if str(year) and title else str(title)
            for title, year in zip(table["title"], years, strict=True)
        ]

    def _best(
        self, history: Ratings, user: int, rated: IndexArray, k: int
    ) -> list[Recommendation]:
        # What nobody rated in training is a guess, not a recommendation.
        known = np.bincount(self.ratings.items, minlength=self.ratings.n_items) > 0
        known[rated] = False
        items = np.flatnonzero(known).astype(np.int32)
        users = np.full(len(items), user, dtype=np.int32)
        predicted = self._raw(history, users, items)
        best = np.argsort(-predicted, kind="stable")[:k]
        shown = history.scale.clip(predicted[best])
        return [
            Recommendation(
                item=self.item_ids[item],
                title=self.titles[item],
                predicted=float(value),
            )
            for item, value in zip(items[best].tolist(), shown, strict=True)
        ]

    def _predicted(
        self, history: Ratings, users: IndexArray, items: IndexArray
    ) -> Values:
        return history.scale.clip(self._raw(history, users, items))

    def _raw(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        return check_predictions(self.model.predict(history, users, items), len(users))

    def _as_history(self, items: IndexArray, values: list[float]) -> Ratings:
        """Return the ratings of somebody new, numbered after all known users."""
        known = self.ratings
        order = np.argsort(items)
        stamps = known.timestamps
        return replace(
            known,
            users=np.full(len(items), known.n_users, dtype=np.int32),
            items=items[order],
            values=np.array(values, dtype=np.float32)[order],
            timestamps=None
            if stamps is None
            else np.full(len(items), stamps.max(), dtype=np.int64),
            rows=None,
            n_users=known.n_users + 1,
            user_ids=None,
            user_features=_with_a_stranger(known.user_features),
        )

    @cached_property
    def item_ids(self) -> list[str]:
        """Id per item, in the data."""
        return _ids(self.ratings.item_ids, self.ratings.n_items)

    @cached_property
    def _item_places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.item_ids)}

    @cached_property
    def _user_places(self) -> dict[str, int]:
        names = _ids(self.ratings.user_ids, self.ratings.n_users)
        return {name: place for place, name in enumerate(names)}


def _ids(names: Any, n: int) -> list[str]:
    return list(map(str, range(n))) if names is None else list(map(str, names))


def _found(names: list[str], places: Mapping[str, int], what: str) -> IndexArray:
    for name in names:
        if name not in places:
            raise UsageError(
                f"The model was fitted without {what} {name!r}, of whom it can say "
                f"nothing. It knows {len(places):,} {what}s."
            )
    return np.array([places[name] for name in names], dtype=np.int32)


def _with_a_stranger(features: Features | None) -> Features | None:
    """Return *features* with one row more, of which nothing is known."""
    if features is None:
        return None
    longer = {}
    for name, column in features.items():
        if column.dtype.kind in "iu":
            column = column.astype(np.float64)
        nothing = np.array([np.nan if column.dtype.kind == "f" else ""])
        longer[name] = np.concatenate([column, nothing.astype(column.dtype)])
    return longer

"""Fitting a model, saving it in a folder, and loading it to predict and recommend."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import time
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import Dataset, data_id, map_ratings, write_ratings
from benchbox.errors import (
    BenchboxError,
    ModelError,
    UsageError,
    error_line,
    message_of,
    writing,
)
from benchbox.machine import describe_environment
from benchbox.models import (
    BiasModel,
    Precision,
    RatingModel,
    fit_bias_model,
    read_state,
    write_state,
)
from benchbox.options import NoOptions, spell
from benchbox.protocols import carve_random
from benchbox.ratings import Features, IndexArray, Ratings, Values
from benchbox.records import Access, PlannedModel, TrialJob, now, scratch_folder
from benchbox.runs.access import compiled_folder
from benchbox.runs.plan import without_needed_times
from benchbox.runs.saved_files import (
    RATINGS,
    STATE,
    SavedRecord,
    damaged,
    read_record,
    write_record,
)
from benchbox.runs.saved_source import beside, doubt_about
from benchbox.runs.trust import Trust
from benchbox.seeding import derive_seed
from benchbox.trials import Executor, Listen, build_model, check_predictions

Moments = int | Sequence[int] | NDArray[np.int64]
"""Seconds since 1970: one time for all pairs, or one per pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A recommended item, which the user has not rated.

    Attributes:
        item: Id of the item in the data.
        title: Its title; empty if the data have none.
        predicted: Predicted rating, on the rating scale.
    """

    item: str
    title: str
    predicted: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Asking:
    """A user whom a model is asked about.

    Attributes:
        history: What the model may see of the user.
        user: Index of the user.
        rated: Index of each item that the user has rated, shape ``(n,)``.
    """

    history: Ratings
    user: int
    rated: IndexArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filled:
    """Predictions for pairs, some of which the bias model had to make.

    Attributes:
        values: Predicted rating per pair, on the rating scale, shape ``(n,)``.
        by_bias: Whether the bias model made it, shape ``(n,)``.
        unknown_users: Ids that the model was fitted without, in order of appearance.
        unknown_items: The same of items.
    """

    values: Values
    by_bias: NDArray[np.bool_]
    unknown_users: list[str]
    unknown_items: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """Settings of a fit whose model is saved.

    Attributes:
        seed: Seed of the model, and of the choice of validation ratings.
        device: Device to fit on.
        precision: Precision of torch's matrix products.
        n_threads: Number of threads.
        allow_read: Files and folders that the model may read, beside its own.
        allow_network: Whether it may use the network.
    """

    seed: int = 0
    device: str = "cpu"
    precision: Precision = "float32"
    n_threads: int = 1
    allow_read: tuple[str, ...] = ()
    allow_network: bool = False


def fit(
    model: PlannedModel,
    dataset: Dataset,
    settings: FitSettings,
    access: Access,
    executor: Executor,
    listen: Listen,
    folder: Path,
) -> SavedRecord:
    """Fit *model* to all ratings of *dataset* in a child process and save it.

    A model that uses validation chooses its epochs on a random tenth of the ratings,
    and is then fitted to all of them, as in a run.

    Args:
        model: The model and its options.
        dataset: Data set to fit it to.
        settings: Settings of the fit.
        access: What the model may read and reach.
        executor: Executor that runs the child process.
        listen: Called with each message of the child process.
        folder: Folder to save the model in; it must not exist.

    Raises:
        UsageError: The folder exists, a library that the model needs is missing, or it
            needs timestamps and there are none.
        ModelError: The fit failed, or the model cannot be saved.
    """
    if folder.exists():
        raise UsageError(f"{str(folder)!r} exists. Choose another --out, or remove it.")
    if model.unavailable:
        raise UsageError(model.unavailable)
    if without_needed_times(model.capabilities, dataset.ratings):
        raise UsageError(
            f"{model.label} needs timestamps, and {dataset.name} has none. Choose "
            f"another model, or ratings with timestamps."
        )
    with scratch_folder() as scratch:
        finished = executor.run(
            _job(model, dataset.ratings, settings, access, scratch),
            log=scratch / "log",
            listen=listen,
        )
        outcome = finished.outcome
        if outcome.status != "ok":
            raise ModelError(
                f"Fitting {model.label} ended as {outcome.status}: {outcome.reason}."
            )
        record = SavedRecord(
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
        save(record, scratch / STATE, dataset.ratings, folder)
    return record


def _job(
    model: PlannedModel,
    ratings: Ratings,
    settings: FitSettings,
    access: Access,
    scratch: Path,
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
    for name in (STATE, "own"):
        (scratch / name).mkdir()
    compiled = compiled_folder(model.target, model.source_digest)
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", train),
        history=train,
        validation=carved.get("validation"),
        validation_history=carved.get("train"),
        refit=train if carved and can.refits else None,
        out=str(scratch / "own"),
        access=msgspec.structs.replace(access, compiled=compiled),
        device=settings.device,
        precision=settings.precision,
        seed=settings.seed,
        n_threads=settings.n_threads,
        keep=str(scratch / STATE),
    )


def save(record: SavedRecord, state: Path, ratings: Ratings, folder: Path) -> None:
    """Save a fitted model in the new *folder*, completely or not at all.

    Args:
        record: Description of the model.
        state: Folder with the model's state, as the process of the fit left it.
        ratings: Ratings it was fitted to; they are the histories of known users.
        folder: New folder.

    Raises:
        ModelError: There is no state, or it is damaged.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name[:80]}-", dir=folder.parent))
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


def _ratings_of(record: SavedRecord, folder: Path) -> Ratings:
    try:
        ratings = map_ratings(folder / RATINGS)
    except Exception as error:  # noqa: BLE001
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


def _built(planned: PlannedModel) -> RatingModel:
    try:
        return build_model(planned.target, planned.options_type, planned.options)
    except BenchboxError:
        raise
    except Exception as error:
        raise ModelError(
            f"The code of {planned.label} no longer makes the model that was saved: "
            f"{error_line(error)}. Fit it again."
        ) from error


@dataclass(frozen=True, eq=False, kw_only=True)
class SavedModel:
    """A fitted model loaded from a folder, ready to predict.

    Attributes:
        record: Description of the model.
        model: The model itself.
        ratings: Ratings it was fitted to.
        doubt: What to tell the user about its source, such as that it has changed since
            the fit; empty if there is nothing to tell.
    """

    record: SavedRecord
    model: RatingModel
    ratings: Ratings
    doubt: str = ""

    @classmethod
    def load(cls, folder: Path, trust: Trust) -> Self:
        """Return the model saved in *folder*.

        Args:
            folder: Where it is.
            trust: Whose code may run if the record names it.

        Raises:
            UsageError: The folder has no saved model, or its code is not trusted, gone
                or changed.
            ModelError: The record is damaged or from another version of benchbox.
        """
        record = read_record(folder)
        planned = trust.model(beside(record.model, folder))
        doubt = doubt_about(planned, may_differ=trust.everything)
        ratings = _ratings_of(record, folder)
        model = _built(planned)
        # Here a plugin's code runs, on a state that may be damaged.
        try:
            model.restore(read_state(folder / STATE))  # type: ignore[attr-defined]
        except BenchboxError:
            raise
        except Exception as error:  # noqa: BLE001
            raise damaged(
                folder, f"it cannot be restored: {error_line(error)}"
            ) from None
        return cls(record=record, model=model, ratings=ratings, doubt=doubt)

    @property
    def asks_times(self) -> bool:
        """Whether the model is told when each question is asked."""
        return self.record.model.capabilities.uses_question_times

    def predict(
        self, users: list[str], items: list[str], at: Moments | None = None
    ) -> Values:
        """Return a predicted rating per pair of ids, on the scale, shape ``(n,)``.

        Args:
            users: User id per pair.
            items: Item id per pair.
            at: When the questions are asked, in seconds since 1970, for a model that is
                told: one time for all, or one per pair; by default now.

        Raises:
            UsageError: An id is not in the data the model was fitted to, or a time is
                given to a model that is not told any.
        """
        return self._predicted(
            self.ratings,
            _found(users, self._user_places, "user"),
            _found(items, self._item_places, "item"),
            self._moments(at, len(users)),
        )

    def predict_filled(
        self, users: Sequence[str], items: Sequence[str], at: Moments | None = None
    ) -> Filled:
        """Return a predicted rating per pair of ids, whether they are known or not.

        For users and items the model was fitted without, the bias model predicts, as in
        a run: it gives them an offset of 0. The arguments are those of `predict`.
        """
        moments = self._moments(at, len(users))
        places, unknown = [], []
        for names, known in ((users, self._user_places), (items, self._item_places)):
            found = np.array([known.get(name, -1) for name in names], dtype=np.int32)
            places.append(found)
            unknown.append([n for n in dict.fromkeys(names) if n not in known])
        by_bias = (places[0] < 0) | (places[1] < 0)
        values = np.empty(len(by_bias), dtype=np.float32)
        asked = ~by_bias
        if asked.any():
            known_users, known_items = (p[asked] for p in places)
            values[asked] = self._predicted(
                self.ratings, known_users, known_items, moments[asked]
            )
        if by_bias.any():
            filled = self._bias.predict(*(p[by_bias] for p in places))
            values[by_bias] = self.ratings.scale.clip(filled)
        return Filled(
            values=values,
            by_bias=by_bias,
            unknown_users=unknown[0],
            unknown_items=unknown[1],
        )

    def knows(self, user: str, item: str) -> bool:
        """Return whether the data have this user, or this item."""
        return user in self._user_places or item in self._item_places

    def recommend(
        self, user: str, k: int, at: int | None = None
    ) -> list[Recommendation]:
        """Return the *k* items with the highest predictions that *user* has not rated.

        Args:
            user: Id of the user.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Raises:
            UsageError: The model was fitted without this user, or is not told times.
        """
        return self._recommended(self.known(user), k, at)

    def recommend_to_new(
        self, own: Mapping[str, float], k: int, at: int | None = None
    ) -> list[Recommendation]:
        """Return the *k* items with the highest predictions for a new user.

        Args:
            own: The user's ratings by item id, on the rating scale of the data.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Raises:
            UsageError: The model cannot predict for new users or is not told times, an
                item is unknown, or a rating is off the scale.
        """
        return self._recommended(self.new(own), k, at)

    def known(self, user: str) -> Asking:
        """Return a user of the data, to ask about.

        Raises:
            UsageError: The model was fitted without this user.
        """
        place = int(_found([user], self._user_places, "user")[0])
        rated = self.ratings.items[self.ratings.users == place]
        return Asking(history=self.ratings, user=place, rated=rated)

    def new(self, own: Mapping[str, float]) -> Asking:
        """Return a new user with these ratings, by item id, to ask about.

        Raises:
            UsageError: The model cannot predict for new users, an item is unknown, or a
                rating is off the scale.
        """
        name, scale = self.record.model.name, self.ratings.scale
        if not self.record.model.capabilities.inductive:
            raise UsageError(
                f"{name} cannot predict for new users (it is not inductive). Give the "
                f"id of a user in the data, or fit another model."
            )
        for item, value in own.items():
            if not scale.low <= value <= scale.high:
                raise UsageError(
                    f"The rating {value:g} of item {item!r} is off the scale {scale}."
                )
        rated = self.places_of_items(list(own))
        history = self._as_history(rated, list(own.values()))
        return Asking(history=history, user=self.ratings.n_users, rated=rated)

    def places_of_items(self, items: Sequence[str]) -> IndexArray:
        """Return the index of each item, given by id, shape ``(n,)``.

        Raises:
            UsageError: The model was fitted without one of them.
        """
        return _found(items, self._item_places, "item")

    @cached_property
    def titles(self) -> list[str]:
        """Title of each item; empty if the data have none."""
        table = self.ratings.item_features or {}
        if "title" not in table:
            return [""] * self.ratings.n_items
        years = table.get("year", [""] * self.ratings.n_items)
        return [
            f"{title} ({year})" if str(year) and title else str(title)
            for title, year in zip(table["title"], years, strict=True)
        ]

    def best(self, asking: Asking, k: int, at: int | None = None) -> IndexArray:
        """Return the *k* items with the highest predictions, without those rated.

        Args:
            asking: The user.
            k: Number of items.
            at: When it is asked, as for `predict`.

        Returns:
            Indexes of items, the best first, shape ``(k,)`` or less.
        """
        # Items without training ratings would be guesses, not recommendations.
        known = np.bincount(self.ratings.items, minlength=self.ratings.n_items) > 0
        known[asking.rated] = False
        items = np.flatnonzero(known).astype(np.int32)
        users = np.full(len(items), asking.user, dtype=np.int32)
        moments = self._moments(at, len(items))
        predicted = self._raw(asking.history, users, items, moments)
        return items[np.argsort(-predicted, kind="stable")[:k]]

    def predicted_for(
        self, asking: Asking, items: IndexArray, at: int | None = None
    ) -> Values:
        """Return a predicted rating per item index, on the scale, shape ``(n,)``.

        Args:
            asking: The user.
            items: Item indexes, shape ``(n,)``.
            at: When it is asked, as for `predict`.
        """
        users = np.full(len(items), asking.user, dtype=np.int32)
        moments = self._moments(at, len(items))
        return self._predicted(asking.history, users, items, moments)

    def _recommended(
        self, asking: Asking, k: int, at: int | None
    ) -> list[Recommendation]:
        items = self.best(asking, k, at)
        return [
            Recommendation(
                item=self.item_ids[item],
                title=self.titles[item],
                predicted=float(value),
            )
            for item, value in zip(
                items.tolist(), self.predicted_for(asking, items, at), strict=True
            )
        ]

    def _moments(self, at: Moments | None, n_pairs: int) -> NDArray[np.int64]:
        """Return when each pair is asked, shape ``(n_pairs,)``."""
        if at is not None and not self.asks_times:
            raise UsageError(
                f"{self.record.model.label} predicts the same at any time. Leave the "
                f"time out."
            )
        moments = np.asarray(int(time()) if at is None else at, dtype=np.int64)
        if moments.shape not in ((), (n_pairs,)):
            raise UsageError(
                f"at has times of shape {moments.shape} for {n_pairs} pairs. Give one "
                f"time, or one per pair."
            )
        return np.full(n_pairs, moments)

    def _predicted(
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        moments: NDArray[np.int64],
    ) -> Values:
        return history.scale.clip(self._raw(history, users, items, moments))

    def _raw(
        self,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
        moments: NDArray[np.int64],
    ) -> Values:
        told = (moments,) if self.asks_times else ()
        try:
            answered = self.model.predict(history, users, items, *told)
        except Exception as error:
            raise ModelError(f"The model failed: {error_line(error)}.") from error
        return check_predictions(answered, len(users))

    def _as_history(self, items: IndexArray, values: list[float]) -> Ratings:
        """Return ratings of a new user, whose index follows those of known users."""
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
            user_features=_with_unknown_user(known.user_features),
        )

    @cached_property
    def item_ids(self) -> list[str]:
        """Id of each item in the data."""
        return _ids(self.ratings.item_ids, self.ratings.n_items)

    @cached_property
    def _bias(self) -> BiasModel:
        """The bias model; its last user and item stand for all that are unknown."""
        known = self.ratings
        padded = replace(
            known,
            n_users=known.n_users + 1,
            n_items=known.n_items + 1,
            user_ids=None,
            item_ids=None,
            user_features=None,
            item_features=None,
        )
        return fit_bias_model(padded)

    @cached_property
    def _item_places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.item_ids)}

    @cached_property
    def _user_places(self) -> dict[str, int]:
        names = _ids(self.ratings.user_ids, self.ratings.n_users)
        return {name: place for place, name in enumerate(names)}


def _ids(names: Any, n: int) -> list[str]:
    return list(map(str, range(n))) if names is None else list(map(str, names))


def _found(names: Sequence[str], places: Mapping[str, int], what: str) -> IndexArray:
    for name in names:
        if name not in places:
            raise UsageError(
                f"The model was fitted without {what} {name!r}, so it cannot predict "
                f"for it. It knows {len(places):,} {what}s."
            )
    return np.array([places[name] for name in names], dtype=np.int32)


def _with_unknown_user(features: Features | None) -> Features | None:
    """Return *features* with one more row of missing values."""
    if features is None:
        return None
    longer = {}
    for name, column in features.items():
        if column.dtype.kind in "iu":
            column = column.astype(np.float64)
        nothing = np.array([np.nan if column.dtype.kind == "f" else ""])
        longer[name] = np.concatenate([column, nothing.astype(column.dtype)])
    return longer

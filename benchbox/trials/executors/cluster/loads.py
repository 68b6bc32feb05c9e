"""Loads: what trials take along, put into the cluster's store once."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from benchbox.machine import entry_points_of, package_version
from benchbox.records import ModelQuestion, Question, TrialJob
from benchbox.targets import file_of, source_digest
from benchbox.trials.executors.cluster.parcels import (
    Code,
    packed,
    packed_code,
    within_parcel,
)
from benchbox.trials.executors.cluster.words import Asked, Order

_FOLDERS = ("train", "history", "validation", "validation_history", "refit")

_MOST_KEPT = 16
"""Folders of ratings whose parcels stay in the store: those of two or three folds."""


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """A trial as it travels.

    Attributes:
        job: The trial, as the runner knows it.
        named: The trial, with its folders named by the numbers of parcels.
        code: The code of its model.
        is_asked: Whether there are pairs to predict.
        parcels: Stand for the parcels in the store.
        model: Says which model it is, with which options.
    """

    job: TrialJob
    named: TrialJob
    code: Code
    is_asked: bool
    parcels: tuple[Any, ...]

    @property
    def model(self) -> str:
        """Target and options of the model."""
        return msgspec.json.encode(
            [self.job.target, self.job.options, self.job.device], order="sorted"
        ).decode()

    def order(self, memory_limit_bytes: int | None) -> bytes:
        """Return the `Order` of the trial, encoded."""
        return msgspec.msgpack.encode(
            Order(
                job=self.named,
                code=self.code,
                memory_limit_bytes=memory_limit_bytes,
                is_asked=self.is_asked,
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class QuestionLoad:
    """A question as it travels.

    Attributes:
        asked: The question, encoded.
        parcels: Stand for the parcels in the store.
    """

    asked: bytes
    parcels: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FirstUse:
    """The first use of a model, which each worker repeats before the model's trials.

    Attributes:
        load: The trial on a few made-up ratings.
        pairs: Returns what it is asked.
    """

    load: Load
    pairs: Callable[[], Asked]


class Loads:
    """What trials take along.

    Args:
        put: Stores a value in the cluster, and returns what stands for it.
    """

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put, self._alone = put, Lock()
        self._sent: OrderedDict[str, Any] = OrderedDict()
        self._first_uses: dict[str, FirstUse] = {}
        self._codes: dict[str, Code] = {}

    def of_trial(self, job: TrialJob, *, is_asked: bool) -> Load:
        """Return *job* as it travels; its folders are stored if they are not yet.

        Raises:
            OSError: A file cannot be read.
        """
        named = {name: getattr(job, name) for name in _FOLDERS}
        places = list(dict.fromkeys(path for path in named.values() if path))
        numbers = {path: str(number) for number, path in enumerate(places)}
        with self._alone:
            parcels = tuple(self._stored(path) for path in places)
            code = self._code(job)
        if file_of(job.target) is not None:
            parcels += (self._put(packed_code(job.target)),)
        return Load(
            job=job,
            named=msgspec.structs.replace(
                job,
                **{name: numbers[path] for name, path in named.items() if path},
            ),
            code=code,
            is_asked=is_asked,
            parcels=parcels,
        )

    def of_question(self, question: Question) -> QuestionLoad:
        """Return *question* as it travels."""
        if not isinstance(question, ModelQuestion):
            return QuestionLoad(msgspec.msgpack.encode(question))
        code = packed_code(question.target)
        named = msgspec.structs.replace(question, target=within_parcel(question.target))
        return QuestionLoad(msgspec.msgpack.encode(named), (self._put(code),))

    def keep_first_use(self, load: Load, asked: Asked) -> None:
        """Keep the first use of a model for the workers that are still to have theirs.

        Args:
            load: The first use.
            asked: The pairs it was asked for.
        """
        with self._alone:
            self._first_uses[load.model] = FirstUse(load, lambda: asked)

    def first_use_of(self, load: Load) -> FirstUse | None:
        """Return the first use to repeat before *load*; `None` if there is none.

        Settings that are tried in tuning share that of their model.
        """
        if load.job.access.compiles:
            return None
        with self._alone:
            known = dict(self._first_uses)
        alike = (use for use in known.values() if use.load.code == load.code)
        return known.get(load.model) or next(alike, None)

    def _stored(self, path: str) -> Any:
        if path not in self._sent:
            self._sent[path] = self._put(packed(Path(path)))
        self._sent.move_to_end(path)
        while len(self._sent) > _MOST_KEPT:
            self._sent.popitem(last=False)
        return self._sent[path]

    def _code(self, job: TrialJob) -> Code:
        if file_of(job.target) is not None:
            return Code(
                target=within_parcel(job.target),
                options_type=within_parcel(job.options_type),
                digest=source_digest(job.target),
            )
        if job.target not in self._codes:
            self._codes[job.target] = Code(
                target=job.target,
                options_type=job.options_type,
                digest=source_digest(job.target),
                **_distribution_of(job.target),
            )
        return self._codes[job.target]


def _distribution_of(target: str) -> Mapping[str, str]:
    """Return name and version of the distribution that a module is from, if known."""
    top = target.rpartition(":")[0].partition(".")[0]
    plugins, _ = entry_points_of("benchbox")
    # Where a package is installed to be edited, its files are not listed.
    names = [e.dist.name for e in plugins if e.dist and e.module.split(".")[0] == top]
    for name in (*names, *packages_distributions().get(top, ())):
        return {"distribution": name, "version": package_version(name)}
    return {}

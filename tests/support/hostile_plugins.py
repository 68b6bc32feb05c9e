"""A plugin whose metrics, formats and protocols are at fault, each in one way.

The environment variable ``FAULTS`` names those it offers, by name, with commas.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from benchbox import Metric, Protocol, Ratings, Score, Scored, hookimpl
from benchbox.options import NoOptions
from benchbox.plugins import ReportFormat
from benchbox.protocols import Partition, carve_random, hiding


def wanted(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that the environment asks for."""
    names = os.environ.get("FAULTS", "").split(",")
    return {name: one for name, one in found.items() if name in names}


# Metrics.


def in_place(scored: Scored) -> Score:
    scored.actual.sort()
    scored.predicted.sort()
    return Score(value=0.0, n_scored=len(scored.actual))


def raises(scored: Scored) -> Score:
    raise ValueError("the metric\nbroke")


def leaves(scored: Scored) -> Score:
    raise SystemExit(3)


def nothing(scored: Scored) -> Score:
    return None  # type: ignore[return-value]


def not_a_number(scored: Scored) -> Score:
    return Score(value=float("nan"), n_scored=len(scored.actual))


def words(scored: Scored) -> Score:
    return Score(value="0.5", n_scored=len(scored.actual))  # type: ignore[arg-type]


def numpy_numbers(scored: Scored) -> Score:
    gaps = np.abs(scored.predicted - scored.actual)
    return Score(value=gaps.mean(), n_scored=np.int64(len(gaps)))  # type: ignore[arg-type]


METRICS: dict[str, Callable[[Scored], Score]] = {
    "in-place": in_place,
    "raises": raises,
    "leaves": leaves,
    "nothing": nothing,
    "not-a-number": not_a_number,
    "words": words,
    "numpy-numbers": numpy_numbers,
}


@hookimpl
def benchbox_metrics() -> list[Metric]:
    return [
        Metric(
            name=name,
            title=name,
            unit="rating",
            higher_is_better=False,
            pooling="rating",
            definition="what it says",
            function=function,
        )
        for name, function in wanted(METRICS).items()
    ]


# Formats.


def broken_format(run: object, boards: object) -> str:
    raise RuntimeError("no template")


def leaving_format(run: object, boards: object) -> str:
    raise SystemExit(0)


def silent_format(run: object, boards: object) -> None:
    return None


def good_format(run: object, boards: object) -> str:
    return "good\x1b[2J\n"


FORMATS = {
    "broken-format": broken_format,
    "leaving-format": leaving_format,
    "silent-format": silent_format,
    "good-format": good_format,
}
FILES = {
    "outside": "../outside.txt",
    "hidden": ".hidden",
    "over-the-records": "run.json",
    "steering": "a\x1b[2J.txt",
}


@hookimpl
def benchbox_formats() -> list[ReportFormat]:
    known = {name: f"{name}.txt" for name in FORMATS} | FILES
    return [
        ReportFormat(
            name=name,
            summary="a format",
            target=f"{__file__}:{FORMATS.get(name, good_format).__name__}",
            file=file,
        )
        for name, file in wanted(known).items()
    ]


# Protocols.


def halves(name: str, ratings: Ratings) -> Partition:
    return hiding(name, np.arange(len(ratings) // 2), len(ratings))


def fails(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    yield halves("good", ratings)
    raise KeyError("no such fold")


def exits(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    raise SystemExit(0)


def empty(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    return iter(())


def same_name(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    yield halves("half", ratings)
    yield halves("half", ratings)


def hides_twice(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    train = np.arange(5, len(ratings))
    hidden = np.array([0, 1, 1, 2])
    yield Partition(name="twice", train=train, history=train, hidden=hidden)


def out_of_range(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    train = np.arange(5, len(ratings) + 5)
    yield Partition(name="far", train=train, history=train, hidden=np.arange(5))


def steers(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    yield halves("a\x1b[2J", ratings)


def no_partition(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    yield {"train": [1]}  # type: ignore[misc]


def writes(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    ratings.values[:] = 1
    yield halves("half", ratings)


def endless(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    number = 0
    while True:
        number += 1
        yield halves(f"f{number}", ratings)


def moody(ratings: Ratings, *_: Any) -> Iterator[Partition]:
    if os.environ.get("MOOD") == "good":
        yield halves("half", ratings)


PROTOCOLS: dict[str, Callable[..., Iterator[Partition]]] = {
    "fails": fails,
    "exits": exits,
    "empty": empty,
    "same-name": same_name,
    "hides-twice": hides_twice,
    "out-of-range": out_of_range,
    "steers": steers,
    "no-partition": no_partition,
    "writes": writes,
    "endless": endless,
    "moody": moody,
}


@hookimpl
def benchbox_protocols() -> list[Protocol]:
    return [
        Protocol(
            name=name,
            summary="a protocol",
            options=NoOptions,
            split=split,
            carve=lambda train, options, seed: carve_random(train, options, seed),
        )
        for name, split in wanted(PROTOCOLS).items()
    ]

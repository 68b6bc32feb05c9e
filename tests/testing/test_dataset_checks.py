"""Data set checks: each catches a card that says what is not so."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchbox.data.cards import DatasetCard, RatingsTable
from benchbox.data.raw import RawRatings
from benchbox.data.readers import read_declared
from benchbox.data.sources.licence import Licence
from benchbox.ratings import RatingScale
from benchbox.testing.checks import Verdict, judge
from benchbox.testing.dataset_checks import DATASET_CHECKS, DatasetSubject

ROWS = [f"u{n // 5},i{n % 5},{1 + n * 7 % 5}" for n in range(60)]


TIMES = count()


def moody_reader(files: Any, card: Any, options: Any) -> RawRatings:
    """Read something else each time: one more or one less rating of 1."""
    raw = read_declared(files, card, options)
    values = raw.values.copy()
    values[1 + next(TIMES) % 2] = 1
    return replace(raw, values=values)


def card(folder: Path, **values: Any) -> DatasetCard:
    file = folder / "ratings.csv"
    file.write_text("\n".join(["user,item,rating", *ROWS, ""]))
    made = DatasetCard(
        name="toys",
        title="Toys",
        summary="ratings of toys",
        scale=RatingScale(1, 5, 1),
        n_users=12,
        n_items=5,
        n_ratings=60,
        sources=({"type": "path", "files": {"ratings.csv": str(file)}},),
        ratings=RatingsTable(file="ratings.csv"),
        licence=Licence(text="Free.", redistributable=True),
    )
    return msgspec.structs.replace(made, **values)


def broken(card: DatasetCard) -> dict[str, Verdict]:
    verdicts = judge(DATASET_CHECKS, DatasetSubject(card))
    return {v.check.name: v for v in verdicts if v.status == "broken"}


@pytest.mark.parametrize(
    ("values", "check", "reason"),
    [
        ({"summary": ""}, "card-is-complete", "no summary"),
        ({"n_users": None}, "counts-are-stated", "n_users = 12"),
        ({"n_items": 6}, "counts-are-stated", "its card says 6"),
        (
            {"scale": RatingScale(1, 4, 1)},
            "ratings-are-on-the-scale",
            "off the scale",
        ),
        (
            {"scale": RatingScale(1, 5, 3)},
            "ratings-are-on-the-scale",
            "between the steps",
        ),
        ({"data_id": "abc"}, "reading-again-gives-the-same", "states data id abc"),
        (
            {"expected_folds": {"holdout": {"holdout": "abc"}}},
            "default-protocol-splits-it",
            "abc",
        ),
        ({}, "folds-are-pinned", "does not pin its folds"),
    ],
)
def test_a_card_that_says_what_is_not_so_is_caught(
    tmp_path: Path, values: dict[str, Any], check: str, reason: str
) -> None:
    verdicts = broken(card(tmp_path, **values))

    assert reason in verdicts[check].reason


def test_a_reader_that_reads_otherwise_each_time_is_caught(tmp_path: Path) -> None:
    made = card(tmp_path, reader=f"{__name__}:moody_reader")

    assert "Reading it twice" in broken(made)["reading-again-gives-the-same"].reason

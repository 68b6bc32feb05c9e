"""What the times of questions betray to a model that is told them."""

from dataclasses import replace

import numpy as np
import pytest

from benchbox.protocols import PROTOCOLS, TIME_FINDINGS, Finding, audit_fold, make_folds
from benchbox.ratings import Ratings
from benchbox.testing import made_up_ratings

PROTOCOL = {protocol.name: protocol for protocol in PROTOCOLS}


def found(ratings: Ratings, protocol: str) -> dict[str, Finding]:
    one = PROTOCOL[protocol]
    (fold, *_) = make_folds(ratings, one, one.options(), {})
    return {f.name: f for f in audit_fold(fold).findings if f.name in TIME_FINDINGS}


def test_random_splits_hide_ratings_between_visible_ones_of_the_user() -> None:
    (finding,) = found(made_up_ratings(), "holdout").values()

    assert finding.severity == "note"
    assert finding.name == "asked-between"
    assert "interpolate between the user's ratings" in finding.text


@pytest.mark.parametrize("protocol", ["temporal", "temporal-user"])
def test_splits_in_time_betray_nothing(protocol: str) -> None:
    assert found(made_up_ratings(), protocol) == {}


@pytest.mark.parametrize("by_user", [False, True])
def test_times_that_follow_the_ratings_give_them_away(by_user: bool) -> None:
    ratings = made_up_ratings(60, 40)
    keys = [ratings.values, ratings.users] if by_user else [ratings.values]
    times = np.empty(len(ratings), dtype=np.int64)
    times[np.lexsort(keys)] = np.arange(len(ratings))

    finding = found(replace(ratings, timestamps=times), "holdout")["times-tell-values"]

    assert "within users" in finding.text if by_user else True
    assert finding.n == len(ratings) // 10


def test_without_timestamps_there_is_nothing_to_betray() -> None:
    assert found(replace(made_up_ratings(), timestamps=None), "holdout") == {}

"""First use: a few ratings of the same data, numbered anew."""

from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

from benchbox.ratings import Ratings, RatingScale
from benchbox.records.trial_job import TrialJob, TrialOutcome
from benchbox.trials.executors.api import Executor, Finished
from benchbox.trials.first_use import FirstUse, few_ratings
from tests.support.toys import tiny_ratings


def test_few_ratings_of_many_are_those_of_the_most_active() -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    cells = np.sort(draw.choice(400 * 300, 20_000, replace=False))
    users, items = np.divmod(cells, 300)
    features = {"age": np.arange(400, dtype=np.float32)}
    ratings = Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=(cells % 5).astype(np.float32),
        n_users=400,
        n_items=300,
        scale=RatingScale(0, 4),
        user_features=features,
    )

    few = few_ratings(ratings)

    assert (few.n_users, few.n_items) == (50, 100)
    assert 0 < len(few) <= 50 * 100
    assert few.user_features is not None
    known = {(u, i): v for u, i, v in zip(users, items, ratings.values, strict=True)}
    counts = np.bincount(users, minlength=400)
    chosen = few.user_features["age"].astype(int)
    assert counts[chosen].min() >= np.delete(counts, chosen).max()
    assert set(few.values) <= set(known.values())


def test_few_ratings_of_few_are_all_of_them() -> None:
    ratings = tiny_ratings(12)

    few = few_ratings(ratings)

    for name in ("users", "items", "values", "timestamps"):
        assert getattr(few, name).tolist() == getattr(ratings, name).tolist()


def test_a_first_use_has_the_limits_of_a_trial(tmp_path: Path) -> None:
    executor = MagicMock(spec=Executor)
    executor.run.return_value = Finished(outcome=TrialOutcome())
    job = TrialJob(
        target="x:Y",
        options_type="",
        options={},
        train="",
        history="",
        out="",
        time_limit_seconds=3.0,
    )
    first_use = FirstUse(tmp_path, executor)

    was_first = first_use.pay("planted", job, tiny_ratings(8), 1 << 30)
    again = first_use.pay("planted", job, tiny_ratings(8), 1 << 30)

    assert (was_first, again) == (True, False)
    (call,) = executor.run.call_args_list
    assert call.kwargs["memory_limit_bytes"] == 1 << 30
    assert call.args[0].time_limit_seconds == 3.0

"""Questions with a time: a model that asks is told when, and only after its fit."""

from pathlib import Path

import numpy as np
import pytest

from benchbox.plugins import discover
from benchbox.runs import Stages
from tests.support.commands import PLANTED, Benchbox

DAY = 86_400
MODEL = f"{PLANTED}:AsksWhen"


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Ratings, the k-th of them given on day k."""
    file = tmp_path / "ratings.csv"
    cells = np.random.default_rng(0).permutation(12 * 10)[:80]
    lines = [
        f"u{cell // 10},i{cell % 10},{1 + cell % 5},{(k + 1) * DAY}"
        for k, cell in enumerate(cells)
    ]
    file.write_text("\n".join(["user,item,rating,timestamp", *lines, ""]))
    return file


def test_each_pair_is_asked_with_the_time_of_its_rating(
    benchbox: Benchbox, ratings: Path
) -> None:
    done = benchbox(f"run -m {MODEL} -d {ratings} -p holdout:fraction=0.3 --latency")

    (trial,) = done.trials()
    assert trial.status == "ok", trial.reason
    assert {case.case for case in trial.latency} == {"pairs", "row"}
    stages = Stages(discover(), lambda text: None)
    (fold,) = stages.stage(str(ratings), "holdout:fraction=0.3").folds
    days = fold.hidden.timestamps // DAY - fold.train.timestamps.max() // DAY
    assert done.folder.predictions(trial).tolist() == days.tolist()


def test_without_timestamps_it_is_skipped_with_the_reason(benchbox: Benchbox) -> None:
    done = benchbox(f"run -m {MODEL} -d svd-toy -p holdout")

    (trial,) = done.trials()
    assert (trial.status, trial.reason) == (
        "skipped",
        "AsksWhen needs timestamps, and svd-toy has none",
    )

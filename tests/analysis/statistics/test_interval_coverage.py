"""The study of interval coverage: its truths are true, and its result is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.studies import interval_coverage

PUBLISHED = Path(__file__).parents[3] / "results/published/interval-coverage.json"


@pytest.mark.parametrize("metric", ["rmse", "mae", "mape"])
def test_the_truth_by_formula_is_what_many_users_show(metric: str) -> None:
    stream = np.random.Generator(np.random.PCG64(0))

    totals = interval_coverage.draw(30_000, metric, stream)

    # Some deviations of what so many users show.
    truth = interval_coverage.truth(metric)
    assert totals.values == pytest.approx(truth, rel=0.007)
    difference = totals.values[0] - totals.values[1]
    assert difference == pytest.approx(truth[0] - truth[1], rel=0.1)


def test_the_published_study_finds_the_truth_in_93_to_97_per_cent() -> None:
    content = json.loads(PUBLISHED.read_text())

    assert content["n_repetitions"] == interval_coverage.N_REPETITIONS >= 1500
    settings = {(row["n_users"], row["metric"]) for row in content["rows"]}
    assert settings == set(interval_coverage.SETTINGS)
    for row in content["rows"]:
        assert 0.93 <= row["covered"] <= 0.97, row
        total = row["covered"] + row["truth below"] + row["truth above"]
        assert total == pytest.approx(1)


def test_a_short_study_makes_rows_of_the_published_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interval_coverage, "N_REPETITIONS", 20)
    monkeypatch.setattr(interval_coverage, "N_RESAMPLES", 200)

    rows = interval_coverage.coverage(100, "rmse")

    assert [row["interval of"] for row in rows] == ["value", "difference", "ratio"]
    assert rows[0].keys() == json.loads(PUBLISHED.read_text())["rows"][0].keys()
    assert all(row["covered"] > 0.7 for row in rows)

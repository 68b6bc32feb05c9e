"""Settings: numbers that cannot be meant are refused in one line."""

from typing import Any

import pytest

from benchbox.errors import UsageError
from benchbox.records.config import RunConfig, TuningBudget
from benchbox.runs.settings import check_bounds
from tests.support.commands import Benchbox


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seeds", 0),
        ("seeds", 1_001),
        ("seeds", 10**18),
        ("repeats", -1),
        ("repeats", 1_001),
        ("threads", -1),
        ("threads", 1_025),
        ("seed", 2**63),
        ("time_limit_seconds", 0.0),
        ("time_limit_seconds", float("nan")),
        ("memory_limit_gib", float("inf")),
        ("tuning", TuningBudget(trials=0)),
        ("tuning", TuningBudget(trials=10**9)),
    ],
)
def test_a_number_out_of_its_bounds_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"^{setting}.* is .*; it must be .*\.$"):
        check_bounds(RunConfig(**{setting: value}))


def test_numbers_at_their_bounds_are_taken() -> None:
    check_bounds(RunConfig(seeds=1_000, repeats=1_000, threads=1_024, seed=-(2**63)))


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--seeds 1001", "seeds is 1,001; it must be 1 to 1,000."),
        ("--repeats 100000", "repeats is 100,000; it must be 1 to 1,000."),
        ("--threads 9999999", "threads is 9,999,999; it must be 0 to 1,024."),
        (
            "--seeds 1000 --repeats 1000 -p kfold:n_folds=2",
            "That makes 2,002,000 trials; a run has 1,000,000 at most. Ask for fewer "
            "folds, seeds, repeats or models.",
        ),
    ],
)
def test_too_much_is_refused_in_one_line_before_anything_runs(
    benchbox: Benchbox, option: str, says: str
) -> None:
    done = benchbox(f"run -d svd-toy -m planted.py:Honest -m svd {option}")

    assert done.code == 2
    assert done.err.splitlines()[-1] == f"benchbox: {says}"
    assert not done.results.exists()

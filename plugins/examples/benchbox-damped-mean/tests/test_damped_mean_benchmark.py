"""Accuracy and speed of the model: `pytest --benchmark-json=new.json`."""

from typing import Any

import pytest


@pytest.mark.parametrize("model", ["damped-mean", "bias"])
def test_synthetic_ratings(benchbox_trial: Any, model: str) -> None:
    """The noise has a standard deviation of 0.7, so no model has a lower RMSE."""
    benchbox_trial(
        model,
        dataset="synthetic:n_users=300,n_items=200,n_ratings=9000",
        threads=1,
        at_most={"rmse": 1.0},
        at_least={"coverage": 1.0},
    )

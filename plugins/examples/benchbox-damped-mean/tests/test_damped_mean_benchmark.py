"""How good and how fast the model is: `pytest --benchmark-json=new.json`."""

from typing import Any

import pytest


@pytest.mark.parametrize("model", ["damped-mean", "bias"])
def test_ratings_with_a_planted_truth(benchbox_trial: Any, model: str) -> None:
    """No model can do better than the noise planted here, an RMSE of 0.7."""
    benchbox_trial(
        model,
        dataset="synthetic:n_users=300,n_items=200,n_ratings=9000",
        threads=1,
        at_most={"rmse": 1.0},
        at_least={"coverage": 1.0},
    )

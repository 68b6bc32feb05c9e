"""How well ratings can be predicted: `pytest --benchmark-json=new.json`."""

from typing import Any

import pytest


@pytest.mark.parametrize("model", ["item-mean", "bias"])
def test_models_on_the_data_set(benchbox_trial: Any, model: str) -> None:
    benchbox_trial(model, dataset="tea-ratings", threads=1, at_most={"rmse": 1.5})

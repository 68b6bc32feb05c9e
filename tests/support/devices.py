"""Devices: where tests train models, which is on a GPU only where there is one."""

import pytest
import torch

CUDA = pytest.param(
    "cuda:0",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    ],
)
DEVICES = ["cpu", CUDA]


def set_determinism(request: pytest.FixtureRequest) -> None:
    """Ask torch for the same sums every time where trials do so: on processors."""
    on_gpu = request.node.get_closest_marker("gpu") is not None
    torch.use_deterministic_algorithms(not on_gpu)

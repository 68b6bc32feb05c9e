"""Devices: where tests train models, which is on a GPU only where there is one."""

import pytest
import torch


def _accelerator() -> str:
    """Return the name of the accelerator of this machine; empty if there is none."""
    if not torch.accelerator.is_available():
        return ""
    found = torch.accelerator.current_accelerator()
    return f"{found.type}:0" if found else ""


ACCELERATOR = pytest.param(
    _accelerator() or "cuda:0",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not _accelerator(), reason="torch finds no accelerator"),
    ],
)
DEVICES = ["cpu", ACCELERATOR]


def set_determinism(request: pytest.FixtureRequest) -> None:
    """Ask torch for the same sums every time where trials do so: on processors."""
    on_gpu = request.node.get_closest_marker("gpu") is not None
    torch.use_deterministic_algorithms(not on_gpu)

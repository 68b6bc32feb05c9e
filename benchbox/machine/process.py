"""Conditions: what the process of every trial is set to, and found to be set to."""

import os
import random
from collections.abc import Callable
from functools import partial

import numpy as np

from benchbox.models import Precision

# What torch calls the precision of products of float32 matrices.
_MATMUL = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}

_WARM_UP_SIZE = 256

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_WAIT_POLICY",
)


def prepare_process(
    *, device: str, precision: Precision, n_threads: int, seed: int
) -> None:
    """Set threads, arithmetic and global generators alike for every trial."""
    import torch

    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision(_MATMUL[precision])
    if device == "cpu":
        # With two threads some sums would otherwise differ from run to run.
        torch.use_deterministic_algorithms(True)
        # It would also fill new memory with NaN, to show bugs at the price of time.
        deterministic = torch.utils.deterministic
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Models must draw from their own generators; one that does not is at least
    # the same in every run.
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


def settings_in_force(device: str) -> dict[str, str]:
    """Return what decides speed and sums in this process, as it is now."""
    import torch

    found = {
        "torch threads": str(torch.get_num_threads()),
        "matmul precision": torch.get_float32_matmul_precision(),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()).lower(),
    }
    if device.startswith("cuda"):
        backends = torch.backends
        found |= {
            "cuda matmul tf32": str(backends.cuda.matmul.allow_tf32).lower(),
            "cudnn tf32": str(backends.cudnn.allow_tf32).lower(),
            "cudnn benchmark": str(backends.cudnn.benchmark).lower(),
        }
    set_to = {name: os.environ.get(name, "") for name in _THREAD_VARIABLES}
    return found | {name: value for name, value in set_to.items() if value}


def warm_up(device: str) -> None:
    """Create an accelerator's context and library handles, which takes a second once.

    No model asked for them, so no model pays for them.
    """
    if device == "cpu":
        return
    import torch

    square = torch.zeros(_WARM_UP_SIZE, _WARM_UP_SIZE, device=device)
    (square @ square).sum().item()


def synchronizer(device: str) -> Callable[[], None] | None:
    """Return what waits for all work on *device*; `None` where calls do not run on."""
    if device == "cpu":
        return None
    import torch

    return partial(torch.accelerator.synchronize, torch.device(device))

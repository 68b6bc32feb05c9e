"""Sets up the process of a trial, and reports its settings."""

import os
import random

import numpy as np

from benchbox.machine.accelerator import Accelerator
from benchbox.models import Precision

# What torch calls the precision of products of float32 matrices.
_MATMUL = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_WAIT_POLICY",
)


def prepare_process(
    *, device: Accelerator, precision: Precision, n_threads: int, seed: int
) -> None:
    """Set threads, arithmetic and global random generators, equally for every trial."""
    import torch

    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision(_MATMUL[precision])
    if not device.is_accelerator:
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


def settings_in_force(device: Accelerator) -> dict[str, str]:
    """Return the settings of this process that affect speed or results on *device*."""
    import torch

    found = {
        "torch threads": str(torch.get_num_threads()),
        "matmul precision": torch.get_float32_matmul_precision(),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()).lower(),
    }
    set_to = {name: os.environ.get(name, "") for name in _THREAD_VARIABLES}
    known = {name: value for name, value in set_to.items() if value}
    return found | device.settings() | known

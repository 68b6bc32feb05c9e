"""How kernels of the bundled models are compiled, and what each process computes."""

import json
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from numba.core.cpu import FastMathOptions
from numba.core.dispatcher import Dispatcher

import benchbox
from tests.support.compiled import FAMILIES

PREDICTED = """
import hashlib, json, sys
import numpy as np
from benchbox import FitContext
from benchbox.plugins.registry import discover
from benchbox.targets import resolve
from benchbox.testing.made_up import made_up_ratings

name, options = sys.argv[1], json.loads(sys.argv[2])
spec = discover().find("models", name).value
model = resolve(spec.target)(spec.options(**options))
train = made_up_ratings(120, 90, density=0.15, seed=3)
model.fit(train, FitContext(seed=1, n_threads=2))
users, items = np.divmod(np.arange(120 * 90, dtype=np.int32), np.int32(90))
print(hashlib.sha256(model.predict(train, users, items).tobytes()).hexdigest())
"""

MODELS = [
    ("autorec-user", {"hidden_units": [70], "epochs": 4, "route": "sparse"}),
    ("autorec-user", {"hidden_units": [70], "epochs": 4, "route": "dense"}),
    ("biased-mf-sgd", {"epochs": 4}),
    ("biased-mf-sgd", {"epochs": 4, "optimizer": "row-adagrad"}),
    ("neural-cf", {"epochs": 4}),
    ("bayesian-fm", {"epochs": 12, "burn_in": 4}),
    ("bayesian-fm", {"epochs": 12, "burn_in": 4, "likelihood": "ordered-probit"}),
    ("svdpp", {"epochs": 4}),
    ("nmf", {}),
    ("knn-item", {}),
    ("slope-one", {}),
]


def kernels_of(family: str) -> list[Dispatcher]:
    package = import_module(family)
    modules = [
        import_module(found.name)
        for found in pkgutil.walk_packages(package.__path__, f"{family}.")
    ]
    found = (value for module in modules for value in vars(module).values())
    return [value for value in found if isinstance(value, Dispatcher)]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_kernel_is_rewritten_each_time_it_is_optimised(family: str) -> None:
    """Such a kernel computes other bytes where it is part of its caller's code."""
    kernels = kernels_of(family)

    assert kernels
    for kernel in kernels:
        flags = FastMathOptions(kernel.targetoptions["fastmath"]).flags
        assert "fast" not in flags, kernel
        assert not flags >= {"reassoc", "nsz"}, kernel


def test_one_decorator_says_which_arithmetic_is_allowed() -> None:
    core = Path(benchbox.__file__).parent
    families = [Path(import_module(family).__file__).parent for family in FAMILIES]

    def files_with(text: str, *folders: Path) -> list[str]:
        files = [file for folder in folders for file in folder.rglob("*.py")]
        return [file.name for file in files if text in file.read_text()]

    assert files_with("fastmath", core, *families) == ["compiling.py"]
    assert files_with("njit", *families) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), MODELS, ids=str)
def test_a_process_that_loads_kernels_computes_as_the_one_that_compiled_them(
    tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    def compiled() -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")}

    def predicted() -> str:
        command = [sys.executable, "-P", "-c", PREDICTED, name, json.dumps(options)]
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    first = predicted()
    by_first = compiled()
    second = predicted()

    assert by_first
    assert compiled() == by_first
    assert second == first

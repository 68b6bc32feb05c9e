"""Global state of the process that a model must not change."""

import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchbox.machine import device_named, prepare_process

SEED = 20240229
"""Seed of every fit in the contract tests, except in checks about seeds."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A global setting, with functions that read and write it."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


def changed_since(before: dict[str, Any]) -> list[str]:
    """Return the names of the settings that differ from what `settings` returned."""
    now = settings()
    return [name for name, value in before.items() if not _same(value, now[name])]


def settings() -> dict[str, Any]:
    """Return the value of every global setting of this process, by display name."""
    return {setting.name: setting.read() for setting in _all()}


@contextmanager
def as_in_a_trial(device: str = "cpu") -> Iterator[Path]:
    """Set up this process as for a trial on one thread, and restore it afterwards.

    Inside the block, the working folder is a new empty one. Its path is yielded.

    Args:
        device: Device of the trial.
    """
    before = settings()
    with tempfile.TemporaryDirectory(prefix="benchbox-") as name:
        prepare_process(
            device=device_named(device), precision="float32", n_threads=1, seed=SEED
        )
        try:
            with chdir(name):
                yield Path(name)
        finally:
            for setting in _all():
                setting.write(before[setting.name])


def _all() -> list[_Setting]:
    import torch

    torch_settings = [
        _Setting("torch's generator", torch.get_rng_state, torch.set_rng_state),
        _Setting("torch's threads", torch.get_num_threads, torch.set_num_threads),
        _Setting(
            "torch's default dtype", torch.get_default_dtype, torch.set_default_dtype
        ),
        _Setting("torch's gradients", torch.is_grad_enabled, torch.set_grad_enabled),
        _Setting(
            "torch's determinism",
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        _Setting(
            "torch's matmul precision",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
    ]
    return [
        *torch_settings,
        _Setting("Python's generator", random.getstate, random.setstate),
        _Setting(
            "numpy's generator",
            _numpy_generator,
            _set_numpy_generator,
        ),
        _Setting("numpy's warnings", np.geterr, lambda found: np.seterr(**found)),
        _Setting(
            "the environment variables", lambda: dict(os.environ), _set_environment
        ),
        _Setting("the module path", lambda: list(sys.path), _set_path),
        _Setting("the working folder", os.getcwd, os.chdir),
        _Setting(
            "the handling of signals",
            partial(signal.getsignal, signal.SIGTERM),
            partial(signal.signal, signal.SIGTERM),
        ),
    ]


def _numpy_generator() -> tuple[Any, ...]:
    return tuple(np.random.get_state(legacy=True))[1:]  # noqa: NPY002


def _set_numpy_generator(found: Any) -> None:
    np.random.set_state(("MT19937", *found))  # noqa: NPY002


def _set_environment(found: dict[str, str]) -> None:
    for name in os.environ.keys() - found.keys():
        del os.environ[name]
    for name, value in found.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _set_path(found: list[str]) -> None:
    sys.path[:] = found


def _same(one: Any, other: Any) -> bool:
    if hasattr(one, "shape"):
        return np.array_equal(np.asarray(one), np.asarray(other))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)

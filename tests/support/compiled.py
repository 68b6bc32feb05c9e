"""One place for what numba compiles, for tests of this process and for their trials."""

import fcntl
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import _CacheLocator
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher

from benchbox.runs.access import compiled_folder
from benchbox.targets.resolving import source_digest

FAMILIES = (
    "benchbox_autoencoders",
    "benchbox_embeddings",
    "benchbox_factorization",
    "benchbox_neighbours",
)
"""Packages with kernels."""


def share_compiled(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Keep in *folder* what is compiled from now on, from run to run of the tests.

    A family takes some ten seconds. Trials get copies of what is kept for it, and this
    process finds the same files where numba would keep its own.
    """
    patch.setattr("benchbox.runs.access._compiled", lambda: folder)
    own = folder / "own"
    own.mkdir(exist_ok=True)
    patch.setenv("NUMBA_CACHE_DIR", str(own))
    # Numba has read its variables already.
    patch.setattr("numba.config.CACHE_DIR", str(own))
    for family in FAMILIES:
        target = f"{family}:"
        kept = Path(compiled_folder(target, source_digest(target)), "numba")
        for place in find_spec(family).submodule_search_locations:
            for file in Path(place).rglob("__init__.py"):
                name = _CacheLocator.get_suitable_cache_subpath(str(file))
                (kept / name).mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    (own / name).symlink_to(kept / name)
    compile_once(own, patch)


def compile_once(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let one process compile a kernel while others wait, and load what it has kept.

    Args:
        folder: Where those that do so for each other keep their locks.
        patch: Takes this back.
    """
    compile_kernel, held = Dispatcher.compile, set[str]()

    def compile_locked(kernel: Any, signature: Any) -> Any:
        family, _, rest = kernel.py_func.__module__.partition(".")
        name = f"{family}.{rest}.{kernel.py_func.__qualname__}.lock"
        # Numba's own lock first: who holds ours may need it, to compile another kernel.
        with global_compiler_lock:
            if family not in FAMILIES or name in held:
                return compile_kernel(kernel, signature)
            with (folder / name).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                held.add(name)
                try:
                    return compile_kernel(kernel, signature)
                finally:
                    held.remove(name)

    patch.setattr(Dispatcher, "compile", compile_locked)

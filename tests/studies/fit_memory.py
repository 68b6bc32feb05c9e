"""How much memory a fit needs for large data, beside the files that it maps.

``python -m tests.studies.fit_memory [N_RATINGS] [FOLDER]`` writes synthetic ratings as
`runner_memory` does, and fits each model to them in a process of its own, for one
epoch. It prints the peak of the memory that is no file, beyond that of a small fit, in
bytes per rating. ``--as-if N`` lowers the sizes from which on arrays are mapped, sorted
in parts and split into shards, in proportion, as if there were N ratings.
"""

import argparse
import os
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from benchbox_autoencoders import shards
from benchbox_autoencoders.models import ItemAutoencoder, UserAutoencoder
from benchbox_autoencoders.options import AutoencoderOptions
from benchbox_factorization import matrix
from benchbox_factorization.biased_mf import BiasedMF
from benchbox_factorization.options import BiasedMFOptions
from numpy.typing import NDArray

import benchbox
from benchbox import FitContext, Ratings
from benchbox.arrays import grouping, mapped
from benchbox.models import RatingModel
from tests.studies.runner_memory import Watch, anonymous_bytes, write_file

_FEW = 100_000
_MODELS = ("biased-mf", "autorec-user", "autorec-item")
_LIMITS = (
    (mapped, "MOST_BYTES_IN_MEMORY"),
    (grouping, "MOST_AT_ONCE"),
    (matrix, "MOST_AT_ONCE"),
    (shards, "SHARD_BYTES"),
)


def make(name: str) -> RatingModel:
    """Return the model called *name*, with a single epoch."""
    if name == "biased-mf":
        return BiasedMF(BiasedMFOptions(epochs=1))
    options = AutoencoderOptions(hidden_units=(50,), epochs=1)
    return {"autorec-user": UserAutoencoder, "autorec-item": ItemAutoencoder}[name](
        options
    )


def load(path: Path) -> Ratings:
    """Return the ratings in *path*; from the second time on, mapped from a cache."""
    return benchbox.load_dataset(str(path)).ratings


def measure(name: str, path: Path, is_shuffled: bool, share: float) -> None:
    """Print what a fit of the model called *name* needs at most."""
    ratings = load(path)
    if is_shuffled:
        order = np.random.default_rng(0).permutation(len(ratings))
        ratings = on_disk(ratings, order)
    context = FitContext(seed=0, n_threads=os.cpu_count() or 1)
    # Kernels are loaded, and libraries imported.
    make(name).fit(ratings.take(np.arange(_FEW)), context)
    for module, limit in _LIMITS:
        setattr(module, limit, max(1, int(share * getattr(module, limit))))
    watch, start = Watch(), perf_counter()
    watch.peak = watch.base = anonymous_bytes()
    make(name).fit(ratings, context)
    n, n_bytes = len(ratings), max(watch.peak, anonymous_bytes()) - watch.base
    seconds = perf_counter() - start
    what = f"{name}, {'shuffled' if is_shuffled else 'by user'}"
    print(f"{what:24} {n:13,} {n_bytes >> 20:6} {n_bytes / n:6.1f} {seconds:8.1f}")


def on_disk(ratings: Ratings, order: NDArray[np.int64]) -> Ratings:
    """Return the ratings in this order, without timestamps, in mapped files."""
    columns: dict[str, Any] = {}
    for name in ("users", "items", "values"):
        columns[name] = mapped.in_file(len(order), getattr(ratings, name).dtype)
        columns[name][:] = getattr(ratings, name)[order]
    for name in ("n_users", "n_items", "scale"):
        columns[name] = getattr(ratings, name)
    return Ratings(**columns).read_only()


def main() -> None:
    """Write the file, if it is not there, and fit each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_ratings", type=int, nargs="?", default=10_000_000)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--as-if", type=int)
    parser.add_argument("--model", action="append", choices=_MODELS)
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        path = folder / f"{asked.n_ratings}.parquet"
        os.environ["BENCHBOX_CACHE"] = str(folder / "cache")
        processes = get_context("spawn")

        def run(function: Callable[..., object], *args: object) -> None:
            process = processes.Process(target=function, args=args)
            process.start()
            process.join()

        if not path.exists():
            run(write_file, path, asked.n_ratings)
        run(load, path)
        share = asked.n_ratings / asked.as_if if asked.as_if else 1.0
        print(f"{'':24} {'ratings':>13} {'MiB':>6} {'bytes':>6} {'s':>8}", flush=True)
        for name in asked.model or _MODELS:
            for is_shuffled in (False, True):
                run(measure, name, path, is_shuffled, share)


if __name__ == "__main__":
    main()

"""How much memory the runner needs for large data, beside the files that it maps.

``python tests/studies/runner_memory.py [N_RATINGS] [FOLDER]`` writes ten million
ratings, or as many as given, as Parquet into a temporary folder, or into FOLDER, which
may have the file already. It then loads and splits them as a run does, and prints for
each step the peak of the memory that is no file, in bytes per rating. A hundred million
take some minutes, and 3 GB in FOLDER.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np
import pyarrow as pa
import scipy.sparse  # noqa: F401 - its memory is no ratings'
from pyarrow import parquet

import benchbox
from benchbox.models import fit_bias_model
from benchbox.protocols import PROTOCOLS, carve_validation, make_folds

_PER_USER = 145
_USERS_AT_ONCE = 200_000
_SECONDS_BETWEEN = 0.003


def anonymous_bytes() -> int:
    """Return the memory of this process that is no file."""
    with Path("/proc/self/status").open() as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return 1024 * int(line.split()[1])


class Watch:
    """Notes the peak of this process's memory between two looks."""

    def __init__(self) -> None:
        self.base = self.peak = anonymous_bytes()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, anonymous_bytes())
            sleep(_SECONDS_BETWEEN)

    @contextmanager
    def step(self, name: str, n_ratings: int) -> Iterator[None]:
        """Print what the block needed at most, and what is left of it."""
        self.peak, start = anonymous_bytes(), perf_counter()
        yield
        seconds, now = perf_counter() - start, anonymous_bytes()
        peak, left = (
            (value - self.base) / n_ratings for value in (max(self.peak, now), now)
        )
        print(f"{name:22} {peak:8.1f} {left:8.1f} {seconds:8.1f}", flush=True)


def write_file(path: Path, n_ratings: int) -> None:
    """Write synthetic ratings with as many per user as MovieLens-20M, by user."""
    draw = np.random.default_rng(0)
    n_users = n_ratings // _PER_USER
    n_items = int(26_744 * (n_ratings / 2e7) ** 0.3)
    counts = draw.lognormal(0, 1.1, n_users)
    # Some pairs are drawn twice, and are rated once.
    counts = np.maximum(1, 1.16 * n_ratings * counts / counts.sum()).astype(np.int64)
    popular = np.cumsum(np.arange(1, n_items + 1) ** -0.8)
    popular /= popular[-1]
    with parquet.ParquetWriter(path, _table([], [], [], []).schema) as out:
        for first in range(0, n_users, _USERS_AT_ONCE):
            some = counts[first : first + _USERS_AT_ONCE]
            users = np.repeat(np.arange(first, first + len(some)), some)
            items = np.searchsorted(popular, draw.random(len(users)))
            users, items = np.divmod(np.unique(users * n_items + items), n_items)
            stars = draw.integers(1, 11, len(users)) / 2
            out.write_table(_table(users, items, stars, 10**9 + 60 * users))


def _table(users: object, items: object, stars: object, times: object) -> pa.Table:
    return pa.table(
        {
            "user": pa.array(users, pa.int32()),
            "item": pa.array(items, pa.int32()),
            "rating": pa.array(stars, pa.float32()),
            "timestamp": pa.array(times, pa.int64()),
        }
    )


def main(n_ratings: int, folder: Path) -> None:
    """Write the file, if it is not there, and take each step."""
    path = folder / f"{n_ratings}.parquet"
    if not path.exists():
        # In another process, so that what it leaves behind is not counted.
        writer = get_context("spawn").Process(target=write_file, args=(path, n_ratings))
        writer.start()
        writer.join()
    n = parquet.ParquetFile(path).metadata.num_rows
    os.environ["BENCHBOX_CACHE"] = str(folder / "cache")
    holdout = next(one for one in PROTOCOLS if one.name == "holdout")
    watch = Watch()
    print(f"{n:,} ratings; bytes of each beside files, and seconds")
    print(f"{'':22} {'peak':>8} {'left':>8} {'s':>8}")
    with watch.step("load", n):
        ratings = benchbox.load_dataset(str(path)).ratings
    with watch.step("load again, cached", n):
        ratings = benchbox.load_dataset(str(path)).ratings
    with watch.step("split", n):
        (fold,) = make_folds(ratings, holdout, holdout.options(), {})
    with watch.step("take the parts", n):
        train, hidden = fold.train, fold.hidden
    with watch.step("carve validation", n):
        carve_validation(fold, 0)
    with watch.step("fit the bias model", n):
        bias = fit_bias_model(train)
    with watch.step("predict by it", n):
        bias.predict(hidden.users, hidden.items)


if __name__ == "__main__":
    words = sys.argv[1:]
    with TemporaryDirectory() as scratch:
        main(
            int(float(words[0])) if words else 10_000_000,
            Path(words[1] if words[1:] else scratch),
        )

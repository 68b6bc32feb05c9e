"""How much faster ``bayesian-fm`` is than myFM, at equal factors and sweeps.

``python tests/studies/fm_speed.py [ml-100k|ml-1m]`` fits both in turn, on ML-100K and
on synthetic ratings of the shape of ML-1M. It prints the median seconds per sweep, and
the median ratio of successive fits. myFM 0.4.0 runs on one thread, as it always does;
ours on one, and on one per processor. On one thread, processor seconds are compared,
which other work on the machine hardly changes; on all of them, wall-clock seconds.

With ``ml-20m``, it measures one sweep on the shape of ML-20M instead, and the memory of
the process.

myFM is no dependency: ``pip install myfm==0.4.0 "setuptools<80"``.
"""

import os

# As in trials: threads that wait leave the processor to others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import sys
from resource import RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from benchbox_factorization.bayesian_fm.model import BayesianFM
from benchbox_factorization.options import BayesianFMOptions
from numpy.typing import NDArray
from scipy import sparse

import benchbox
from benchbox import FitContext, Ratings
from benchbox.models import prepare_model
from benchbox.protocols import PROTOCOLS, make_folds

N_FACTORS = 10
LIKE_ML_1M = "synthetic:n_users=6040,n_items=3706,n_ratings=1000209,step=1"
# Name: title, data set, sweeps, rounds.
SHAPES = {
    "ml-100k": ("ML-100K, u1", "ml-100k", 100, 5),
    "ml-1m": ("like ML-1M", LIKE_ML_1M, 20, 3),
}
LARGE = "synthetic:n_users=138493,n_items=26744,n_ratings=20000263,step=1"
Seconds = NDArray[np.float64]
"""Wall-clock and processor seconds, shape ``(2,)``."""
PRESETS = {"ids": "none", "flipped": "both"}


def now() -> Seconds:
    """Return the wall clock and the processor time of this process."""
    return np.array([perf_counter(), process_time()])


def training_part(written: str) -> Ratings:
    """Return u1's training part of ML-100K, or all ratings of a synthetic set."""
    dataset = benchbox.load_dataset(written)
    if written != "ml-100k":
        return dataset.ratings
    protocol = next(one for one in PROTOCOLS if one.name == "official")
    folds = make_folds(dataset.ratings, protocol, protocol.options(), dataset.folds)
    return next(iter(folds)).train


def ours(train: Ratings, preset: str, n_sweeps: int, n_threads: int) -> Seconds:
    """Return the seconds of a fit of ours, with nothing compiled in them."""
    options = BayesianFMOptions(
        n_factors=N_FACTORS, burn_in=0, epochs=n_sweeps, history=PRESETS[preset]
    )
    model = BayesianFM(options)
    prepare_model(model, "cpu")
    started = now()
    model.fit(train, FitContext(seed=1, n_threads=n_threads))
    return now() - started


def theirs(train: Ratings, preset: str, n_sweeps: int) -> Seconds:
    """Return the seconds of a fit of myFM, on the same facts in relational blocks."""
    import myfm

    users, items = train.users.astype(np.int64), train.items.astype(np.int64)
    sides = [(users, items, train.n_users), (items, users, train.n_items)]
    blocks, groups = [], []
    for own, other, n in sides:
        parts: list[Any] = [sparse.identity(n, format="csr")]
        if preset == "flipped":
            m = int(train.n_users + train.n_items - n)
            rated = sparse.csr_matrix((np.ones(len(own)), (own, other)), shape=(n, m))
            counts = np.maximum(np.bincount(own, minlength=n), 1)
            parts.append(sparse.diags(1 / np.sqrt(counts)) @ rated)
        groups += [part.shape[1] for part in parts]
        blocks.append(myfm.RelationBlock(own, sparse.hstack(parts).tocsr()))
    values = (train.values - train.values.mean()) / train.values.std()
    model = myfm.MyFMGibbsRegressor(rank=N_FACTORS, random_seed=1)
    started = now()
    model.fit(
        None,
        values.astype(np.float64),
        blocks,
        n_iter=n_sweeps,
        n_kept_samples=n_sweeps // 4,
        group_shapes=groups,
    )
    return now() - started


def compare(shapes: list[str]) -> None:
    """Print the seconds per sweep of both, fitted in turn."""
    n_threads = os.cpu_count() or 1
    of_all = f"on {n_threads}"
    print(f"{'':24}processor seconds   wall-clock seconds   times as fast")
    print(f"{'':24}     myFM  1 thread       myFM {of_all:>9}  on 1, {of_all}")
    for shape in shapes:
        title, written, n_sweeps, rounds = SHAPES[shape]
        train = training_part(written)
        for preset in PRESETS:
            seconds = np.array(
                [
                    (
                        theirs(train, preset, n_sweeps),
                        ours(train, preset, n_sweeps, 1),
                        ours(train, preset, n_sweeps, n_threads),
                    )
                    for _ in range(rounds)
                ]
            )
            # myFM and ours on one thread by processor time, ours on all by the clock.
            cpu, wall = seconds[:, :, 1], seconds[:, :, 0]
            columns = cpu[:, 0], cpu[:, 1], wall[:, 0], wall[:, 2]
            cells = " ".join(f"{median(c) / n_sweeps:9.4f}" for c in columns)
            one = median(cpu[:, 0] / cpu[:, 1])
            every = median(wall[:, 0] / wall[:, 2])
            print(f"{title:14} {preset:8} {cells}  {one:.1f} {every:.1f}", flush=True)


def large() -> None:
    """Print the seconds of a sweep on the shape of ML-20M, and the peak memory."""
    train = training_part(LARGE)
    n_threads = os.cpu_count() or 1
    before = getrusage(RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(train):,} ratings in memory: peak {before:.1f} GiB", flush=True)
    for preset, history in PRESETS.items():
        marks: list[tuple[float, float]] = []
        model = BayesianFM(
            BayesianFMOptions(n_factors=N_FACTORS, burn_in=3, epochs=1, history=history)
        )
        prepare_model(model, "cpu")

        def note(report: Any, marks: list[tuple[float, float]] = marks) -> None:
            marks.append((perf_counter(), process_time()))

        model.fit(train, FitContext(seed=1, n_threads=n_threads, on_report=note))
        wall, cpu = (median(np.diff([mark[k] for mark in marks])) for k in (0, 1))
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{preset:8} a sweep takes {wall:.1f} s, {cpu:.1f} s of processors; "
            f"peak {peak:.1f} GiB",
            flush=True,
        )


if __name__ == "__main__":
    wanted = sys.argv[1:]
    if "ml-20m" in wanted:
        large()
    else:
        compare(wanted or list(SHAPES))

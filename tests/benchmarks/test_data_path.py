"""What data cost before a model sees them: ``pytest tests/benchmarks``.

``BENCHBOX_BENCH_RATINGS=20000000`` measures the size of MovieLens-20M. The files are
made here and never kept.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from benchbox.data.cards import RatingsTable
from benchbox.data.dataset import load_dataset
from benchbox.data.indexing import index_ratings
from benchbox.data.own_files import card_for_files
from benchbox.data.readers import read_ratings
from benchbox.plugins.registry import discover
from benchbox.protocols.audit.fold import audit_fold
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import make_folds
from benchbox.ratings import Ratings, RatingScale
from tests.benchmarks.ledger import Figure, Ledger, median_seconds
from tests.support.source_kinds import kind_of

N_RATINGS = int(os.environ.get("BENCHBOX_BENCH_RATINGS", "2000000"))
N_ITEMS = 26_744
ROUNDS = 5
HALF_STARS = RatingScale(0.5, 5, 0.5)
NAMED = {protocol.name: protocol for protocol in PROTOCOLS}

TABLE = f"Data path, {N_RATINGS:,} ratings"


def noted(ledger: Ledger, benchmark: Any, what: str, **more: Figure) -> None:
    """Note the median seconds of *what*, and *more* about it."""
    ledger.note(TABLE, {"what": what, "s": median_seconds(benchmark), **more})


def film_ratings(n: int) -> pa.Table:
    """Return ratings as MovieLens has them, by user and item, popular items more."""
    draw = np.random.Generator(np.random.PCG64(0))
    n_users = max(100, n // 144)
    pairs = np.zeros(0, dtype=np.int64)
    while len(pairs) < n:
        users = (n_users * draw.random(n // 2) ** 1.5).astype(np.int64)
        items = (N_ITEMS * draw.random(n // 2) ** 2).astype(np.int64)
        pairs = np.unique(np.concatenate([pairs, users * N_ITEMS + items]))
    users, items = np.divmod(np.sort(draw.permutation(pairs)[:n]), N_ITEMS)
    films = np.sort(draw.permutation(131_262)[:N_ITEMS]) + 1
    stars = pa.array([f"{half / 2:.1f}" for half in range(11)])
    return pa.table(
        {
            "userId": users + 1,
            "movieId": films[items],
            "rating": stars.take(pa.array(draw.integers(1, 11, n))),
            "timestamp": draw.integers(789_652_009, 1_427_784_002, n),
        }
    )


@pytest.fixture(scope="module", params=["sorted", "shuffled"])
def file(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / f"{request.param}.csv"
    table = film_ratings(N_RATINGS)
    if request.param == "shuffled":
        order = np.random.Generator(np.random.PCG64(1)).permutation(N_RATINGS)
        table = table.take(pa.array(order))
    with path.open("wb") as out:
        out.write(b"userId,movieId,rating,timestamp\n")
        form = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(table, out, form)
    os.utime(path, (0, 0))
    return path


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Ratings:
    table = film_ratings(N_RATINGS)
    users, items = table["userId"].to_numpy() - 1, table["movieId"].to_numpy()
    _, items = np.unique(items, return_inverse=True)
    return Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        values=table["rating"].cast(pa.float32()).to_numpy(),
        timestamps=table["timestamp"].to_numpy(),
        n_users=int(users.max()) + 1,
        n_items=int(items.max()) + 1,
        scale=HALF_STARS,
    )


def bare(path: Path) -> pa.Table:
    types = {
        "userId": pa.int32(),
        "movieId": pa.int32(),
        "rating": pa.float32(),
        "timestamp": pa.int64(),
    }
    options = pa.csv.ConvertOptions(column_types=types)
    return pa.csv.read_csv(path, convert_options=options)


def load(path: Path) -> Ratings:
    return index_ratings(read_ratings(path, RatingsTable(file="")), HALF_STARS).ratings


def compared(
    benchmark: Any, path: Path, function: Callable[[Path], Any]
) -> dict[str, float]:
    """Time *function* in turn with the bare parser; return the ratios of medians."""
    clocks = {"wall": perf_counter, "cpu": process_time}
    taken: dict[str, list[list[float]]] = {name: [[], []] for name in clocks}

    def timed(place: int, work: Callable[[Path], Any]) -> None:
        before = {name: clock() for name, clock in clocks.items()}
        work(path)
        for name, clock in clocks.items():
            taken[name][place].append(clock() - before[name])

    benchmark.pedantic(
        lambda: timed(1, function),
        setup=lambda: timed(0, bare),
        rounds=ROUNDS,
        warmup_rounds=1,
    )
    # The first of each warms up; --benchmark-disable leaves but one.
    first = 1 if benchmark.enabled else 0
    ratios = {}
    for name, (parser, ours) in taken.items():
        ratio = median(ours[first:]) / median(parser[first:])
        benchmark.extra_info[f"{name}_ratio_to_bare_pyarrow"] = round(ratio, 2)
        ratios[f"{name} ÷ bare parser"] = ratio
    benchmark.extra_info["bare_pyarrow_seconds"] = median(taken["wall"][0][first:])
    return ratios


def test_reading_alone(benchmark: Any, ledger: Ledger, file: Path) -> None:
    ratios = compared(
        benchmark, file, lambda path: read_ratings(path, RatingsTable(file=""))
    )

    noted(ledger, benchmark, f"reading, {file.stem}", **ratios)


def test_loading_into_ratings(benchmark: Any, ledger: Ledger, file: Path) -> None:
    ratios = compared(benchmark, file, load)

    noted(ledger, benchmark, f"loading, {file.stem}", **ratios)


# Not ru_maxrss: a child inherits its parent's.
PEAK = """
import sys
from pathlib import Path
from benchbox.data.cards import RatingsTable
from benchbox.data.indexing import index_ratings
from benchbox.ratings import RatingScale
from benchbox.data.readers import read_ratings
raw = read_ratings(Path(sys.argv[1]), RatingsTable(file=""))
index_ratings(raw, RatingScale(0.5, 5, 0.5))
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
def test_peak_memory_of_loading(benchmark: Any, ledger: Ledger, file: Path) -> None:
    command = [sys.executable, "-P", "-c", PEAK, str(file)]

    def peak() -> str:
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout

    mib = int(benchmark.pedantic(peak, rounds=1)) >> 10
    benchmark.extra_info["peak_mib"] = mib
    noted(ledger, benchmark, f"loading in a new process, {file.stem}", **{"MiB": mib})


def test_loading_again_from_the_cache(
    benchmark: Any,
    ledger: Ledger,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCHBOX_CACHE", str(tmp_path))
    # Else the file is too young for its digest to be remembered.
    monkeypatch.setattr("benchbox.data.sources.digests._SETTLED_NS", 0)
    card = card_for_files(str(file))

    def again() -> Ratings:
        return load_dataset(card, kind_of=kind_of, notify=pytest.fail).ratings

    started = perf_counter()
    again()
    benchmark.extra_info["first_seconds"] = perf_counter() - started

    ratings = benchmark.pedantic(again, rounds=ROUNDS, warmup_rounds=1)

    noted(ledger, benchmark, f"loading from the cache, {file.stem}")
    assert isinstance(ratings.users, np.memmap)


def test_folds_their_ids_and_their_audit(
    benchmark: Any, ledger: Ledger, ratings: Ratings
) -> None:
    kfold = NAMED["kfold"]

    def audit() -> list[Any]:
        folds = make_folds(ratings, kfold, kfold.options(), {})
        return [(fold.id, audit_fold(fold)) for fold in folds]

    folds = benchmark.pedantic(audit, rounds=1)

    noted(ledger, benchmark, "five folds, their ids and their audit")
    assert len(folds) == 5


@pytest.mark.parametrize("side", ["user", "item"])
def test_grouping(benchmark: Any, ledger: Ledger, ratings: Ratings, side: str) -> None:
    group = getattr(ratings, f"by_{side}")

    grouped = benchmark.pedantic(group, rounds=ROUNDS, warmup_rounds=1)

    noted(ledger, benchmark, f"grouping by {side}")
    assert len(grouped.values)


def test_generating(benchmark: Any, ledger: Ledger) -> None:
    card = discover().find("datasets", "synthetic").value
    settings = {
        "n_users": max(100, N_RATINGS // 144),
        "n_items": N_ITEMS,
        "n_ratings": N_RATINGS,
    }

    services = {"kind_of": kind_of, "notify": pytest.fail}
    dataset = benchmark.pedantic(load_dataset, (card, settings), services, rounds=1)

    noted(ledger, benchmark, "generating")
    assert len(dataset.ratings) == N_RATINGS

"""Training steps of an autoencoder against dense ones, as ratios within one run.

``pytest tests/benchmarks/test_autoencoder_steps.py --device cuda`` measures a CUDA
device; without the option it is two threads of the processor. ``plain`` and ``best``
are the steps of `dense`. Achieved GFLOP/s and GB/s are those of the least arithmetic
and the least traffic a step needs, as `work` counts them: with *n* rated cells, *B*
rows, layers of h_1 … h_L units and *P* parameters, ``2 n h`` per product at rated cells
(five of them), ``6 B h_i h_(i+1)`` between layers and ``12 P`` for Adam; ``24 P`` bytes
and the first and last weights once more. Ours move fewer bytes than that where batches
leave columns out, since a column's steps up to the next batch that rates it are taken
at once. Their shares are of what the same machine
reaches with torch in the same session, and the product in the same precision.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from benchbox_autoencoders.route import choose_route
from benchbox_autoencoders.rows import Rows
from torch import Tensor

from benchbox import FitContext
from tests.benchmarks.clocks import ROUNDS, in_turn, seconds
from tests.benchmarks.dense import MATMUL, DenseAutoencoder, plain_step
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.probe import Job, probe
from tests.benchmarks.shapes import (
    FILMS,
    Shape,
    even_rows,
    film_rows,
    on_device,
    save_rows,
)
from tests.benchmarks.takers import Case, best, epochs_of, network_of, ours, plain
from tests.benchmarks.work import Peaks, least_work

pytestmark = pytest.mark.usefixtures("threads")

AUTOREC = Case(units=(500,), batch_size=512)
DEEP = replace(AUTOREC, units=(1500, 500, 1500))

# With columns, ratings per row, and what is trained how.
CASES = {
    "ml-20m-512": (26_700, 145, AUTOREC),
    "ml-20m-2048": (26_700, 145, replace(AUTOREC, batch_size=2048)),
    "ml-20m-512-tied": (26_700, 145, replace(AUTOREC, tied=True)),
    "ml-20m-512-re-fed": (26_700, 145, replace(AUTOREC, refeeding=1)),
    "ml-20m-512-rmsprop": (26_700, 145, replace(AUTOREC, optimizer="rmsprop")),
    "ml-20m-512-bfloat16": (26_700, 145, replace(AUTOREC, precision="bfloat16")),
    "ml-20m-deep-512": (26_700, 145, DEEP),
    "ml-20m-deep-512-bfloat16": (26_700, 145, replace(DEEP, precision="bfloat16")),
    "ml-1m-128": (3_706, 166, replace(AUTOREC, batch_size=128)),
    "ml-100k-128": (1_682, 106, replace(AUTOREC, batch_size=128)),
    "ml-100k-default-128": (1_682, 106, Case(units=(50,), batch_size=128)),
}

# Rows per batch, columns, and units.
SIZES = ((512, 4_000, 500), (512, 4_000, 200), (1_024, 1_000, 100), (128, 1_682, 500))
SHARES = (0.05, 0.2, 0.24, 0.25, 0.34, 0.35, 0.7, 1.0)
"""Shares of rated cells, some at either side of where the engine changes routes."""

MOST_MIB = 2560


@pytest.mark.parametrize("name", CASES)
def test_a_training_step(
    benchmark: Any, ledger: Ledger, peaks: Peaks, device: str, name: str
) -> None:
    n_columns, n_rated, case = CASES[name]
    case = replace(case, device=device)
    rows = on_device(_film_rows(case, n_columns, n_rated), device)
    index = torch.arange(len(rows))
    context = FitContext(device=device, precision=case.precision)
    route = choose_route(rows, case.options, context)
    # Ours are of batches that differ, as in training: what a step leaves to others, and
    # what it takes ahead, depends on them.
    n_ours = 1 if device != "cpu" or case.refeeding else min(64, 32_768 // len(rows))
    many = on_device(_film_rows(case, n_columns, n_rated, n_ours), device)
    takers = {
        "ours": ours(case, many, torch.arange(len(many)), route),
        "plain": plain(case, rows, index),
    }
    if case.has_best:
        takers["best"] = best(case, rows, index)
    # Steps follow each other, as in training: small weights stay in the cache, and an
    # accelerator works while it is told what comes next. The large take long enough.
    n_steps = 1 if device == "cpu" and n_columns > 10_000 else 10
    works = {key: partial(take, n_steps) for key, take in takers.items()}
    if n_ours > 1:
        works["ours"] = partial(takers["ours"], 1)
    taken = {key: spent / n_steps for key, spent in in_turn(works, device).items()}
    if n_ours > 1:
        taken["ours"] *= n_steps / n_ours

    figures = _figures(case, rows, peaks, taken)
    benchmark.extra_info |= figures
    ledger.note("Training steps", {"case": name, **figures})
    benchmark.pedantic(seconds, (works["ours"], device), rounds=ROUNDS)
    assert math.isfinite(takers["ours"](1))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_step_against_the_best_dense_one(
    benchmark: Any, ledger: Ledger, device: str, size: tuple[int, int, int]
) -> None:
    batch_size, n_columns, n_units = size
    case = Case(units=(n_units,), batch_size=batch_size, device=device)
    ratios = {}
    for share in SHARES:
        shape = Shape(batch_size, n_columns, round(share * batch_size * n_columns))
        rows, index = on_device(even_rows(shape), device), torch.arange(batch_size)
        route = choose_route(rows, case.options, FitContext(device=device))
        takers = {
            "ours": ours(case, rows, index, route),
            "best": best(case, rows, index),
        }
        n_steps = 3 if device == "cpu" else 10
        works = {key: partial(take, n_steps) for key, take in takers.items()}
        taken = in_turn(works, device)
        ratios[f"{share:.0%}"] = taken["best"] / taken["ours"]

    benchmark.extra_info |= ratios
    case_name = f"{batch_size} × {n_columns}, {n_units} units"
    ledger.note(
        "Best dense ÷ ours by share of rated cells", {"case": case_name, **ratios}
    )
    benchmark.pedantic(seconds, (works["ours"], device), rounds=ROUNDS)
    # Half as fast is not noise.
    assert min(ratios.values()) > 0.5


def _film_rows(case: Case, n_columns: int, n_rated: int, n_batches: int = 1) -> Rows:
    n_rows = n_batches * case.batch_size
    return film_rows(Shape(n_rows, n_columns, n_rows * n_rated))


def _figures(
    case: Case, rows: Rows, peaks: Peaks, taken: dict[str, float]
) -> dict[str, float | None]:
    work, spent = least_work(case.options, rows), taken["ours"]
    flops, traffic = work.flops / spent, work.bytes / spent
    return {
        "ours ms": 1e3 * spent,
        "plain ÷ ours": taken["plain"] / spent,
        "best dense ÷ ours": taken["best"] / spent if "best" in taken else None,
        "GFLOP/s": flops / 1e9,
        "% of product": 100 * flops / peaks.flops[MATMUL[case.precision]],
        "GB/s": traffic / 1e9,
        "% of stream": 100 * traffic / peaks.bytes,
    }


def test_the_loss_falls_as_it_does_densely(
    benchmark: Any, ledger: Ledger, device: str
) -> None:
    case = replace(AUTOREC, device=device)
    rows = on_device(film_rows(FILMS["ml-1m"]), device)
    epochs = {"ours": epochs_of(case, rows), "plain": _plain_epochs(case, rows)}
    losses: dict[str, list[float]] = {name: [] for name in epochs}

    def take(name: str, order: Tensor) -> None:
        losses[name].append(epochs[name](order))

    generator = torch.Generator().manual_seed(1)
    taken = []
    for _ in range(3):
        order = torch.randperm(len(rows), generator=generator)
        taken.append(
            {name: seconds(partial(take, name, order), device) for name in epochs}
        )
    apart = max(abs(a / b - 1) for a, b in zip(*losses.values(), strict=True))
    figures = {
        f"{name} s an epoch": median(times[name] for times in taken) for name in epochs
    }
    figures |= {"last loss": losses["ours"][-1], "losses apart, relative": apart}
    benchmark.extra_info |= figures
    ledger.note("Three epochs of the ML-1M shape, batch 512", figures)
    benchmark.pedantic(take, ("ours", order), rounds=1)

    assert apart <= 1e-4


def _plain_epochs(case: Case, rows: Rows) -> Callable[[Tensor], float]:
    dense = DenseAutoencoder(network_of(case, rows), case.options)
    step = plain_step(dense, case.options)

    def epoch(order: Tensor) -> float:
        total = 0.0
        for batch in rows.batches(order, case.batch_size):
            total += float(step(batch)) * len(batch.values)
        return total / len(rows.values)

    return epoch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 million ratings in files, for processes of their own."""
    return save_rows(film_rows(FILMS["ml-20m"]), tmp_path_factory.mktemp("ml-20m"))


@pytest.mark.parametrize("batch_size", [512, 2048])
def test_memory_with_20_million_ratings(
    benchmark: Any, ledger: Ledger, device: str, folder: Path, batch_size: int
) -> None:
    job = Job(
        folder=str(folder),
        n_columns=FILMS["ml-20m"].n_items,
        case=replace(AUTOREC, batch_size=batch_size, device=device),
        n_steps=5,
    )

    cost = benchmark.pedantic(probe, (job,), rounds=1)

    figures = {
        "batch": batch_size,
        "ms a step": 1e3 * cost.step_seconds["ours"],
        "s an epoch": cost.epoch_seconds("ours"),
        "peak MiB": cost.peak_mib,
        "device MiB": cost.device_mib,
    }
    benchmark.extra_info |= figures
    ledger.note("U-AutoRec 500 with 20 million ratings in memory", figures)
    # The host's peak is mostly libraries where an accelerator trains.
    assert (cost.peak_mib if device == "cpu" else cost.device_mib) <= MOST_MIB

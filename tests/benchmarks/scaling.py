"""Scaling: ``python -m tests.benchmarks.scaling docs/scaling`` measures and draws it.

Writes a CSV file and a chart per question into the folder, and the tables into the page
beside it, ``docs/scaling.md``. It takes some minutes on two quiet cores, and needs the
extra ``report``. Each point is measured in a process of its own. ``--draw`` draws the
files anew without measuring.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from tests.benchmarks.charts import DRAW, save_chart
from tests.benchmarks.pages import Row, fill_in, read_csv, write_csv
from tests.benchmarks.probe import Job, probe
from tests.benchmarks.shapes import FILMS, Shape, even_rows, film_rows, save_rows
from tests.benchmarks.takers import Case

AUTOREC = Case(units=(500,), batch_size=512)
N_COLUMNS, N_RATED = 26_700, 145
N_FEWER_COLUMNS = 4_000

HIDDEN_UNITS = (50, 100, 200, 500, 1000, 2000)
BATCHES = (64, 128, 256, 512, 1024, 2048, 4096)
DENSITIES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)

Points = Iterator[Row]


@dataclass(frozen=True, slots=True)
class Question:
    """Something costs depend on: in how many points it is measured, and how."""

    n_points: int
    measure: Callable[[Case, Path], Points]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu")
@click.option("--only", multiple=True, help="Questions to ask; all by default.")
@click.option("--draw", is_flag=True, help="Measure nothing: draw the files there are.")
def main(folder: Path, device: str, only: tuple[str, ...], draw: bool) -> None:
    """Measure how training scales, into FOLDER and the page beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = only or tuple(QUESTIONS)
    if not draw:
        measure(folder, asked, replace(AUTOREC, device=device))
    for name in asked:
        rows = read_csv(folder / f"{name}.csv")
        save_chart(DRAW[name](rows), folder / f"{name}.svg")
        fill_in(folder.with_suffix(".md"), name, rows)


def measure(folder: Path, asked: tuple[str, ...], case: Case) -> None:
    """Write one CSV file per question asked."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        Progress(console=Console(stderr=True)) as bar,
    ):
        for name in asked:
            question = QUESTIONS[name]
            task = bar.add_task(name.replace("_", " "), total=question.n_points)
            points = question.measure(case, Path(scratch))
            write_csv(list(bar.track(points, task_id=task)), folder / f"{name}.csv")


def against_ratings(case: Case, scratch: Path) -> Points:
    """Measure epochs and memory, ours and dense in processes of their own."""
    for name, shape in FILMS.items():
        folder = save_rows(film_rows(shape), scratch / name)
        # The longest epochs need no more turns to agree.
        rounds = 3 if shape.n_ratings > 15_000_000 else 5
        job = Job(folder=str(folder), n_columns=shape.n_items, case=case)
        ours = probe(msgspec.structs.replace(job, n_steps=0, rounds=rounds))
        dense = probe(msgspec.structs.replace(job, takers=("best",)))
        yield {
            "ratings": shape.n_ratings,
            "users": shape.n_users,
            "items": shape.n_items,
            "ours_epoch_seconds": ours.epoch_seconds("ours"),
            "dense_epoch_seconds_as_steps_times_step": dense.epoch_seconds("best"),
            "ours_peak_MiB": ours.peak_mib,
            "dense_peak_MiB": dense.peak_mib,
        }


def against_hidden_units(case: Case, scratch: Path) -> Points:
    """Measure steps on the ML-20M shape, the width of the hidden layer varied."""
    for units in HIDDEN_UNITS:
        taken = _steps(replace(case, units=(units,)), scratch)
        yield {"hidden_units": units, **taken}


def against_batch(case: Case, scratch: Path) -> Points:
    """Measure steps on the ML-20M shape, the rows per step varied."""
    for size in BATCHES:
        taken = _steps(replace(case, batch_size=size), scratch)
        yield {"batch": size, **taken}


def _steps(case: Case, scratch: Path) -> Row:
    n_cells = case.batch_size * N_RATED
    rows = film_rows(Shape(case.batch_size, N_COLUMNS, n_cells))
    job = Job(
        folder=str(save_rows(rows, scratch / "batch")),
        n_columns=N_COLUMNS,
        case=case,
        takers=("ours", "best"),
    )
    taken = probe(job).step_seconds
    return {
        "ours_step_ms": 1e3 * taken["ours"],
        "best_dense_step_ms": 1e3 * taken["best"],
    }


def against_density(case: Case, scratch: Path) -> Points:
    """Measure steps on a small shape, from nearly empty to half full."""
    case = replace(case, units=(200,))
    for density in DENSITIES:
        n_cells = round(density * case.batch_size * N_FEWER_COLUMNS)
        rows = even_rows(Shape(case.batch_size, N_FEWER_COLUMNS, n_cells))
        job = Job(
            folder=str(save_rows(rows, scratch / "batch")),
            n_columns=N_FEWER_COLUMNS,
            case=case,
            takers=("ours", "ours dense", "best"),
            rounds=11,
        )
        taken = probe(job).step_seconds
        yield {
            "density_percent": 100 * density,
            "sparse_step_ms": 1e3 * taken["ours"],
            "our_dense_step_ms": 1e3 * taken["ours dense"],
            "best_dense_step_ms": 1e3 * taken["best"],
        }


QUESTIONS = {
    "ratings": Question(len(FILMS), against_ratings),
    "hidden_units": Question(len(HIDDEN_UNITS), against_hidden_units),
    "batch": Question(len(BATCHES), against_batch),
    "density": Question(len(DENSITIES), against_density),
}

if __name__ == "__main__":
    main()

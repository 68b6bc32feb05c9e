"""`benchbox fit`: one model, fitted to all ratings of a data set, and kept."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console

from benchbox.cli.common import notify
from benchbox.cli.installed import installed
from benchbox.data import load_dataset
from benchbox.machine import DEVICE_HELP, n_usable_cpus
from benchbox.models import Precision
from benchbox.runs import (
    FitSettings,
    KeptRecord,
    choose_device,
    find_dataset,
    fit,
    resolve_models,
)
from benchbox.trials import LocalExecutor


@click.command("fit")
@click.argument("model")
@click.option(
    "-d",
    "--dataset",
    default="ml-100k",
    show_default=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A data set or a file of ratings.",
)
@click.option("--columns", default="", help="Columns of an own file.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="New folder for the model.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the model.")
@click.option("--device", default="auto", show_default=True, help=DEVICE_HELP)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default="float32",
    show_default=True,
    help="Arithmetic of torch's matrix products.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Threads; 0 means all processors.",
)
def command(
    model: str,
    dataset: str,
    columns: str,
    out: Path,
    seed: int,
    device: str,
    precision: Precision,
    threads: int,
) -> None:
    """Fit MODEL, such as autorec-user:hidden_units=300, to all ratings, and keep it.

    Nothing is hidden and so nothing is scored: for that there is `benchbox run`. The
    folder holds numbers and records alone, no code.
    """
    registry, n_threads = installed(), threads or n_usable_cpus()
    with tempfile.TemporaryDirectory(prefix="benchbox-") as name:
        scratch = Path(name)
        with LocalExecutor(n_threads, scratch / "zygote.log") as executor:
            (planned,) = resolve_models((model,), registry, executor, scratch)
            where = choose_device(device, planned.capabilities, executor, scratch)
            card, settings = find_dataset(dataset, registry, columns)
            data = load_dataset(card, settings, notify=notify)
            console = Console(stderr=True, highlight=False)
            with console.status(f"fitting {planned.label}") as status:
                record = fit(
                    planned,
                    data,
                    FitSettings(
                        seed=seed,
                        device=where,
                        precision=precision,
                        n_threads=n_threads,
                    ),
                    executor,
                    lambda message: status.update(_said(planned.label, message)),
                    out,
                )
    click.echo(_description(record, out))


def _said(label: str, message: Mapping[str, Any]) -> str:
    if message["kind"] != "epoch":
        return f"fitting {label}"
    return f"fitting {label}, epoch {message['epoch']}/{message['of']}"


def _description(record: KeptRecord, out: Path) -> str:
    chosen = record.chosen_epoch
    epochs = "" if chosen is None else f", {chosen} epochs by validation"
    return (
        f"{record.model.label}: fitted to {record.n_ratings:,} ratings of "
        f"{record.dataset} in {record.fit_seconds:.2f} s{epochs}; kept in {out}."
    )

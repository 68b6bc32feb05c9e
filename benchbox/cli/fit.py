"""`benchbox fit`: fit a model to all ratings of a data set and save it."""

from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from benchbox.cli.common import (
    COLUMNS_HELP,
    allow_network_option,
    allow_read_option,
    notify,
    say,
)
from benchbox.cli.installed import installed
from benchbox.errors import counted, one_line
from benchbox.machine import DEVICE_HELP, n_usable_cpus
from benchbox.models import Precision
from benchbox.records import EpochEnded, TrialNews
from benchbox.runs import FitSettings, PlannedTrial, SavedRecord, Session, Silent


@click.command("fit")
@click.argument("model")
@click.option(
    "-d",
    "--dataset",
    default="ml-100k",
    show_default=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Data set or file of ratings.",
)
@click.option(
    "--columns",
    default="",
    help=COLUMNS_HELP,
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to save the model in; it must not exist yet.",
)
@click.option("--seed", default=0, show_default=True, help="Random seed of the model.")
@click.option("--device", default="auto", show_default=True, help=DEVICE_HELP)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default="float32",
    show_default=True,
    help="Precision of torch's matrix products.",
)
@allow_read_option
@allow_network_option
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Threads; 0: one per processor.",
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
    **allowed: Any,
) -> None:
    """Fit MODEL to all ratings of a data set and save it.

    MODEL is a name with options, such as autorec-user:hidden_units=300. No ratings are
    hidden, so the model is not scored: use `benchbox run` for that. The saved folder
    contains numbers and descriptions, never code.
    """
    settings = FitSettings(
        seed=seed,
        device=device,
        precision=precision,
        n_threads=threads or n_usable_cpus(),
        allow_read=allowed["allow_read"],
        allow_network=bool(allowed["allow_network"]),
    )
    console = Console(stderr=True, highlight=False)
    with console.status(escape(f"fitting {one_line(model)}")) as status:
        progress = _FitProgress(model, status)
        with Session(installed(), notify, progress) as session:
            record = session.fit(model, dataset, out, settings, columns)
    say(_description(record, out))


class _FitProgress(Silent):
    """Shows the epoch that the fit has reached."""

    def __init__(self, label: str, status: Status) -> None:
        self._label, self._status = label, status

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Show the epoch, if *message* ends one."""
        if isinstance(message, EpochEnded):
            epoch = f"epoch {message.epoch}/{message.of}"
            self._status.update(escape(f"fitting {one_line(self._label)}, {epoch}"))


def _description(record: SavedRecord, out: Path) -> str:
    chosen = record.chosen_epoch
    epochs = (
        "" if chosen is None else f", {counted(chosen, 'epoch')} (chosen by validation)"
    )
    return (
        f"{record.model.label}: fitted to {counted(record.n_ratings, 'rating')} of "
        f"{record.dataset} in {record.fit_seconds:.2f} s{epochs}; saved in {out}."
    )

"""`benchbox fit`: one model, fitted to all ratings of a data set, and kept."""

from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from benchbox.cli.common import notify, say
from benchbox.cli.installed import installed
from benchbox.machine import n_usable_cpus
from benchbox.models import Precision
from benchbox.records import EpochEnded, TrialMessage
from benchbox.runs import FitSettings, KeptRecord, Session, Silent
from benchbox.text import one_line


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
@click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."
)
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
    settings = FitSettings(
        seed=seed,
        device=device,
        precision=precision,
        n_threads=threads or n_usable_cpus(),
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

    def trial_said(self, message: TrialMessage) -> None:
        """Show the epoch, if the message tells it."""
        if isinstance(message, EpochEnded):
            epoch = f"epoch {message.epoch}/{message.of}"
            self._status.update(escape(f"fitting {one_line(self._label)}, {epoch}"))


def _description(record: KeptRecord, out: Path) -> str:
    chosen = record.chosen_epoch
    epochs = "" if chosen is None else f", {chosen} epochs by validation"
    return (
        f"{record.model.label}: fitted to {record.n_ratings:,} ratings of "
        f"{record.dataset} in {record.fit_seconds:.2f} s{epochs}; kept in {out}."
    )

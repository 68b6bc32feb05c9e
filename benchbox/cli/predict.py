"""`benchbox predict`: ratings of given pairs, by a kept model."""

import csv
import io
from pathlib import Path

import click

from benchbox.cli.common import code_option, hand_out, say, trust_option
from benchbox.cli.installed import installed
from benchbox.cli.pairs import read_columns
from benchbox.runs import KeptModel, Trust


@click.command("predict")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("pairs", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; by default the screen.",
)
@code_option
@trust_option
def command(
    folder: Path, pairs: Path, out: Path | None, code: tuple[Path, ...], trust: bool
) -> None:
    """Predict the rating of each of PAIRS with the model kept in FOLDER.

    PAIRS is a CSV file with a column of users and one of items. What comes back is the
    same with a column of predictions, on the scale of the ratings.
    """
    kept = KeptModel.load(folder, Trust(installed(), code, trust))
    columns = read_columns(pairs, ("user", "item"))
    users, items = columns["user"], columns["item"]
    predicted = kept.predict(users, items).tolist()
    rows = zip(users, items, (f"{value:.4f}" for value in predicted), strict=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("user", "item", "prediction"))
    writer.writerows(rows)
    if out is None:
        hand_out(text.getvalue())
        return
    out.write_text(text.getvalue())
    say(f"{len(users):,} predictions in {out}.", err=True)

"""`benchbox predict`: predict ratings of given pairs with a saved model."""

import csv
import io
from pathlib import Path

import click

from benchbox.cli.common import code_option, complain_of, hand_out, say, trust_option
from benchbox.cli.installed import installed
from benchbox.cli.pairs import read_columns
from benchbox.runs import SavedModel, Trust


@click.command("predict")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("pairs", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write the predictions to; by default they are printed.",
)
@code_option
@trust_option
def command(
    folder: Path, pairs: Path, out: Path | None, code: tuple[Path, ...], trust: bool
) -> None:
    """Predict ratings for PAIRS with the model saved in FOLDER.

    PAIRS is a CSV file with the columns user and item. The output has the same two
    columns and a third one, prediction, on the rating scale of the data set.
    """
    model = SavedModel.load(folder, Trust(installed(), code, trust))
    if model.doubt:
        complain_of(f"{model.doubt}.")
    columns = read_columns(pairs, ("user", "item"))
    users, items = columns["user"], columns["item"]
    predicted = model.predict(users, items).tolist()
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

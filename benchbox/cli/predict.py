"""`benchbox predict`: predict ratings of given pairs with a saved model."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchbox.cli.common import (
    code_option,
    complain_of,
    hand_out,
    json_option,
    notify,
    to_json,
    trust_option,
)
from benchbox.cli.installed import installed
from benchbox.cli.moments import at_option, seconds_at, tell_of_now
from benchbox.cli.pairs import TextRows, read_rows
from benchbox.data import times_of
from benchbox.errors import DataError, counted, writing
from benchbox.runs import Filled, SavedModel, Trust

_PREDICTION = "prediction"


@click.command("predict")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("pairs", metavar="PAIRS")
@click.option(
    "--columns",
    default="",
    help="Columns of PAIRS with unusual names: user=…,item=…",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write the predictions to; by default they are printed.",
)
@json_option
@at_option
@code_option
@trust_option
def command(
    folder: Path,
    pairs: str,
    columns: str,
    out: Path | None,
    as_json: bool,
    at: str | None,
    code: tuple[Path, ...],
    trust: bool,
) -> None:
    """Predict ratings for PAIRS with the model saved in FOLDER.

    PAIRS is a table with the columns user and item, in any format that `benchbox run`
    reads; options follow its name, as in pairs.csv:delimiter=;,encoding=latin-1. The
    output is CSV in UTF-8, or JSON: all columns of PAIRS, and the column prediction, on
    the rating scale of the data set. If the model was fitted without a user or an item,
    the bias model predicts instead, and a line says how often.

    A model that is told when each question is asked is asked as of now, --at another
    time, or at the times in the column timestamp of PAIRS.
    """
    moment = seconds_at(at)
    model = SavedModel.load(folder, Trust(installed(), code, trust))
    if model.doubt:
        complain_of(f"{model.doubt}.")
    rows = read_rows(
        pairs,
        ("user", "item"),
        columns=columns,
        are_ids=lambda fields: len(fields) > 1 and model.catalogue.knows(*fields[:2]),
    )
    if _PREDICTION in rows.names:
        raise DataError(f"{pairs} has a column {_PREDICTION} already. Rename it.")
    moments = moment if at is not None else _moments(model, rows)
    predicted = model.predict_filled(rows.of("user"), rows.of("item"), moments)
    text = (_json if as_json else _csv)(rows, predicted.values.tolist())
    if out is None:
        hand_out(text)
    else:
        with writing(out):
            out.write_text(text, encoding="utf-8")
        notify(f"{counted(len(predicted.values), 'prediction')} in {out}.")
    if predicted.by_bias.any():
        complain_of(_filled(predicted))


def _moments(model: SavedModel, rows: TextRows) -> NDArray[np.int64] | None:
    """Return when each pair is asked, if the table says so and the model is told."""
    if not model.asks_times:
        return None
    if "timestamp" not in rows.places:
        tell_of_now(model)
        return None
    return times_of(rows.of("timestamp"), rows.where).seconds


def _csv(rows: TextRows, predicted: Sequence[float]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*rows.names, _PREDICTION))
    figures = (f"{value:.4f}" for value in predicted)
    writer.writerows(zip(*rows.columns, figures, strict=True))
    return text.getvalue()


def _json(rows: TextRows, predicted: Sequence[float]) -> str:
    columns = zip(*rows.columns, strict=True)
    return to_json(
        [
            dict(zip(rows.names, row, strict=True)) | {_PREDICTION: round(value, 4)}
            for row, value in zip(columns, predicted, strict=True)
        ],
        indent=1,
    )


def _filled(predicted: Filled) -> str:
    """Return how many pairs the model could not predict, and why."""
    unknown = [
        f"{counted(len(ids), what)} (such as {ids[0]!r})"
        for ids, what in (
            (predicted.unknown_users, "user"),
            (predicted.unknown_items, "item"),
        )
        if ids
    ]
    n = int(predicted.by_bias.sum())
    return (
        f"the bias model predicts {n:,} of {counted(len(predicted.values), 'pair')}: "
        f"the model was fitted without {' and '.join(unknown)}."
    )

"""`benchbox recommend`: recommend items to a user with a saved model."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchbox.cli.common import (
    code_option,
    complain_of,
    hand_out,
    json_option,
    notify,
    say,
    to_json,
    trust_option,
)
from benchbox.cli.installed import installed
from benchbox.cli.moments import at_option, seconds_at, tell_of_now
from benchbox.cli.pairs import read_rows
from benchbox.data import plain_id
from benchbox.errors import DataError, UsageError, is_valid, nearest
from benchbox.runs import Recommendation, SavedModel, Trust


@click.command("recommend")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--user", metavar="ID", help="Id of a user in the data.")
@click.option(
    "--user-file",
    metavar="FILE",
    help="Table with the ratings of a new user.",
)
@click.option(
    "--columns",
    default="",
    help="Columns of FILE with unusual names: item=…,rating=…",
)
@click.option(
    "-k",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of items.",
)
@json_option
@at_option
@code_option
@trust_option
def command(
    folder: Path,
    user: str | None,
    user_file: str | None,
    columns: str,
    k: int,
    as_json: bool,
    at: str | None,
    **trusted: Any,
) -> None:
    """Recommend items to a user with the model that `benchbox fit` saved in FOLDER.

    These are the K items with the highest predicted ratings among those the user has
    not rated. The table of a new user needs the column rating, and item (ids) or
    title; it may have any format that `benchbox run` reads. A model that is told when
    the question is asked is asked as of now, or --at another time.
    """
    moment = seconds_at(at)
    if (user is None) == (user_file is None):
        raise UsageError(
            "Give --user with the id of a user in the data, or --user-file with the "
            "ratings of a new user."
        )
    trust = Trust(installed(), trusted["code"], trusted["trust"])
    model = SavedModel.load(folder, trust)
    if model.doubt:
        complain_of(f"{model.doubt}.")
    if user_file is not None:
        own = _own_ratings(model, user_file, columns)
        best = model.recommend_to_new(own, k, moment)
    else:
        best = _to_known(model, _in_utf8(user or ""), k, moment)
    if model.asks_times and moment is None:
        tell_of_now(model)
    if as_json:
        hand_out(to_json([asdict(item) for item in best], indent=1))
    elif best:
        say(_table(best))
    else:
        notify("Nothing is left to recommend: this user has rated every item.")


def _in_utf8(text: str) -> str:
    """Return what was typed as UTF-8, where the locale knows ASCII alone."""
    try:
        return text if is_valid(text) else os.fsencode(text).decode()
    except UnicodeError:
        return text


def _to_known(
    model: SavedModel, user: str, k: int, moment: int | None
) -> list[Recommendation]:
    try:
        return model.recommend(plain_id(user), k, moment)
    except UsageError as error:
        if not Path(user).is_file():
            raise
        # Up to version 0.1, --user took the name of a file too.
        raise UsageError(
            f"{error} To recommend to a new user by the ratings in a file, write "
            f"--user-file {shlex.quote(user)}."
        ) from None


def _own_ratings(model: SavedModel, choice: str, columns: str) -> dict[str, float]:
    file = Path(choice)
    rows = read_rows(choice, ("rating",), either=("item", "title"), columns=columns)
    by_title = "item" not in rows.places
    names = _by_title(model, rows.of("title"), file) if by_title else rows.of("item")
    own: dict[str, float] = {}
    for row, (name, text) in enumerate(zip(names, rows.of("rating"), strict=True)):
        try:
            value = float(text)
        except ValueError:
            raise DataError(
                f"{rows.where(row)}: the rating {text!r} is not a number."
            ) from None
        if name in own:
            raise DataError(
                f"{file.name} rates item {name!r} twice. Delete one of them."
            )
        own[name] = value
    if not own:
        raise DataError(f"{file.name} has no ratings.")
    return own


def _by_title(model: SavedModel, titles: Sequence[str], file: Path) -> list[str]:
    """Return the ids of items with these titles, with or without the year."""
    catalogue = model.catalogue
    places: dict[str, set[str]] = {}
    for item, title in zip(catalogue.item_ids, catalogue.titles, strict=True):
        for name in {title, title.rpartition(" (")[0]} - {""}:
            places.setdefault(name.casefold(), set()).add(item)
    found: list[str] = []
    for title in titles:
        items = places.get(title.casefold(), set())
        if len(items) != 1:
            hint = nearest(title.casefold(), places) if not items else ""
            n = f"{len(items)} items" if items else "No item"
            raise DataError(
                f"{file.name}: {n} with the title {title!r}.{hint} Use item ids."
            )
        found.extend(items)
    return found


def _table(best: list[Recommendation]) -> str:
    from tabulate import tabulate

    rows = [
        (place, f"{item.predicted:.2f}", item.item, item.title)
        for place, item in enumerate(best, start=1)
    ]
    return tabulate(
        rows,
        headers=["", "rating", "item", "title"],
        disable_numparse=True,
        colalign=["right", "right", "left", "left"],
    )

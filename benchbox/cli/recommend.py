"""`benchbox recommend`: recommend items to a user with a saved model."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from benchbox.cli.common import code_option, complain_of, say, trust_option
from benchbox.cli.installed import installed
from benchbox.cli.pairs import read_columns
from benchbox.errors import DataError, UsageError, nearest
from benchbox.runs import Recommendation, SavedModel, Trust


@click.command("recommend")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--user",
    required=True,
    metavar="ID|FILE",
    help="Id of a user in the data, or a CSV file with the ratings of a new user.",
)
@click.option(
    "-k",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of items.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@code_option
@trust_option
def command(
    folder: Path,
    user: str,
    k: int,
    as_json: bool,
    code: tuple[Path, ...],
    trust: bool,
) -> None:
    """Recommend items to a user with the model that `benchbox fit` saved in FOLDER.

    These are the K items with the highest predicted ratings among those the user has
    not rated. The CSV file of a new user needs the column rating, and item (ids) or
    title.
    """
    model = SavedModel.load(folder, Trust(installed(), code, trust))
    if model.doubt:
        complain_of(f"{model.doubt}.")
    file = Path(user)
    if file.is_file():
        best = model.recommend_to_new(_own_ratings(model, file), k)
    elif file.suffix:
        raise UsageError(f"There is no file {user!r} with ratings of a new user.")
    else:
        best = model.recommend(user, k)
    if as_json:
        say(json.dumps([asdict(item) for item in best], indent=1))
    else:
        say(_table(best))


def _own_ratings(model: SavedModel, file: Path) -> dict[str, float]:
    columns = read_columns(file, ("rating",), either=("item", "title"))
    by_title = "title" in columns
    names = _by_title(model, columns["title"], file) if by_title else columns["item"]
    own: dict[str, float] = {}
    for row, (name, text) in enumerate(zip(names, columns["rating"], strict=True)):
        try:
            value = float(text)
        except ValueError:
            raise DataError(
                f"{file.name}, line {row + 2}: the rating {text!r} is not a number."
            ) from None
        if name in own:
            raise DataError(
                f"{file.name} rates item {name!r} twice. Delete one of them."
            )
        own[name] = value
    if not own:
        raise DataError(f"{file.name} has no ratings.")
    return own


def _by_title(model: SavedModel, titles: list[str], file: Path) -> list[str]:
    """Return the ids of items with these titles, with or without the year."""
    places: dict[str, set[str]] = {}
    for item, title in zip(model.item_ids, model.titles, strict=True):
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
